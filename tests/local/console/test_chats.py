"""The messages of each person."""

from local.console.chats import BUBBLES_KEPT, CHATS_KEPT, MESSAGES_FOUND, Bubble, Chats, Person, advance, content_of

RUDO = Person("Rudo Moyo", "one child", "+263772100001")


def bubble(message_id: str = "wamid.1", **more: object) -> Bubble:
    return Bubble(message_id, True, 0.0, {"type": "text", "text": {"body": "hi"}}, **more)  # type: ignore[arg-type]


def test_a_person_is_found_by_the_address_that_whatsapp_uses() -> None:
    chats = Chats([RUDO, Person("Amina", "hides her number", None, "ZW.1")])
    assert chats.get("263772100001") is not None
    assert chats.open(None, "ZW.1").person.name == "Amina"


def test_strangers_get_a_chat_and_only_the_latest_are_kept() -> None:
    chats = Chats([RUDO])
    for number in range(CHATS_KEPT + 5):
        chats.open(f"+26377300{number:04d}")
    assert len(list(chats)) == CHATS_KEPT + 1
    assert chats.get("263773000000") is None
    assert chats.get("263772100001") is not None


def test_ticks_never_go_back() -> None:
    item = bubble()
    assert advance(item, "read")
    assert not advance(item, "delivered")
    assert item.ticks == "read"
    assert advance(item, "failed")


def test_a_message_is_found_with_its_chat() -> None:
    chats = Chats([RUDO])
    chats.add(chats.open("+263772100001"), bubble("wamid.7"))
    found = chats.with_message("wamid.7")
    assert found is not None
    assert found[0].person == RUDO
    assert chats.with_message("wamid.8") is None


def test_only_the_latest_messages_are_kept_to_be_found() -> None:
    chats = Chats([RUDO])
    for number in range(MESSAGES_FOUND + 3):
        chats.add(chats.open("+263772100001"), bubble(f"wamid.{number}"))
    assert chats.with_message("wamid.2") is None
    assert chats.with_message("wamid.3") is not None
    assert len(chats.open("+263772100001").bubbles) == BUBBLES_KEPT


def test_messages_stand_in_the_order_of_their_times() -> None:
    chat = Chats([RUDO]).open("+263772100001")
    for moment in (3.0, 1.0, 2.0):
        item = bubble(f"wamid.{moment}")
        item.time = moment
        chat.add(item)
    assert [item.time for item in chat.bubbles] == [1.0, 2.0, 3.0]


def test_the_preview_of_a_tap_is_its_title() -> None:
    tap = {
        "type": "interactive",
        "interactive": {"type": "list_reply", "list_reply": {"id": "x", "title": "3. Gate pass"}},
    }
    assert Bubble("wamid.1", True, 0.0, tap).preview == "3. Gate pass"


def test_a_message_from_the_command_line_shows_its_words() -> None:
    assert content_of({"type": "text", "text": "balance"})["text"]["body"] == "balance"
    assert content_of({"type": "interactive", "title": "Menu"})["text"]["body"] == "Menu"
    assert content_of({"type": "audio"}) == {"type": "audio", "audio": {}}
