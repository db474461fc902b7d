"""One message as the queue carries it: who wrote it, and whether it needs an answer."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.domain.errors import InvalidRequest
from functions.domain.messages import (
    CHANGE_TYPES,
    SILENT_TYPES,
    UNDELIVERED,
    Message,
    phone_of,
    unix_seconds,
    written_at,
)

PHONE, BSUID = "+263771234567", "ZW.100"


def message(type: str = "text", **more: Any) -> Message:
    return Message("wamid.1", type, 1_795_420_800, more.pop("phone", PHONE), more.pop("bsuid", BSUID), "1", **more)


@pytest.mark.parametrize(
    ("keys", "sender"),
    [({}, BSUID), ({"bsuid": None}, PHONE), ({"phone": None}, BSUID), ({"phone": None, "bsuid": None}, "")],
)
def test_sender_is_the_user_id_or_else_the_number(keys: dict[str, Any], sender: str) -> None:
    assert message(**keys).sender == sender


@pytest.mark.parametrize("type", ["text", "image", "unsupported", "something_of_2027"])
def test_message_of_a_person_needs_an_answer(type: str) -> None:
    assert message(type).needs_answer


@pytest.mark.parametrize("type", sorted(SILENT_TYPES))
def test_reactions_changes_and_notices_need_no_answer(type: str) -> None:
    assert not message(type).needs_answer


@pytest.mark.parametrize("type", sorted(CHANGE_TYPES))
def test_unsupported_change_of_an_earlier_message_needs_no_answer(type: str) -> None:
    assert not message("unsupported", details={"type": type}).needs_answer


def test_message_of_a_group_needs_no_answer() -> None:
    assert not message(group_id="group").needs_answer


def test_delivery_failure_is_told_apart_from_messages_of_people() -> None:
    assert message(UNDELIVERED).is_delivery_failure
    assert not message().is_delivery_failure


# --- as JSON


@pytest.mark.parametrize(
    "found",
    [
        message(text="hi"),
        message("audio", is_voice=True),
        message("reaction", emoji="👍", about="wamid.reply"),
        message("contacts", phone=None, shared_phone=PHONE),
        message("interactive", tap="v1:balance", profile_name="Rudo"),
        message("system", details={"type": "user_changed_number", "wa_id": "263770000000"}),
    ],
)
def test_message_survives_json(found: Message) -> None:
    assert Message.read(json.loads(json.dumps(found.as_json()))) == found


def test_fields_that_are_not_set_are_left_out() -> None:
    assert set(message(text="hi").as_json()) == {
        *("id", "type", "timestamp", "phone", "bsuid", "phone_number_id", "text"),
    }


def test_message_pasted_into_the_console_needs_three_fields() -> None:
    found = Message.read({"id": "wamid.1", "type": "text", "phone": PHONE, "a field of the next release": 1})
    assert found == Message("wamid.1", "text", 0, PHONE, None, "")


@pytest.mark.parametrize(
    ("value", "field"),
    [
        (None, "message"),
        ([], "message"),
        ({"type": "text", "phone": PHONE}, "message.id"),
        ({"id": "", "type": "text", "phone": PHONE}, "message.id"),
        ({"id": "wamid.1", "type": 5, "phone": PHONE}, "message.type"),
        ({"id": "wamid.1", "type": "text"}, "message.phone"),
    ],
)
def test_unusable_field_is_named(value: object, field: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        Message.read(value)
    assert refused.value.field == field


# --- numbers


@pytest.mark.parametrize(
    ("digits", "phone"),
    [
        ("263771234567", PHONE),
        ("12345", "+12345"),
        ("1234", None),
        ("1" * 16, None),
        ("+263771234567", None),
        ("ZW.100", None),
        ("٢٦٣٧٧١٢٣", None),
        ("", None),
        (None, None),
    ],
)
def test_digits_alone_are_a_number(digits: str | None, phone: str | None) -> None:
    assert phone_of(digits) == phone


@given(st.text(max_size=20))
def test_anything_else_is_no_number(text: str) -> None:
    found = phone_of(text)
    assert found is None or (found == f"+{text}" and text.isascii() and text.isdigit())


# --- when it was written


@pytest.mark.parametrize(
    ("given", "seconds"),
    [("1795420800", 1_795_420_800), (1_795_420_800, 1_795_420_800), ("1795420800123", 1_795_420_800)]
    + [(no_time, 0) for no_time in ("0", "", None, "-5", "soon", True, "9" * 30, 1.5, "1" * 5000)],
)
def test_a_time_is_read_from_text_or_number_and_what_is_none_is_missing(given: object, seconds: int) -> None:
    assert unix_seconds(given) == seconds
    assert Message.read({**message().as_json(), "timestamp": given}).timestamp == seconds


def test_a_missing_time_and_one_in_the_future_count_as_now() -> None:
    now = datetime(2026, 11, 23, tzinfo=UTC)
    assert written_at(0, now) == written_at(int(now.timestamp()) + 60, now) == now
    assert written_at(int(now.timestamp()) - 60, now).timestamp() == now.timestamp() - 60


def test_age_counts_from_the_time_of_writing_and_is_never_negative() -> None:
    found = message()
    assert found.age(found.timestamp + 90.5) == 90.5
    assert found.age(found.timestamp - 90) == 0
    assert Message.read({"id": "wamid.1", "type": "text", "phone": PHONE}).age(1e9) == 0
