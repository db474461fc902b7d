"""Each kind of reply in the Graph API's form, within the limits that Meta enforces."""

from typing import Any

import pytest

from functions.adapters.whatsapp.message_format import bodies, document
from functions.domain.replies import (
    Buttons,
    Choice,
    Document,
    Menu,
    NumberRequest,
    Reaction,
    Reply,
    Template,
    Text,
    words_of,
)

CHOICES = (Choice("v1:balance", "Balance"), Choice("v1:menu", "A title of more than twenty signs", "d" * 100))
PASS = Document("Gate pass.pdf", "Here it is", instead="Pass 1")


def body_of(reply: Reply) -> Any:
    (body,) = bodies(reply)
    return body


def text(words: str) -> dict[str, object]:
    return {"type": "text", "text": {"preview_url": False, "body": words}}


def test_text_is_sent_without_link_previews() -> None:
    assert body_of(Text("Hello")) == text("Hello")


def test_long_text_becomes_several_messages_in_order() -> None:
    words = " ".join(str(number) for number in range(2000))
    found: list[Any] = bodies(Text(words))
    assert len(found) > 1
    assert " ".join(body["text"]["body"] for body in found) == words


def test_buttons_are_reply_buttons_with_short_titles() -> None:
    assert body_of(Buttons("Choose", CHOICES)) == {
        "type": "interactive",
        "interactive": {
            "type": "button",
            "body": {"text": "Choose"},
            "action": {
                "buttons": [
                    {"type": "reply", "reply": {"id": "v1:balance", "title": "Balance"}},
                    {"type": "reply", "reply": {"id": "v1:menu", "title": "A title of more tha…"}},
                ]
            },
        },
    }


def test_menu_is_a_list_with_descriptions_where_there_are_any() -> None:
    content = body_of(Menu("Choose", "A label of more than twenty signs", CHOICES, "Tap, or type."))["interactive"]
    assert (content["type"], content["footer"]) == ("list", {"text": "Tap, or type."})
    assert content["action"]["button"] == "A label of more tha…"
    (section,) = content["action"]["sections"]
    assert section["rows"] == [
        {"id": "v1:balance", "title": "Balance"},
        {"id": "v1:menu", "title": "A title of more than tw…", "description": "d" * 71 + "…"},
    ]
    assert "footer" not in body_of(Menu("Choose", "Open", CHOICES))["interactive"]


def test_request_for_the_number_uses_whatsapps_own_button() -> None:
    content = body_of(NumberRequest("Please share it"))["interactive"]
    assert (content["type"], content["action"]) == ("request_contact_info", {"name": "request_contact_info"})


def test_reaction_names_the_message_it_is_about() -> None:
    assert body_of(Reaction("🙏", "wamid.1")) == {
        "type": "reaction",
        "reaction": {"message_id": "wamid.1", "emoji": "🙏"},
    }


def test_template_carries_its_parameters_in_order() -> None:
    assert body_of(Template("fee_receipt", "en", ("Tariro", "$10"))) == {
        "type": "template",
        "template": {
            "name": "fee_receipt",
            "language": {"code": "en"},
            "components": [
                {"type": "body", "parameters": [{"type": "text", "text": "Tariro"}, {"type": "text", "text": "$10"}]}
            ],
        },
    }
    assert body_of(Template("reopen", "en"))["template"] == {"name": "reopen", "language": {"code": "en"}}


def test_document_carries_its_caption() -> None:
    content = {"id": "m1", "filename": "Gate pass.pdf", "caption": "Here it is"}
    assert document(PASS, "m1") == {"type": "document", "document": content}


def test_document_with_buttons_is_the_header_of_an_interactive_message() -> None:
    body: Any = document(Document("Gate pass.pdf", "c" * 2000, "Pass 1", choices=CHOICES), "m1")
    content = body["interactive"]
    assert content["header"] == {"type": "document", "document": {"id": "m1", "filename": "Gate pass.pdf"}}
    assert (content["type"], len(content["body"]["text"])) == ("button", 1024)
    assert [button["reply"]["id"] for button in content["action"]["buttons"]] == ["v1:balance", "v1:menu"]


def test_document_that_was_not_uploaded_goes_out_as_words() -> None:
    assert body_of(PASS) == text("Pass 1")


@pytest.mark.parametrize(
    "reply",
    [
        Buttons("Too many", tuple(Choice(str(place), f"Child {place}") for place in range(4))),
        Buttons("None", ()),
        Buttons("Twice the same", (Choice("a", "Same"), Choice("b", "Same"))),
        Buttons("😀" * 600, CHOICES),  # 1,200 units as Meta may count them
        Menu("Too many", "Open", tuple(Choice(str(place), f"Child {place}") for place in range(11))),
        NumberRequest("n" * 1025),
    ],
    ids=lambda reply: f"{type(reply).__name__} {reply.body[:10]}",
)
def test_what_meta_would_refuse_goes_out_as_words_that_name_the_choices(reply: Reply) -> None:
    assert body_of(reply) == text(words_of(reply))
