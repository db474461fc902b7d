"""Messages of a parent, as the product reads them."""

import hashlib
import hmac
import json
import time
from typing import Any

import pytest

from functions.adapters.whatsapp import inbound
from functions.domain.messages import Message
from local.parent import KINDS, UNANSWERED, Parent, button_tap, new_message_id, row_tap, text
from local.world.webhooks import encode, signature

TENDAI = Parent("+263772100002", name="Tendai Ncube")
AMINA = Parent(None, "ZW.24018735520917346650")


def read(parent: Parent, content: dict[str, Any], reply_to: str | None = None) -> Message:
    """What the product makes of a body, sent over the wire and back."""
    webhook = inbound.read(json.loads(encode(parent.webhook_body(content, "wamid.1", reply_to))))
    assert webhook.unreadable == ()
    (message,) = webhook.messages
    return message


def test_a_text_is_read_as_it_was_written() -> None:
    before = int(time.time())
    message = read(TENDAI, text("Ndinoda gate pass / 100% <ä> 👍"))
    assert (message.id, message.phone, message.text) == ("wamid.1", "+263772100002", "Ndinoda gate pass / 100% <ä> 👍")
    assert message.profile_name == "Tendai Ncube"
    assert before <= message.timestamp <= time.time()


def test_a_sender_without_a_number_shows_only_the_user_id() -> None:
    body = AMINA.webhook_body(text("hi"), "wamid.1")
    assert "wa_id" not in body["entry"][0]["changes"][0]["value"]["contacts"][0]
    message = read(AMINA, text("hi"))
    assert (message.phone, message.bsuid) == (None, "ZW.24018735520917346650")
    assert AMINA.address == "ZW.24018735520917346650"


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_message_can_be_read(kind: str) -> None:
    message = read(TENDAI, KINDS[kind]("+263772100024"))
    assert message.needs_answer is (kind not in UNANSWERED)


def test_each_kind_has_its_content() -> None:
    assert read(TENDAI, KINDS["voice"]("")).is_voice
    assert read(TENDAI, KINDS["image"]("Proof of payment")).text == "Proof of payment"
    assert read(AMINA, KINDS["my-number"]("+263772100024")).shared_phone == "+263772100024"
    assert read(AMINA, KINDS["contact"]("+263772100024")).shared_phone is None  # a forwarded card proves nothing


def test_a_tap_carries_its_choice_and_the_id_of_its_message() -> None:
    row = read(TENDAI, row_tap("v1:balance", "1. Fee balance", "What is owed"), reply_to="wamid.menu")
    button = read(TENDAI, button_tap("v1:menu", "Menu"), reply_to="wamid.menu")
    assert (row.tap, button.tap, row.about) == ("v1:balance", "v1:menu", "wamid.menu")


def test_the_bytes_are_escaped_as_meta_escapes_them_and_signed() -> None:
    raw = encode({"text": "ä/é"})
    assert raw == b'{"text":"\\u00e4\\/\\u00e9"}'
    assert signature(raw, "secret") == "sha256=" + hmac.new(b"secret", raw, hashlib.sha256).hexdigest()


def test_message_ids_are_unique() -> None:
    assert len({new_message_id() for _ in range(100)}) == 100
