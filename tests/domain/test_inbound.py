"""Every real webhook body, read against what a correct reader extracts."""

import json
from pathlib import Path

import pytest

from functions.adapters.whatsapp import inbound

PAYLOADS = Path(__file__).parents[1] / "payloads"
EXPECTED = json.loads((PAYLOADS / "expected.json").read_text("utf-8"))


def read(name: str) -> inbound.Webhook:
    return inbound.read(json.loads((PAYLOADS / f"{name}.json").read_text("utf-8")))


def digits(phone: str | None) -> str | None:
    return phone.removeprefix("+") if phone else None


def test_no_body_lacks_an_expectation() -> None:
    assert {path.stem for path in PAYLOADS.glob("*.json")} == set(EXPECTED) | {"expected"}


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_body_reads_as_expected(name: str) -> None:
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
    assert bool(webhook.unreadable) == (name == "82_foreign_object_page")


def test_each_persons_messages_are_in_the_order_they_were_written() -> None:
    def text(name: str, sender: str, moment: int) -> dict[str, object]:
        return {"id": name, "from": sender, "timestamp": str(moment), "type": "text", "text": {"body": name}}

    messages = [text("a2", "2631", 20), text("b1", "2632", 5), text("a3", "2631", 20), text("a1", "2631", 10)]
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


# --- what wants no answer, and what was given up


def unsupported(kind: str) -> Message:
    body = json.loads((PAYLOADS / "31_unsupported_poll.json").read_text("utf-8"))
    body["entry"][0]["changes"][0]["value"]["messages"][0]["unsupported"]["type"] = kind
    (message,) = inbound.read(body).messages
    return Message.read(message.as_json())


@pytest.mark.parametrize("kind", ["edit", "pin", "reaction", "keep_in_chat"])
def test_a_change_to_an_earlier_message_is_silent(kind: str) -> None:
    assert not unsupported(kind).needs_answer


def test_anything_else_that_cannot_be_shown_is_answered() -> None:
    assert unsupported("poll_creation").needs_answer


def given_up(answer_to: str | None) -> list[Message]:
    return inbound.Webhook(
        statuses=(inbound.Status("wamid.r", "failed", 1, "263771234567", (131047,), answer_to),)
    ).undelivered()


def test_what_was_given_up_says_what_it_was() -> None:
    (answer,), (receipt,) = given_up("wamid.1"), given_up("payment:1:0")
    assert (answer.type, answer.phone, answer.about) == ("undelivered", "+263771234567", "wamid.1")
    assert receipt.about == "payment:1:0"


@pytest.mark.parametrize("answer_to", ["wamid.1:office", "undelivered:wamid.0", None])
def test_neither_the_office_nor_a_template_is_written_to_again(answer_to: str | None) -> None:
    assert given_up(answer_to) == []
