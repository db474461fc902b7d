"""Every real webhook body, read against what a correct reader extracts."""

import json
from pathlib import Path

import pytest

from functions.adapters.whatsapp import inbound
from functions.domain.messages import Message
from functions.domain.payments import ExpiredReceipt

PAYLOADS = Path(__file__).parents[2] / "payloads"
EXPECTED = json.loads((PAYLOADS / "expected.json").read_text("utf-8"))


def read(name: str) -> inbound.Webhook:
    return inbound.read(json.loads((PAYLOADS / f"{name}.json").read_text("utf-8")))


def digits(phone: str | None) -> str | None:
    return phone.removeprefix("+") if phone else None


def test_every_payload_has_an_expectation() -> None:
    assert {path.stem for path in PAYLOADS.glob("*.json")} == set(EXPECTED) | {"expected"}


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_payload_is_read_as_expected(name: str) -> None:
    webhook, expected = read(name), EXPECTED[name]
    assert [
        {
            "id": message.id,
            "type": message.type,
            "phone": digits(message.phone),
            "bsuid": message.bsuid,
            "profile_name": message.profile_name,
            "phone_number_id": message.phone_number_id,
        }
        for message in webhook.messages
    ] == expected["messages"]
    assert len(webhook.messages) == expected["distinct_message_ids"]
    assert [
        {"id": status.id, "status": status.status, "to": status.to, "error_codes": list(status.error_codes)}
        for status in webhook.statuses
    ] == expected["statuses"]
    assert [notice.kind for notice in webhook.notices] == expected["other_fields"]
    assert len(webhook.errors) == expected["value_errors"]
    assert [
        {"to": digits(echo.phone), "bsuid": echo.bsuid, "is_answer": echo.is_answer} for echo in webhook.echoes
    ] == expected.get("echoes", [])
    assert len(webhook.not_kept) == expected.get("not_kept", 0)
    assert bool(webhook.unreadable) == (name == "82_foreign_object_page")


def test_messages_of_a_person_are_in_the_order_they_were_written() -> None:
    def text(name: str, sender: str, moment: int) -> dict[str, object]:
        return {"id": name, "from": sender, "timestamp": str(moment), "type": "text", "text": {"body": name}}

    messages = [
        text("a2", "263177123456", 20),
        text("b1", "263277123456", 5),
        text("a3", "263177123456", 20),
        text("a1", "263177123456", 10),
    ]
    value = {"metadata": {"phone_number_id": "1"}, "messages": messages}
    body = {
        "object": "whatsapp_business_account",
        "entry": [{"changes": [{"field": "messages", "value": value}]}],
    }
    assert [message.id for message in inbound.read(body).messages] == ["a1", "b1", "a2", "a3"]


@pytest.mark.parametrize("name", sorted(name for name in EXPECTED if EXPECTED[name]["messages"]))
def test_message_survives_the_queue(name: str) -> None:
    for message in read(name).messages:
        assert Message.read(json.loads(json.dumps(message.as_json()))) == message


# --- what needs no answer ---------------------------------------------------------------------------------------------


def unsupported(kind: str) -> Message:
    body = json.loads((PAYLOADS / "31_unsupported_poll.json").read_text("utf-8"))
    body["entry"][0]["changes"][0]["value"]["messages"][0]["unsupported"]["type"] = kind
    (message,) = inbound.read(body).messages
    return Message.read(message.as_json())


@pytest.mark.parametrize("kind", ["edit", "pin", "reaction", "keep_in_chat"])
def test_change_of_an_earlier_message_needs_no_answer(kind: str) -> None:
    assert not unsupported(kind).needs_answer


def test_anything_else_that_cannot_be_shown_needs_an_answer() -> None:
    assert unsupported("poll_creation").needs_answer


def test_messages_to_another_number_are_kept_and_not_answered() -> None:
    webhook = read("01_text_basic")
    assert webhook.only_for("106540352242922") == webhook
    foreign = webhook.only_for("another number")
    assert foreign.messages == ()
    assert [item.where for item in foreign.unreadable] == ["metadata.phone_number_id"]


# --- who is writing ---------------------------------------------------------------------------------------------------


def from_sender(sender: object, **more: object) -> inbound.Webhook:
    item = {"id": "wamid.1", "from": sender, "timestamp": "1", "type": "text", "text": {"body": "hi"}, **more}
    good = item | {"id": "wamid.2", "from": "263771234567"}
    value = {"metadata": {"phone_number_id": "1"}, "messages": [item, good]}
    entry = {"changes": [{"field": "messages", "value": value}]}
    return inbound.read({"object": "whatsapp_business_account", "entry": [entry]})


@pytest.mark.parametrize(
    "sender",
    [
        "263771234567",
        "+263 77 123 4567",
        "+263-77-(123)-4567",
        "\u200e263771234567",
        "263\u00a077\u200b1234567",
        "\ufeff263771234567",
    ],
)
def test_a_number_is_read_however_it_is_written(sender: str) -> None:
    webhook = from_sender(sender)
    first, _ = webhook.messages
    assert (first.phone, first.bsuid, webhook.unreadable) == ("+263771234567", None, ())


@pytest.mark.parametrize("sender", ["ZW.13491208655302741918", "US.ENT.11815799212886844830", "ZW.a1B2"])
def test_a_user_id_in_place_of_the_number_is_read_as_such(sender: str) -> None:
    first, _ = from_sender(sender).messages
    assert (first.phone, first.bsuid) == (None, sender)


@pytest.mark.parametrize(
    "sender", ["", "0", "12 34", "1" * 16, "parent", "٢٦٣٧٧١٢٣٤٥٦٧", "ZW.", "zw.1", "ZW.1 2", 7, None]
)
def test_a_sender_that_is_neither_is_kept_for_inspection_and_costs_no_neighbour(sender: object) -> None:
    webhook = from_sender(sender)
    assert [message.id for message in webhook.messages] == ["wamid.2"]
    assert [item.where for item in webhook.unreadable] == ["entry[0].changes[0].value.messages[0]"]


def test_a_garbled_number_beside_a_user_id_is_left_out() -> None:
    first, _ = from_sender("parent", from_user_id="ZW.100").messages
    assert (first.phone, first.bsuid) == (None, "ZW.100")


# --- replies that WhatsApp gave up after 24 hours ---------------------------------------------------------------------


def expired(answer_to: str | None, to: str | None = "263771234567", code: int = 131047) -> inbound.Webhook:
    """A webhook with one reply that could not be delivered."""
    return inbound.Webhook(statuses=(inbound.Status("wamid.r", "failed", 1, to, (code,), answer_to),))


def test_expired_reply_becomes_a_message_about_what_it_answered() -> None:
    (message,) = expired("wamid.1").undelivered()
    assert (message.id, message.type) == ("undelivered:wamid.r", "undelivered")
    assert (message.phone, message.bsuid, message.about) == ("+263771234567", None, "wamid.1")
    assert message.is_delivery_failure
    (message,) = expired("wamid.1", to="ZW.100").undelivered()
    assert (message.phone, message.bsuid) == (None, "ZW.100")


def test_expired_receipt_is_found_as_such() -> None:
    assert expired("payment:1:0").expired_receipts() == [ExpiredReceipt("wamid.r", "payment:1:0")]
    assert expired("payment:1:0").undelivered() == []
    assert expired("wamid.1").expired_receipts() == []


@pytest.mark.parametrize(
    "answer_to", ["wamid.1:office", "payment:1:office", "undelivered:wamid.0", "expired:wamid.0:0", None]
)
def test_notification_of_the_office_and_templates_are_not_sent_again(answer_to: str | None) -> None:
    assert expired(answer_to).undelivered() == []
    assert expired(answer_to).expired_receipts() == []


def test_reply_that_failed_for_another_reason_is_not_sent_again() -> None:
    for webhook in (expired("wamid.1", code=131026), expired("wamid.1", to=None), expired("payment:1:0", code=131026)):
        assert webhook.undelivered() == []
        assert webhook.expired_receipts() == []


# --- what is recorded -------------------------------------------------------------------------------------------------


def test_events_are_packed_in_order_into_a_few_queue_messages() -> None:
    events: list[dict[str, object]] = [{"n": number} for number in range(2 * inbound.EVENTS_TOGETHER + 1)]
    packed = inbound.pack_events(events)
    assert [len(item["events"]) for item in packed] == [inbound.EVENTS_TOGETHER, inbound.EVENTS_TOGETHER, 1]  # type: ignore[arg-type]
    assert [event for item in packed for event in item["events"]] == events  # type: ignore[attr-defined]
    assert inbound.pack_events([]) == []
