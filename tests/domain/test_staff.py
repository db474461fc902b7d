"""Commands of the school's staff: how they may be written, and what is an ordinary message."""

from dataclasses import replace

import pytest

from functions.domain.intents import Intent, tap_id
from functions.domain.messages import Message
from functions.domain.staff import FORMS, Command, command_in

MESSAGE = Message("wamid.1", "text", 1795423500, "+263771234567", None, "1")


def written(text: str) -> Command | None:
    return command_in(replace(MESSAGE, text=text))


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("requests", Command("requests")),
        ("Requests.", Command("requests")),
        ("reply 12 We have found it.", Command("reply", "12", "We have found it.")),
        ("Reply #12: We have found it.\n\nCome at 3.", Command("reply", "12", "We have found it.\n\nCome at 3.")),
        ("reply 12, 300 is right", Command("reply", "12", "300 is right")),
        ("close 12", Command("close", "12")),
        ("Done request 7", Command("close", "7")),
        ("close", Command("close")),
        ("revoke gp-2026-3-000123 phone stolen", Command("revoke", "GP-2026-3-000123", "phone stolen")),
        ("allow GP-2026-3-000123", Command("allow", "GP-2026-3-000123")),
        ("passes ssc 20251234", Command("passes", "SSC20251234")),
        ("problems", Command("problems")),
        ("TODAY", Command("today")),
        ("help!", Command("help")),
    ],
)
def test_a_command_is_read(text: str, command: Command) -> None:
    assert written(text) == command
    assert Command.read(command.as_json()) == command


@pytest.mark.parametrize(
    "text", ["reply", "reply 12", "revoke", "revoke GP-2026-3-000123", "passes", "close 12 and 13"]
)
def test_what_lacks_something_is_a_command_that_is_not_complete(text: str) -> None:
    found = written(text)
    assert found is not None
    assert (found.is_complete, found.about, found.words) == (False, None, None)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hi",
        "balance",
        "Please reply 12",
        "reply to my message please",
        "close the gate earlier please",
        "today is my son's birthday",
        "help me with the fees please",
        "requests for leave go where?",
        "passes for both of my children please",
    ],
)
def test_a_sentence_is_an_ordinary_message(text: str) -> None:
    assert written(text) is None


def test_the_close_button_is_a_command_and_no_other_button_is() -> None:
    tapped = replace(MESSAGE, type="interactive", text="Close")
    assert command_in(replace(tapped, tap=tap_id(Intent.CLOSE, entry="12"))) == Command("close", "12")
    assert command_in(replace(tapped, tap=tap_id(Intent.MENU))) is None


@pytest.mark.parametrize("kind", ["image", "button", "interactive", "audio"])
def test_only_typed_text_is_a_command(kind: str) -> None:
    assert command_in(replace(MESSAGE, type=kind, text="close 12")) is None


@pytest.mark.parametrize("name", FORMS)
def test_the_example_of_each_command_is_complete(name: str) -> None:
    found = written(FORMS[name].example.format(prefix="SSC", term="2026-3"))
    assert found is not None
    assert (found.name, found.is_complete) == (name, True)
