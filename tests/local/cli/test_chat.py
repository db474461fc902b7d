"""Messages are drawn as a phone shows them."""

from typing import Any

from local.cli import chat
from local.parent import KINDS, row_tap, text
from tests.local.cli.drawing import drawn
from tests.local.messages import BUTTONS, MENU


def test_replies_are_drawn_as_a_phone_shows_them() -> None:
    document = {"type": "document", "document": {"filename": "Gate pass.pdf", "caption": "Here it is"}}
    contact = {"type": "interactive", "interactive": {"type": "request_contact_info", "body": {"text": "Your number?"}}}
    messages: list[dict[str, Any]] = [
        {"time": 1795420800.0, "body": body}
        for body in ({"type": "text", "text": {"body": "*Owed:* $280.00"}}, MENU, BUTTONS, contact)
    ]
    messages.append({"time": 1795420800.0, "body": document, "document": {"bytes": 27_100}})
    header = {"type": "document", "document": {"filename": "Statement.pdf", "id": "1"}}
    with_header = {"type": "interactive", "interactive": BUTTONS["interactive"] | {"header": header}}
    messages.append({"time": 1795420800.0, "body": with_header, "document": {"bytes": 31_000}})
    picture = drawn(*(chat.reply_bubble(message) for message in messages))
    for words in ("Owed: $280.00", "Hello Rudo", "☰ Open menu", "1. Fee balance", "What is owed", "v1:menu"):
        assert words in picture
    for words in (
        "Share phone number",
        "📄 Gate pass.pdf",
        "27 kB",
        "📄 Statement.pdf",
        "31 kB",
        "Here it is",
        "Shining Smiles",
    ):
        assert words in picture
    assert "*" not in picture


def test_marks_inside_words_and_sums_are_no_formatting() -> None:
    assert (
        chat.formatted("a *bold* word, snake_case_name, 3 * 4 * 5").plain == "a bold word, snake_case_name, 3 * 4 * 5"
    )


def test_the_parents_own_message_is_drawn_on_the_right() -> None:
    for content, words in (
        (text("hi"), "hi"),
        (KINDS["voice"](""), "🎤 voice note"),
        (row_tap("a", "Menu"), "👆 Menu"),
    ):
        assert drawn(chat.sent_bubble(content)).splitlines()[1].strip().startswith(f"│ {words}")
