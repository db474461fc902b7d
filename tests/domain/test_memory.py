"""What is kept of a conversation, and whom it may be used for."""

from dataclasses import replace

import pytest

from functions.adapters.phrases_config import phrases
from functions.domain import memory
from functions.domain.conversation import ReplyType, decide
from functions.domain.intents import Intent
from functions.domain.memory import Turn
from functions.domain.messages import Message
from tests.domain.a_school import ONE_CHILD, PARENT, SCHOOL, TANAKA, TARIRO, TODAY, VISITOR

FAMILY = memory.family_of(PARENT)


def turn(kind: str = "balance", **fields: object) -> Turn:
    return replace(Turn("balance", kind, family=FAMILY), **fields)  # type: ignore[arg-type]


def test_a_turn_is_read_back_as_it_was_stored() -> None:
    kept = Turn("fees for Tariro?", "answer", "From 08:00.", (TARIRO.id,), "2026-2", FAMILY)
    assert Turn.read(kept.as_json()) == kept
    assert Turn.read({"asked": "hi"}) == Turn("hi", "")  # a field that a later release adds may be missing


@pytest.mark.parametrize("garbage", [None, 1, "x", [], {}, {"asked": 7}, {"kind": "balance"}])
def test_what_is_no_turn_is_left_out(garbage: object) -> None:
    assert memory.recall([garbage, turn().as_json()], PARENT) == (turn(),)
    assert memory.read_turns([garbage]) == ()


@pytest.mark.parametrize("person", [VISITOR, ONE_CHILD, replace(PARENT, students=(TARIRO, replace(TANAKA, id="SSC9")))])
def test_nothing_is_recalled_from_when_the_number_belonged_to_other_children(person: object) -> None:
    assert memory.recall([turn().as_json()], person) == ()  # type: ignore[arg-type]


def test_the_last_turns_are_recalled_the_oldest_first() -> None:
    stored = [turn(asked=str(number)).as_json() for number in range(9)]
    assert [found.asked for found in memory.recall(stored, PARENT)] == ["5", "6", "7", "8"]


@pytest.mark.parametrize(
    "text",
    [
        "483920",
        "your WhatsApp code is 483-920",
        "OTP 4839",
        "G-483920 is your Google verification code",
        "pin 1234",
        "kodhi 483920",
    ],
)
def test_a_one_time_code_is_seen(text: str) -> None:
    assert memory.has_code(text, phrases())


@pytest.mark.parametrize(
    "text",
    ["balance SSC20250001", "I paid $120 on the 5th", "statement 2026-2", "what is the dress code", "3", "1 and 2"],
)
def test_ordinary_figures_are_no_code(text: str) -> None:
    assert not memory.has_code(text, phrases())


@pytest.mark.parametrize("text", ["and on Fridays?", "on Fridays?", "when does it close on Saturdays", "ko neChishanu"])
def test_words_that_may_continue_the_conversation_mean_something_else_to_others(text: str) -> None:
    assert memory.may_continue(text, phrases())


def test_a_whole_question_stands_alone() -> None:
    assert not memory.may_continue("What time does school start?", phrases())


# --- what the rules make of it


def decided(text: str, earlier: Turn | None) -> tuple[Intent, tuple[str, ...], str | None]:
    message = Message("wamid.1", "text", 0, PARENT.phone, None, "", text=text)
    plan = decide(message, PARENT, None, SCHOOL, TODAY, phrases=phrases(), earlier=earlier)
    return plan.intent, tuple(student.id for student in plan.students), plan.term


def test_a_child_or_a_term_alone_goes_on_with_the_command_before() -> None:
    before = turn("statement", student_ids=(TARIRO.id,), term="2026-2")
    assert decided("Tanaka", before) == (Intent.STATEMENT, (TANAKA.id,), "2026-2")
    assert decided("term 1", before) == (Intent.STATEMENT, (TARIRO.id,), "2026-1")
    assert decided("Tanaka", None) == (Intent.BALANCE, (TANAKA.id,), "2026-3")
    assert decided("Tanaka", turn("answer")) == (Intent.BALANCE, (TANAKA.id,), "2026-3")


def test_a_child_alone_after_a_gate_pass_is_not_certain_to_want_one() -> None:
    intent, students, _ = decided("Tanaka", turn(ReplyType.GATE_PASS.value))
    assert (intent, students) == (Intent.QUESTION, ())


def test_a_command_is_what_it_says_whatever_came_before() -> None:
    before = turn("statement", student_ids=(TARIRO.id,), term="2026-2")
    assert decided("balance", before) == (Intent.BALANCE, (TARIRO.id, TANAKA.id), "2026-3")
