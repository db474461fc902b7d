"""One decision for each kind of person and each thing they can want."""

import json
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.adapters.whatsapp.inbound import Message
from functions.domain.conversation import NextStep, Pending, Plan, ReplyType, decide
from functions.domain.intents import Intent, tap_id
from functions.domain.people import Kind, Person
from tests.domain.a_school import (
    FAMILY,
    HIDDEN,
    HOLIDAYS,
    ONE_CHILD,
    PARENT,
    SCHOOL,
    TANAKA,
    TARIRO,
    TODAY,
    UNSURE,
    VISITOR,
    typed,
)

PEOPLE = {"parent": PARENT, "visitor": VISITOR, "hidden": HIDDEN, "unsure": UNSURE}


def plan(text: str, person: Person = PARENT, pending: Pending | None = None, today: date = TODAY) -> Plan:
    return decide(typed(text), person, pending, SCHOOL, today)


def of(message: Message, person: Person = PARENT, pending: Pending | None = None) -> Plan:
    return decide(message, person, pending, SCHOOL, TODAY)


@pytest.mark.parametrize(
    ("text", "parent", "visitor", "hidden", "unsure"),
    [
        ("hi", ReplyType.MENU, ReplyType.MENU, ReplyType.SHARE_NUMBER, ReplyType.MENU),
        ("balance", ReplyType.BALANCE, ReplyType.NOT_REGISTERED, ReplyType.SHARE_NUMBER, ReplyType.RECORDS_UNREACHABLE),
        (
            "statement",
            ReplyType.STATEMENT,
            ReplyType.NOT_REGISTERED,
            ReplyType.SHARE_NUMBER,
            ReplyType.RECORDS_UNREACHABLE,
        ),
        (
            "gate pass",
            ReplyType.CHOOSE_CHILD,
            ReplyType.NOT_REGISTERED,
            ReplyType.SHARE_NUMBER,
            ReplyType.RECORDS_UNREACHABLE,
        ),
        ("1", ReplyType.BALANCE, ReplyType.INFO, ReplyType.INFO, ReplyType.RECORDS_UNREACHABLE),
        ("4", ReplyType.ASK, ReplyType.INFO, ReplyType.INFO, ReplyType.ASK),
        ("5", ReplyType.OFFICE_ASK, ReplyType.ASK, ReplyType.ASK, ReplyType.OFFICE_ASK),
        ("office", ReplyType.OFFICE_ASK, ReplyType.OFFICE_ASK, ReplyType.OFFICE_ASK, ReplyType.OFFICE_ASK),
        ("thanks", ReplyType.THANKS, ReplyType.THANKS, ReplyType.THANKS, ReplyType.THANKS),
        ("STOP", ReplyType.OPTED_OUT, ReplyType.OPTED_OUT, ReplyType.OPTED_OUT, ReplyType.OPTED_OUT),
        ("subscribe", ReplyType.OPTED_IN, ReplyType.OPTED_IN, ReplyType.OPTED_IN, ReplyType.OPTED_IN),
        ("What time does school start?", ReplyType.ANSWER, ReplyType.ANSWER, ReplyType.ANSWER, ReplyType.ANSWER),
        (
            "2026-9",
            ReplyType.UNKNOWN_TERM,
            ReplyType.NOT_REGISTERED,
            ReplyType.SHARE_NUMBER,
            ReplyType.RECORDS_UNREACHABLE,
        ),
        ("about us", ReplyType.INFO, ReplyType.INFO, ReplyType.INFO, ReplyType.INFO),
    ],
)
def test_each_kind_of_person(
    text: str, parent: ReplyType, visitor: ReplyType, hidden: ReplyType, unsure: ReplyType
) -> None:
    found = {name: plan(text, person).say for name, person in PEOPLE.items()}
    assert found == {"parent": parent, "visitor": visitor, "hidden": hidden, "unsure": unsure}


@given(st.sampled_from(["balance", "statement", "gate pass", "Have you got my payment?", "SSC20257279", "Tariro"]))
def test_nobody_but_a_parent_ever_gets_figures(text: str) -> None:
    for person in (VISITOR, HIDDEN, UNSURE):
        found = plan(text, person)
        assert (found.students, found.needs_account, found.prefetch, found.personal) == ((), False, False, False)


def test_a_balance_is_about_every_child_or_the_one_named() -> None:
    found = plan("balance")
    assert (found.students, found.term, found.next, found.needs_account) == (
        FAMILY,
        "2026-3",
        NextStep.SEND_REPLY,
        True,
    )
    assert plan("Tanaka's balance").students == (TANAKA,)
    assert plan("SSC20257279").students == (TARIRO,)


@pytest.mark.parametrize("text", ["balance SSC20259999", "gate pass SSC20259999", "SSC20259999", "statement ssc 1"])
def test_another_familys_child_is_refused(text: str) -> None:
    found = plan(text)
    assert (found.reply_type, found.students, found.needs_account) == (ReplyType.NOT_YOUR_CHILD, (), False)
    assert plan(f"{text} and Tariro").reply_type == ReplyType.NOT_YOUR_CHILD


def test_terms_that_were_are_and_will_be() -> None:
    assert plan("balance 2025-3").term == "2025-3"
    found = plan("2026-3", today=HOLIDAYS)
    assert (found.reply_type, found.term, found.needs_account) == (ReplyType.TERM_NOT_BEGUN, "2026-3", False)
    assert plan("statement next term", today=HOLIDAYS).reply_type == ReplyType.TERM_NOT_BEGUN
    assert plan("balance 2026-3", today=date(2026, 9, 7)).reply_type == ReplyType.BALANCE
    assert plan("balance 2024-1").reply_type == ReplyType.UNKNOWN_TERM


def test_in_the_holidays_one_rule_for_all() -> None:
    assert plan("balance", today=HOLIDAYS).term == "2026-2"
    assert plan("statement", today=HOLIDAYS).term == "2026-2"
    assert plan("hi", today=HOLIDAYS).term == "2026-2"
    assert plan("Did you get my payment?", today=HOLIDAYS).term == "2026-2"
    refused = plan("gate pass", today=HOLIDAYS)
    assert (refused.reply_type, refused.next, refused.needs_account) == (
        ReplyType.NO_PASS_IN_HOLIDAYS,
        NextStep.SEND_REPLY,
        False,
    )


def test_a_gate_pass_is_for_one_child_of_the_current_term() -> None:
    found = plan("gate pass", ONE_CHILD)
    assert (found.reply_type, found.next, found.students) == (ReplyType.GATE_PASS, NextStep.GATE_PASS, (TARIRO,))
    assert (found.term, found.needs_account) == ("2026-3", True)
    assert plan("gate pass for Tanaka").students == (TANAKA,)
    assert plan("gate pass 2025-1", ONE_CHILD).term == "2026-3"


def test_the_answer_to_which_child() -> None:
    question = plan("gate pass")
    assert (question.reply_type, question.students, question.needs_account) == (ReplyType.CHOOSE_CHILD, FAMILY, False)
    assert (question.prefetch, question.term) == (True, "2026-3")  # whichever child is tapped: no fetch then
    assert question.pending == Pending(Intent.GATE_PASS)
    answer = plan("Tanaka", pending=question.pending)
    assert (answer.reply_type, answer.students) == (ReplyType.GATE_PASS, (TANAKA,))
    assert plan("it's for my son Tanaka please", pending=question.pending).reply_type == ReplyType.GATE_PASS


@pytest.mark.parametrize(
    ("text", "say"),
    [
        ("1", ReplyType.BALANCE),
        ("menu", ReplyType.MENU),
        ("balance Tanaka", ReplyType.BALANCE),
        ("hi", ReplyType.MENU),
        ("5", ReplyType.OFFICE_ASK),
    ],
)
def test_our_question_never_traps(text: str, say: ReplyType) -> None:
    assert plan(text, pending=Pending(Intent.GATE_PASS)).reply_type == say


FOR_THE_OFFICE = Pending(Intent.OFFICE)


@pytest.mark.parametrize(
    "text",
    [
        "My balance is wrong, I paid $200 on Monday",
        "Please send the gate pass of Tanaka to her aunt",
        "Transport",
        "Who can help me with the jacket?",
        "call me back please",
    ],
)
def test_what_we_asked_for_goes_to_the_office(text: str) -> None:
    for person in PEOPLE.values():
        found = plan(text, person, FOR_THE_OFFICE)
        assert (found.reply_type, found.next, found.question) == (
            ReplyType.OFFICE_TOLD,
            NextStep.OPEN_OFFICE_REQUEST,
            text,
        )


@pytest.mark.parametrize(
    ("text", "say"),
    [
        ("STOP", ReplyType.OPTED_OUT),
        ("menu", ReplyType.MENU),
        ("show me the main menu please", ReplyType.MENU),
        ("1", ReplyType.BALANCE),
        ("5", ReplyType.OFFICE_ASK),
        ("office", ReplyType.OFFICE_ASK),
        ("balance Tanaka", ReplyType.BALANCE),
        ("2026-1", ReplyType.BALANCE),
        ("gate pass for Tanaka", ReplyType.GATE_PASS),
        ("thank you so much", ReplyType.THANKS),
    ],
)
def test_a_command_is_obeyed_although_the_office_was_asked_about(text: str, say: ReplyType) -> None:
    assert plan(text, pending=FOR_THE_OFFICE).reply_type == say


def test_start_is_obeyed_although_the_office_was_asked_about() -> None:
    assert plan("START", replace(PARENT, opted_out=True), FOR_THE_OFFICE).reply_type == ReplyType.OPTED_IN


@pytest.mark.parametrize(
    "text",
    [
        "I want to talk to the bursar about my balance",
        "May I speak to someone about the statement of Tanaka",
        "Please connect me to the office, the gate pass does not open",
    ],
)
def test_a_person_is_wanted_whatever_it_is_about(text: str) -> None:
    found = plan(text)
    assert (found.reply_type, found.question) == (ReplyType.OFFICE_TOLD, text)


def test_a_bank_transfer_is_no_wish_to_talk() -> None:
    assert plan("I made a transfer at the office, what is my balance").reply_type == ReplyType.BALANCE


def test_a_name_alone_is_a_balance_when_nothing_is_pending() -> None:
    found = plan("Tanaka")
    assert (found.reply_type, found.students) == (ReplyType.BALANCE, (TANAKA,))


def test_the_menu_fetches_the_account_behind_it() -> None:
    found = plan("hi")
    assert (found.needs_account, found.prefetch) == (False, True)
    assert (found.students, found.term) == (FAMILY, "2026-3")
    for person in (VISITOR, UNSURE):
        assert not plan("hi", person).prefetch


def test_a_question_of_ones_own_needs_the_account() -> None:
    own = plan("Have you received my payment for Tariro?")
    assert (own.next, own.personal, own.needs_account, own.term) == (NextStep.AI_REPLY, True, True, "2026-3")
    assert (own.students, own.question) == (FAMILY, "Have you received my payment for Tariro?")
    general = plan("What time does school start?")
    assert (general.next, general.personal, general.needs_account, general.term) == (
        NextStep.AI_REPLY,
        False,
        False,
        None,
    )
    assert general.students == ()


def test_a_question_about_another_term_gets_that_terms_figures() -> None:
    assert plan("why did you charge me so much in term 1").term == "2026-1"
    assert plan("what will you charge me next term", today=HOLIDAYS).term == "2026-2"
    assert plan("did you charge me twice in 2019-1").term == "2026-3"


# --- people whose number WhatsApp hides


def test_sharing_the_number_resumes_what_was_asked() -> None:
    asked = plan("statement 2026-1", HIDDEN)
    assert (asked.reply_type, asked.pending) == (ReplyType.SHARE_NUMBER, Pending(Intent.STATEMENT, "2026-1"))
    shared = Message("w2", "contacts", 1, None, "ZW.103", "1", shared_phone="+263771234567")
    found = of(shared, PARENT, asked.pending)
    assert (found.reply_type, found.term, found.students) == (ReplyType.STATEMENT, "2026-1", FAMILY)
    assert of(shared, VISITOR, asked.pending).reply_type == ReplyType.NOT_REGISTERED


def test_sharing_the_number_unasked_is_thanked_for() -> None:
    assert plan("hi", HIDDEN).pending is None
    shared = Message("w2", "contacts", 1, None, "ZW.103", "1", shared_phone="+263771234567")
    found = of(shared)
    assert (found.reply_type, found.prefetch, found.students) == (ReplyType.NUMBER_KNOWN, True, FAMILY)
    assert of(shared, VISITOR).reply_type == ReplyType.NUMBER_KNOWN


def test_a_forwarded_card_proves_nothing() -> None:
    card = Message("w2", "contacts", 1, None, "ZW.103", "1")
    found = of(card, HIDDEN, Pending(Intent.BALANCE))
    assert (found.reply_type, found.kind) == (ReplyType.NOT_TEXT, "contacts")


# --- taps and everything that is not text


def tapped(tap: str, title: str = "Some button", kind: str = "interactive") -> Message:
    return replace(typed(title), type=kind, tap=tap)


def test_a_tap_does_what_the_button_says() -> None:
    assert of(tapped(tap_id(Intent.BALANCE))).reply_type == ReplyType.BALANCE
    found = of(tapped(tap_id(Intent.GATE_PASS, TANAKA.id)))
    assert (found.reply_type, found.students) == (ReplyType.GATE_PASS, (TANAKA,))
    assert of(tapped(tap_id(Intent.STATEMENT, term="2026-1"))).term == "2026-1"
    assert of(tapped(tap_id(Intent.INFO, entry="events")), VISITOR).entry == "events"
    assert of(tapped(tap_id(Intent.ASK)), VISITOR).reply_type == ReplyType.ASK
    assert of(tapped(tap_id(Intent.MENU))).reply_type == ReplyType.MENU


def test_an_old_button_of_a_child_who_left() -> None:
    assert of(tapped(tap_id(Intent.GATE_PASS, "SSC1"))).reply_type == ReplyType.NOT_YOUR_CHILD


def test_a_foreign_button_is_read_by_its_title() -> None:
    assert of(tapped("old_menu_1", "Balance")).reply_type == ReplyType.BALANCE
    assert of(tapped("payload", "Statement", kind="button")).reply_type == ReplyType.STATEMENT
    assert of(tapped("old_menu_1", "")).reply_type == ReplyType.MENU


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"type": "audio", "is_voice": True}, "voice"),
        ({"type": "audio"}, "audio"),
        ({"type": "image"}, "image"),
        ({"type": "image", "text": "What is this?"}, "image"),
        ({"type": "sticker"}, "sticker"),
        ({"type": "location"}, "location"),
        ({"type": "unsupported"}, "unsupported"),
        ({"type": "something_of_2027"}, "something_of_2027"),
    ],
)
def test_what_cannot_be_read_gets_one_line(fields: dict[str, object], kind: str) -> None:
    for person in PEOPLE.values():
        found = of(replace(typed(""), **{"text": None} | fields), person)
        assert (found.reply_type, found.kind) == (ReplyType.NOT_TEXT, kind)


def test_a_caption_that_is_a_request_is_answered() -> None:
    assert of(replace(typed("balance"), type="image")).reply_type == ReplyType.BALANCE


def test_an_empty_text_is_the_menu() -> None:
    assert plan("").reply_type == ReplyType.MENU
    assert plan("   ").reply_type == ReplyType.MENU


# --- as JSON


@given(
    st.text(max_size=60)
    | st.sampled_from(["1", "balance", "gate pass", "2026-1", "Tariro", "next term", "why my fees"]),
    st.sampled_from(list(PEOPLE.values())),
    st.sampled_from([None, Pending(Intent.GATE_PASS), Pending(Intent.BALANCE, "2026-1")]),
    st.dates(date(2024, 1, 1), date(2027, 12, 31)),
)
def test_every_decision_survives_the_state_machine(
    text: str, person: Person, pending: Pending | None, day: date
) -> None:
    found = plan(text, person, pending, day)
    assert Plan.read(json.loads(json.dumps(found.as_json()))) == found
    assert Person.read(json.loads(json.dumps(person.as_json()))) == person
    if found.needs_account or found.prefetch:
        assert person.kind == Kind.REGISTERED
        assert found.term
        assert set(found.students) <= set(person.students)
        assert found.students


@pytest.mark.parametrize("value", [None, "balance", [], {}, {"intent": "dance"}, {"intent": None}])
def test_what_is_no_pending_question_is_none(value: object) -> None:
    assert Pending.read(value) is None


def test_a_pending_question_survives_the_cache() -> None:
    pending = Pending(Intent.STATEMENT, "2026-1")
    assert Pending.read(json.loads(json.dumps(pending.as_json()))) == pending


def test_start_undoes_stop_and_opens_the_menu_for_everyone_else() -> None:
    assert plan("START").reply_type == ReplyType.MENU
    assert plan("START", replace(PARENT, opted_out=True)).reply_type == ReplyType.OPTED_IN
    assert plan("hi", replace(PARENT, opted_out=True)).reply_type == ReplyType.MENU
