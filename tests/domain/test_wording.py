"""What parents read: every answer with its facts, within WhatsApp's limits, and nothing internal in it."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.adapters.phrases_config import phrases
from functions.adapters.whatsapp import message_format
from functions.domain.accounts import Account, Line, StudentAccount
from functions.domain.conversation import Plan, ReplyType, decide
from functions.domain.gate_passes import Refusal
from functions.domain.intents import REGISTERED_MENU, Intent, read_tap
from functions.domain.payments import Receipt
from functions.domain.people import Person, Student
from functions.domain.replies import Buttons, Document, Menu, NumberRequest, Reaction, Reply, Template, Text, length
from functions.domain.replies import words_of as plain_words
from functions.domain.school import Templates
from functions.domain.staff import Command
from functions.domain.wording import (
    NO_PLAN,
    Problem,
    Turn,
    compose,
    compose_office_notification,
    compose_receipt,
    is_apology,
    menu_choices,
    office_template,
    receipt_template,
    reply_template,
    without_model,
)
from tests.domain.a_school import (
    FAMILY,
    HIDDEN,
    HOLIDAYS,
    NOW,
    ONE_CHILD,
    PARENT,
    SCHOOL,
    TANAKA,
    TARIRO,
    TODAY,
    UNSURE,
    VISITOR,
    account,
    figures,
    typed,
)

INTERNAL = re.compile(
    r"None|null|NaN|Error|Exception|Traceback|Decimal|[{}]|\bReplyType\b|school_|_unavailable|stale|HTTP|API|JSON|Lambda|\bbot\b"
)
PASS = {
    "outcome": "issued",
    "delivery": "document",
    "request_of_week": 1,
    "pass_id": 7,
    "number": "GP-2026-3-000007",
    "valid_until": "2026-12-03",
    "file_key": "passes/7.pdf",
    "media_id": None,
    "percent_paid": 100,
}
REFUSED = {"missing": "50.00", "percent_needed": 50, "percent_paid": 37}
BOTH = account((TARIRO, figures("400", "150")), (TANAKA, figures("650", "700")))


def plan(text: str, person: Person = PARENT, today: date = TODAY) -> Plan:
    return decide(typed(text), person, None, SCHOOL, today, phrases=phrases())


def turn(text: str, person: Person = PARENT, **found: Any) -> Turn:
    """A turn decided as the product decides it."""
    return Turn(plan(text, person, found.pop("today", TODAY)), person, message_id="wamid.1", **found)


def said(item: Turn, now: datetime = NOW) -> str:
    """The words, with what can be tapped."""
    return words_of(compose(item, SCHOOL, now))


def words_of(reply: Reply) -> str:
    """What the person reads, with what can be tapped."""
    shown = reply.caption if isinstance(reply, Document) else plain_words(reply)
    assert not INTERNAL.search(shown), shown
    return shown


def accepted(reply: Reply) -> Iterator[dict[str, Any]]:
    """The bodies that go out, each held to WhatsApp's limits."""
    bodies = [message_format.document(reply, "m1")] if isinstance(reply, Document) else message_format.bodies(reply)
    assert bodies
    for body in bodies:
        content: Any = body[str(body["type"])]
        if body["type"] == "text":
            assert 0 < length(content["body"]) <= 4096
        elif body["type"] == "document":
            assert 0 < length(content["caption"]) <= 1024
            assert length(content["filename"]) <= 240
        elif body["type"] == "interactive":
            held_to_limits(content)
        yield body


def held_to_limits(content: Any) -> None:
    action = content["action"]
    assert 0 < length(content["body"]["text"]) <= 1024
    assert length(content.get("footer", {}).get("text", "")) <= 60
    rows = [row for section in action.get("sections", []) for row in section["rows"]]
    buttons = [button["reply"] for button in action.get("buttons", [])]
    assert len(rows) <= 10
    assert len(buttons) <= 3
    assert all(0 < length(row["title"]) <= 24 and length(row.get("description", "")) <= 72 for row in rows)
    assert all(0 < length(button["title"]) <= 20 for button in buttons)
    assert all(0 < len(item["id"]) <= 200 for item in rows + buttons)
    for same in ([item["id"] for item in rows + buttons], [item["title"] for item in rows + buttons]):
        assert len(set(same)) == len(same)
    assert all(read_tap(item["id"]) for item in rows + buttons)


TURNS = {
    ReplyType.MENU: turn("hi"),
    ReplyType.BALANCE: turn("balance", account=BOTH),
    ReplyType.STATEMENT: turn("statement", account=BOTH),
    ReplyType.EXPLANATION: Turn(
        Plan(Intent.EXPLAIN, ReplyType.EXPLANATION, students=PARENT.students, term="2026-3"), PARENT, account=BOTH
    ),
    ReplyType.GATE_PASS: turn("gate pass", ONE_CHILD, gate_pass=PASS),
    ReplyType.ANSWER: turn("What time does school start?", answer="At 08:00."),
    ReplyType.ASK: turn("4"),
    ReplyType.INFO: turn("2", VISITOR),
    ReplyType.OFFICE: Turn(Plan(Intent.OFFICE, ReplyType.OFFICE), PARENT),
    ReplyType.THANKS: turn("thanks"),
    ReplyType.OPTED_OUT: turn("STOP"),
    ReplyType.OPTED_IN: turn("subscribe"),
    ReplyType.NOT_TEXT: Turn(Plan(Intent.NOT_TEXT, ReplyType.NOT_TEXT, kind="voice"), PARENT),
    ReplyType.PROOF_ASK: Turn(Plan(Intent.PROOF, ReplyType.PROOF_ASK, students=PARENT.students, entry="jpg.1"), PARENT),
    ReplyType.PROOF_TOLD: Turn(
        Plan(Intent.PROOF, ReplyType.PROOF_TOLD, students=(TARIRO,)), PARENT, request={"number": 12, "notified": True}
    ),
    ReplyType.CHOOSE_CHILD: turn("gate pass"),
    ReplyType.CONFIRM: Turn(Plan(Intent.GATE_PASS, ReplyType.CONFIRM, students=(TANAKA,)), PARENT),
    ReplyType.SHARE_NUMBER: turn("balance", HIDDEN),
    ReplyType.NUMBER_KNOWN: Turn(Plan(Intent.SHARED_NUMBER, ReplyType.NUMBER_KNOWN), PARENT),
    ReplyType.NOT_REGISTERED: turn("balance", VISITOR),
    ReplyType.NOT_YOUR_CHILD: turn("balance SSC1"),
    ReplyType.NOT_ON_RECORD: Turn(Plan(Intent.LOOK_UP, ReplyType.NOT_ON_RECORD), VISITOR),
    ReplyType.UNKNOWN_TERM: turn("balance 2031-1"),
    ReplyType.TERM_NOT_BEGUN: turn("balance 2026-3", today=HOLIDAYS),
    ReplyType.NO_PASS_IN_HOLIDAYS: turn("gate pass", today=HOLIDAYS),
    ReplyType.QUESTION_LIMIT: Turn(Plan(Intent.QUESTION, ReplyType.QUESTION_LIMIT), VISITOR),
    ReplyType.DOCUMENT_LIMIT: Turn(Plan(Intent.STATEMENT, ReplyType.DOCUMENT_LIMIT), PARENT),
    ReplyType.REPLY_LIMIT: Turn(Plan(Intent.MENU, ReplyType.REPLY_LIMIT), VISITOR),
    ReplyType.RECORDS_UNREACHABLE: turn("balance", UNSURE),
    ReplyType.FEEDBACK: Turn(Plan(Intent.FEEDBACK, ReplyType.FEEDBACK, entry="down"), PARENT),
    ReplyType.OFFICE_ASK: turn("office"),
    ReplyType.OFFICE_TOLD: Turn(
        Plan(Intent.OFFICE, ReplyType.OFFICE_TOLD), PARENT, request={"number": 12, "notified": True}
    ),
    ReplyType.STAFF: Turn(
        Plan(Intent.STAFF, ReplyType.STAFF, command=Command("close", "12")), VISITOR, request={"number": 12}
    ),
    ReplyType.REOPEN: Turn(Plan(Intent.UNDELIVERED, ReplyType.REOPEN), PARENT),
}
FACTS = {
    ReplyType.MENU: [
        "Good morning",
        "Mya",
        "Shining Smiles",
        "Tariro and Tanaka",
        "1. Fee balance",
        "5. Talk to the office",
    ],
    ReplyType.BALANCE: [
        "*Term 3, 2026*",
        "*Tariro Moyo* (Grade 3)",
        "Billed: $400.00",
        "Paid: $150.00",
        "*Owed: $250.00*",
        "*Tanaka Moyo* (Form 1)",
        "*In credit: $50.00*",
        "All together: *Owed: $200.00*",
        "• Gate pass",
    ],
    ReplyType.STATEMENT: [
        "Statement, Term 3, 2026",
        "07 Sep  Tuition: $400.00",
        "10 Sep  Payment, Tuition: −$150.00",
        "Billed $400.00, paid $150.00",
        TARIRO.id,
    ],
    ReplyType.EXPLANATION: [
        "*Owed: $250.00*",
        "Billed for: Tuition $400.00",
        "Last payment: $150.00 on 10 September 2026",
        "may not be in it yet",
        "• Statement",
        "• Talk to the office",
    ],
    ReplyType.GATE_PASS: ["Tariro Moyo", "GP-2026-3-000007", "Valid until 3 December 2026", "100 %", "QR"],
    ReplyType.ANSWER: ["At 08:00."],
    ReplyType.ASK: ["type your question"],
    ReplyType.INFO: ["birth certificate", "• Menu"],
    ReplyType.OFFICE: [SCHOOL.office.email, SCHOOL.office.address, "08:00-15:00", "It is open now."],
    ReplyType.THANKS: ["You're welcome"],
    ReplyType.OPTED_OUT: ["not write to you first", "START"],
    ReplyType.OPTED_IN: ["STOP"],
    ReplyType.NOT_TEXT: ["voice note", "*menu*"],
    ReplyType.PROOF_ASK: ["Is this picture a proof of payment?", "• Tariro", "• Tanaka", "• Something else"],
    ReplyType.PROOF_TOLD: ["a proof of payment for *Tariro*", "request 12", "when the school books the payment"],
    ReplyType.CHOOSE_CHILD: ["Which child", "• Tariro", "• Tanaka"],
    ReplyType.CONFIRM: ["gate pass for *Tanaka Moyo*?", "• Gate pass"],
    ReplyType.SHARE_NUMBER: ["share it with the button"],
    ReplyType.NUMBER_KNOWN: ["Thank you", "Tariro and Tanaka"],
    ReplyType.NOT_REGISTERED: ["not on Shining Smiles' records", SCHOOL.office.email, "*menu*"],
    ReplyType.NOT_YOUR_CHILD: ["your own children only", "Tariro (SSC20257279) and Tanaka", SCHOOL.office.email],
    ReplyType.NOT_ON_RECORD: ["could not match that student number", SCHOOL.office.email],
    ReplyType.UNKNOWN_TERM: ["2031-1", "2026-2 and 2026-3", "*balance 2026-3*"],
    ReplyType.TERM_NOT_BEGUN: ["Term 3, 2026 has not begun yet", "7 September 2026"],
    ReplyType.NO_PASS_IN_HOLIDAYS: ["during the term only"],
    ReplyType.QUESTION_LIMIT: ["questions today", "tomorrow", "*menu*", SCHOOL.office.email],
    ReplyType.DOCUMENT_LIMIT: ["today", "tomorrow", SCHOOL.office.email],
    ReplyType.REPLY_LIMIT: ["today", "tomorrow", SCHOOL.office.email],
    ReplyType.RECORDS_UNREACHABLE: ["cannot look up your records", SCHOOL.office.email],
    ReplyType.FEEDBACK: ["sorry", SCHOOL.office.email],
    ReplyType.OFFICE_ASK: ["What would you like to tell the office?", SCHOOL.office.email],
    ReplyType.OFFICE_TOLD: ["request 12", "expect an answer today"],
    ReplyType.STAFF: ["Request 12 is closed"],
}
RECEIPT = Receipt(TARIRO, "2026-3", Decimal(100))
OFFICE_NOTIFICATION = compose_office_notification(PARENT, "The bus was late.", 12, SCHOOL)


def test_every_answer_has_its_facts_here() -> None:
    assert set(TURNS) == set(ReplyType)
    assert {say for say, item in TURNS.items() if item.plan.reply_type != say} == set()
    assert set(ReplyType) - set(FACTS) == {ReplyType.REOPEN}  # a template of WhatsApp's: no words of ours


@pytest.mark.parametrize("say", FACTS, ids=lambda say: say.value)
def test_the_facts_are_said(say: ReplyType) -> None:
    words = said(TURNS[say])
    assert [fact for fact in FACTS[say] if fact not in words] == [], words


@pytest.mark.parametrize("say", ReplyType, ids=lambda say: say.value)
def test_whatsapp_accepts_it_as_one_message(say: ReplyType) -> None:
    assert len(list(accepted(compose(TURNS[say], SCHOOL, NOW)))) == 1


# --- menus


def test_a_visitors_menu_has_no_figures_in_it() -> None:
    words = said(turn("hi", VISITOR))
    assert "1. About us" in words
    assert "5. Ask a question" in words
    assert "alance" not in words


def test_the_numbers_of_the_menu_are_those_that_typing_takes() -> None:
    for place, choice in enumerate(menu_choices(PARENT.kind), start=1):
        tapped = read_tap(choice.id)
        assert tapped is not None
        assert choice.title.startswith(f"{place}. ")
        assert plan(str(place)).intent == tapped.intent == REGISTERED_MENU[place - 1]
    for place, choice in enumerate(menu_choices(VISITOR.kind), start=1):
        tapped = read_tap(choice.id)
        assert tapped is not None
        found = plan(str(place), VISITOR)
        assert (found.intent, found.entry) == (tapped.intent, tapped.entry)


@pytest.mark.parametrize(("hour", "greeting"), [(7, "Good morning"), (12, "Good afternoon"), (18, "Good evening")])
def test_the_greeting_follows_the_clock(hour: int, greeting: str) -> None:
    assert said(turn("hi"), NOW.replace(hour=hour)).startswith(greeting)


# --- figures


@pytest.mark.parametrize(
    ("billed", "paid", "words"),
    [
        ("400", "150", "*Owed: $250.00*"),
        ("400", "400", "*Fully paid*"),
        ("400", "450", "*In credit: $50.00*"),
        ("0", "0", "No fees recorded for this term yet."),
        ("1250", "0.50", "*Owed: $1,249.50*"),
    ],
)
@pytest.mark.parametrize("text", ["balance", "statement"])
def test_the_four_standings(text: str, billed: str, paid: str, words: str) -> None:
    assert words in said(turn(text, ONE_CHILD, account=account((TARIRO, figures(billed, paid)))))


def test_a_child_the_school_does_not_know_is_no_empty_account() -> None:
    for text in ("balance", "statement"):
        words = said(turn(text, ONE_CHILD, account=account((TARIRO, None))))
        assert "could not find this student" in words
        assert "No fees" not in words


@pytest.mark.parametrize("text", ["balance", "statement"])
def test_figures_are_dated_as_their_age_wants(text: str) -> None:
    def with_age(stale: bool = False, **age: float) -> str:
        moment = (NOW - timedelta(**age)).isoformat()
        return said(turn(text, account=replace(BOTH, as_of=moment, stale=stale)))

    assert "s of" not in with_age(seconds=1)
    assert "_As of 10:42._" in with_age(minutes=3)
    assert "cannot be reached at the moment. These figures are as of 10:32." in with_age(minutes=13, stale=True)
    assert "as of 22 November, 10:45" in with_age(days=1, stale=True)


def test_in_the_holidays_the_next_term_is_told() -> None:
    ended = replace(BOTH, term="2026-2")
    now = datetime.combine(HOLIDAYS, NOW.timetz())
    for text in ("balance", "statement"):
        words = said(turn(text, account=ended, today=HOLIDAYS), now)
        assert "Term 2, 2026" in words
        assert "Term 3, 2026 begins on 7 September 2026." in words
    assert "begins on 7 September 2026" in said(turn("gate pass", today=HOLIDAYS), now)


def test_an_answer_from_stale_figures_is_dated() -> None:
    item = turn("Did you get my payment?", account=replace(BOTH, stale=True), answer="Yes, $150.00.")
    assert "as of 10:45" in said(item)
    assert "as of" not in said(replace(item, account=BOTH))


# --- statements


def many_lines(count: int) -> Account:
    bills = tuple(
        Line(f"Transport and food {place}", Decimal(place), date(2026, 9, 1 + place % 30)) for place in range(count)
    )
    return account((TARIRO, StudentAccount(bills, ())))


def test_oldest_first_undated_last() -> None:
    lines = (
        Line("Late", Decimal(3), date(2026, 10, 1)),
        Line("Undated", Decimal(4), None),
        Line("Early", Decimal(1), date(2026, 9, 1)),
    )
    payments = (Line("Tuition", Decimal(2), date(2026, 9, 2)),)
    words = said(turn("statement", ONE_CHILD, account=account((TARIRO, StudentAccount(lines, payments)))))
    places = [
        words.index(text) for text in ("Early: $1.00", "Payment, Tuition: −$2.00", "Late: $3.00", "undated  Undated")
    ]
    assert places == sorted(places)


def test_a_payment_that_was_taken_back_is_named_so_and_shown_though_the_balance_is_nothing() -> None:
    payments = tuple(Line("Tuition", Decimal(amount), date(2026, 9, 2)) for amount in (20, -20))
    found = account((TARIRO, StudentAccount((), payments)))
    words = said(turn("statement", ONE_CHILD, account=found))
    assert "Payment, Tuition: −$20.00" in words
    assert "Payment reversed, Tuition: $20.00" in words
    assert "Billed $0.00, paid $0.00\nNo fees recorded" in words
    assert "No fees recorded" in said(turn("balance", ONE_CHILD, account=found))


# --- other currencies

ZWG = account(
    (
        TARIRO,
        StudentAccount(
            figures("400", "100").bills, (*figures("0", "100").payments, Line("Tuition", Decimal(5000), None, "ZWG"))
        ),
    )
)


@pytest.mark.parametrize("text", ["balance", "statement"])
def test_amounts_in_another_currency_are_shown_beside_and_never_added(text: str) -> None:
    words = said(turn(text, ONE_CHILD, account=ZWG))
    assert "*Owed: $300.00*" in words
    assert "In ZWG, not counted above: billed 0.00, paid 5,000.00" in words
    assert ("Payment, Tuition: −ZWG 5,000.00" in words) == (text == "statement")
    assert "In ZWG" not in said(turn(text, ONE_CHILD, account=account((TARIRO, figures("400", "100")))))


def test_a_refusal_says_that_another_currency_did_not_count() -> None:
    refused = {"refusal": Refusal.TOO_LITTLE_PAID.value, **REFUSED}
    words = "Amounts in ZWG are not counted in this"
    assert words in said(turn("gate pass", ONE_CHILD, gate_pass=refused, account=ZWG))
    assert words not in said(turn("gate pass", ONE_CHILD, gate_pass=refused, account=BOTH))


def test_a_statement_too_long_becomes_a_document_whose_words_are_complete() -> None:
    reply = compose(turn("statement", ONE_CHILD, account=many_lines(300)), SCHOOL, NOW)
    assert isinstance(reply, Document)
    assert reply.filename == "Statement SSC20257279 2026-3.pdf"
    assert "*Owed: $44,850.00*" in reply.caption
    assert all(f"Transport and food {place}: ${place:,}.00" in reply.instead for place in range(300))
    assert reply.statement is not None
    assert [child.student_id for child in reply.statement.children] == [TARIRO.id]
    assert len(reply.statement.children[0].account.bills) == 300
    (body,) = accepted(reply)
    assert body["type"] == "document"
    parts = [part["text"]["body"] for part in accepted(Text(reply.instead))]
    assert "".join("".join(parts).split()) == "".join(reply.instead.split())


@given(st.integers(min_value=0, max_value=200))
def test_no_line_of_a_statement_is_ever_lost(count: int) -> None:
    reply = compose(turn("statement", ONE_CHILD, account=many_lines(count)), SCHOOL, NOW)
    words = plain_words(reply)
    assert all(f"Transport and food {place}:" in words for place in range(1, count))
    list(accepted(reply))


# --- gate passes


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"outcome": "resent"}, "Here is your gate pass again."),
        ({"outcome": "replaced"}, "The earlier one is no longer valid."),
        ({"delivery": "text", "request_of_week": 4}, "You have asked 4 times this week"),
        ({"delivery": "refused", "request_of_week": 6}, "requested 5 times already this week"),
    ],
)
def test_a_pass_that_was_asked_for_again(changes: dict[str, object], words: str) -> None:
    item = turn("gate pass", ONE_CHILD, gate_pass={**PASS, **changes})
    assert words in said(item)
    assert "3 December 2026" in said(item)
    assert isinstance(compose(item, SCHOOL, NOW), Document) is ("delivery" not in changes)


def test_the_sixth_request_names_the_office() -> None:
    item = turn("gate pass", ONE_CHILD, gate_pass={**PASS, "delivery": "refused", "request_of_week": 6})
    assert SCHOOL.office.email in said(item)
    assert "Monday" in said(item)


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        (Refusal.TOO_LITTLE_PAID, "*$50.00 more* reaches 50 %"),
        (Refusal.WITHDRAWN, "has withdrawn the gate pass"),
        (Refusal.NO_FEES, "still being processed"),
        (Refusal.NO_TERM, "during the term only"),
    ],
)
def test_a_refusal_gives_its_reason_and_no_pass(refusal: Refusal, words: str) -> None:
    item = turn("gate pass", ONE_CHILD, gate_pass={**REFUSED, "refusal": refusal.value})
    assert words in said(item)
    assert not isinstance(compose(item, SCHOOL, NOW), Document)
    assert "issued" not in said(item)


def test_a_refused_file_leaves_the_details() -> None:
    reply = compose(TURNS[ReplyType.GATE_PASS], SCHOOL, NOW)
    assert isinstance(reply, Document)
    assert "GP-2026-3-000007" in reply.instead
    assert "Valid until 3 December 2026" in reply.instead
    assert not INTERNAL.search(reply.instead)


# --- when something broke


@pytest.mark.parametrize(
    "text", ["balance", "statement", "gate pass for Tariro", "hi", "Have you got my payment?", "5"]
)
@pytest.mark.parametrize("problem", Problem, ids=lambda problem: problem.value)
def test_one_honest_sentence_and_a_person_to_turn_to(problem: Problem, text: str) -> None:
    item = turn(text, problem=problem)
    words = said(item)
    assert SCHOOL.office.email in words or problem == Problem.ANSWER_UNAVAILABLE
    list(accepted(compose(item, SCHOOL, NOW)))


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (Problem.SCHOOL_UNREACHABLE, "cannot reach the school's records"),
        (Problem.SCHOOL_BUSY, "very busy"),
        (Problem.PASS_UNAVAILABLE, "cannot issue a gate pass"),
        (Problem.UNEXPECTED, "something went wrong on my side"),
    ],
)
def test_each_problem_is_named(problem: Problem, words: str) -> None:
    assert words in said(Turn(NO_PLAN, UNSURE, problem=problem))


def test_a_gate_pass_needs_todays_figures() -> None:
    words = said(turn("gate pass", ONE_CHILD, problem=Problem.SCHOOL_UNREACHABLE))
    assert "needs today's figures" in words


def test_without_the_model() -> None:
    general = plan("What time does school start?")
    nearest = without_model(general, None, SCHOOL)
    assert "08:00 to 15:00" in nearest
    assert f"not what you asked, the office helps: {SCHOOL.office.phone or SCHOOL.office.email}." in nearest
    own = plan("Have you got my payment for Tariro?")
    with_figures = without_model(own, BOTH, SCHOOL)
    assert "*Owed: $250.00*" in with_figures
    assert SCHOOL.office.email in with_figures
    assert "cannot look at your figures" in without_model(own, None, SCHOOL)
    assert "I am not sure about that" in without_model(plan("who won the match yesterday"), None, SCHOOL)


# --- the office's hours


@pytest.mark.parametrize(
    ("now", "state"),
    [
        (datetime(2026, 11, 23, 8, 0), "open now"),
        (datetime(2026, 11, 23, 14, 59), "open now"),
        (datetime(2026, 11, 23, 15, 0), "closed"),
        (datetime(2026, 11, 23, 7, 59), "closed"),
        (datetime(2026, 11, 22, 10, 0), "closed"),  # a Sunday
    ],
)
def test_whether_the_office_is_open(now: datetime, state: str) -> None:
    assert state in said(TURNS[ReplyType.OFFICE], now.replace(tzinfo=SCHOOL.timezone))


# --- any family


NAMES = st.text(alphabet=st.characters(codec="utf-8", categories=("L", "M", "N", "So", "Zs")), max_size=60)
FAMILIES = st.lists(st.tuples(NAMES, NAMES, NAMES), min_size=1, max_size=14).map(
    lambda rows: tuple(Student(f"SSC2025{place:04}", *row) for place, row in enumerate(rows))
)


@given(FAMILIES, st.sampled_from(["hi", "balance", "statement", "gate pass", "balance SSC1"]), st.booleans())
def test_any_family_gets_messages_that_whatsapp_accepts(family: tuple[Student, ...], text: str, stale: bool) -> None:
    person = replace(PARENT, students=family)
    known = account(*[(student, figures("400", "150")) for student in family], stale=stale)
    item = turn(text, person, account=known, gate_pass=PASS)
    reply = compose(item, SCHOOL, NOW)
    list(accepted(reply))
    if text == "balance":
        assert plain_words(reply).count("$250.00") >= len(family)
    if item.plan.reply_type == ReplyType.CHOOSE_CHILD and isinstance(reply, Buttons | Menu):
        taps = [read_tap(choice.id) for choice in reply.choices]
        chosen = [tap.student_ids[0] for tap in taps if tap]
        assert chosen == [student.id for student in family][: len(chosen)]
        assert len(chosen) == min(len(family), 10)


def test_children_of_one_first_name_are_told_apart() -> None:
    twins = (TARIRO, replace(TARIRO, id="SSC2", last_name="Dube"), replace(TARIRO, id="SSC3", last_name="Sibanda"))
    reply = compose(turn("gate pass", replace(PARENT, students=twins)), SCHOOL, NOW)
    assert isinstance(reply, Buttons)
    assert [choice.title for choice in reply.choices] == ["Tariro Moyo", "Tariro Dube", "Tariro Sibanda"]


def test_kinds_of_reply() -> None:
    kinds = {say: type(compose(item, SCHOOL, NOW)) for say, item in TURNS.items()}
    assert kinds[ReplyType.MENU] is Menu
    assert kinds[ReplyType.BALANCE] is Buttons
    assert kinds[ReplyType.SHARE_NUMBER] is NumberRequest
    assert kinds[ReplyType.REOPEN] is Template
    assert isinstance(
        compose(Turn(Plan(Intent.FEEDBACK, ReplyType.FEEDBACK, entry="up"), PARENT), SCHOOL, NOW), Reaction
    )


@pytest.mark.parametrize(
    "kind", ["voice", "audio", "image", "video", "sticker", "document", "location", "contacts", "poll"]
)
def test_one_helpful_line_for_what_cannot_be_read(kind: str) -> None:
    words = said(Turn(Plan(Intent.NOT_TEXT, ReplyType.NOT_TEXT, kind=kind), PARENT))
    assert "Please type your question, or *menu*" in words
    assert len(words) < 160


def receipt(found: Account | None = None) -> str:
    """The words of a receipt, with this account after the payment."""
    reply = compose_receipt(replace(RECEIPT, account=found), SCHOOL, NOW)
    assert len(list(accepted(reply))) == 1
    return words_of(reply)


def test_a_receipt_tells_the_balance_and_what_it_reaches() -> None:
    after = account((TARIRO, figures("400", "300")))
    words = receipt(after)
    assert "*Owed: $100.00*" in words
    assert "gate pass until" in words  # from 50 % to 75 %
    assert "• Gate pass" in words
    nothing_new = receipt(account((TARIRO, figures("1000", "300"))))
    assert "gate pass until" not in nothing_new


@pytest.mark.parametrize("found", [None, account((TARIRO, None)), account((TARIRO, figures("400", "300")), stale=True)])
def test_a_receipt_without_new_figures_is_still_a_receipt(found: Account | None) -> None:
    words = receipt(found)
    assert [fact for fact in ("Thank you!", "$100.00", "*Tariro Moyo*") if fact not in words] == [], words
    assert "Owed" not in words


def test_family_members_are_listed_in_words() -> None:
    assert PARENT.students == FAMILY
    three = (*FAMILY, Student("SSC3", "Rudo", "Moyo", "ECD-A"))
    assert "Tariro, Tanaka and Rudo" in said(turn("hi", replace(PARENT, students=three)))


def test_the_office_reads_who_asks_what_and_how_to_answer() -> None:
    words = words_of(OFFICE_NOTIFICATION)
    facts = ("*Request 12*", "Rudo Moyo", "The bus was late.", "https://wa.me/263771234567", "close 12")
    assert [fact for fact in facts if fact not in words] == [], words
    assert len(list(accepted(OFFICE_NOTIFICATION))) == 1
    hidden = words_of(compose_office_notification(HIDDEN, "w" * 5000, 12, SCHOOL))
    assert "The number is hidden" in hidden
    assert "A parent" in hidden


def test_the_office_reads_the_assistants_own_name() -> None:
    other = replace(SCHOOL, assistant="Tino")
    words = plain_words(compose_office_notification(PARENT, "The bus was late.", 12, other))
    assert "Tino keeps quiet there" in words
    assert "Mya" not in words


# --- templates, once the 24 hours are over

APPROVED = replace(SCHOOL, templates=Templates("en", receipt="fee_receipt", reopen="reopen", office="office_request"))
NONE_APPROVED = replace(SCHOOL, templates=Templates())


def test_a_receipt_as_a_template_names_child_amount_and_balance() -> None:
    with_account = replace(RECEIPT, account=account((TARIRO, figures("400", "300"))))
    assert receipt_template(with_account, APPROVED) == Template(
        "fee_receipt", "en", ("Tariro Moyo", "$100.00", "$100.00")
    )
    assert receipt_template(RECEIPT, APPROVED) == Template("fee_receipt", "en", ("Tariro Moyo", "$100.00", "-"))
    assert receipt_template(RECEIPT, NONE_APPROVED) is None


def test_the_office_is_notified_by_a_template_of_name_and_number() -> None:
    assert office_template(PARENT, 12, APPROVED) == Template("office_request", "en", ("Rudo Moyo", "12"))
    assert office_template(HIDDEN, 12, APPROVED) == Template("office_request", "en", ("A parent", "12"))
    assert office_template(PARENT, 12, NONE_APPROVED) is None


def test_a_reply_that_came_too_late_is_followed_by_a_template_once() -> None:
    assert reply_template(turn("balance", account=BOTH), APPROVED) == Template("reopen", "en")
    assert reply_template(TURNS[ReplyType.REOPEN], APPROVED) is None
    assert reply_template(turn("balance", account=BOTH), NONE_APPROVED) is None


def test_what_counts_as_an_apology() -> None:
    assert is_apology(turn("balance", problem=Problem.SCHOOL_UNREACHABLE))
    assert is_apology(TURNS[ReplyType.RECORDS_UNREACHABLE])
    assert is_apology(replace(TURNS[ReplyType.OFFICE_TOLD], request=None))
    assert not is_apology(TURNS[ReplyType.OFFICE_TOLD])
    assert not is_apology(TURNS[ReplyType.BALANCE])


# --- urgent -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("request_", [{"number": 12, "notified": True}, {"number": 12, "notified": False}, None])
@pytest.mark.parametrize(("phone", "whatsapp"), [("+263242000000", None), ("", "+263771000000")])
def test_who_writes_something_urgent_reads_whom_to_call_first(
    request_: dict[str, Any] | None, phone: str, whatsapp: str | None
) -> None:
    school = replace(SCHOOL, office=replace(SCHOOL.office, phone=phone, whatsapp=whatsapp))
    urgent = Turn(Plan(Intent.OFFICE, ReplyType.OFFICE_TOLD, urgent=True), PARENT, request=request_)
    words = plain_words(compose(urgent, school, NOW))
    assert words.startswith(f"This cannot wait: please call the school now.\n\n📞 {phone or whatsapp}")
    is_told = bool(request_ and request_["notified"])
    assert ("marked as urgent (request 12)" in words) is is_told
    assert ("could not pass your message on" in words) is not is_told
    assert "expect an answer" not in words


def test_the_office_sees_in_the_template_too_that_it_is_urgent() -> None:
    school = replace(SCHOOL, templates=replace(SCHOOL.templates, office="office_request"))
    template = office_template(PARENT, 12, school, urgent=True)
    assert template is not None
    assert template.parameters[1] == "12 (URGENT)"


# --- late answers


@pytest.mark.parametrize("reply_type", [item for item in ReplyType if item != ReplyType.REOPEN], ids=str)
def test_an_answer_that_comes_late_says_so_first(reply_type: ReplyType) -> None:
    late = replace(TURNS[reply_type], age=2 * 3600)
    assert said(late) == f"_Your message of 08:45 reached me only now._\n\n{said(TURNS[reply_type])}"
    assert list(accepted(compose(late, SCHOOL, NOW)))


def test_an_answer_to_a_message_of_another_day_names_the_day() -> None:
    assert said(replace(TURNS[ReplyType.MENU], age=20 * 3600)).startswith("_Your message of 22 November, 14:45 ")


@pytest.mark.parametrize("age", [0, 3600])
def test_an_answer_within_the_hour_says_nothing_of_it(age: float) -> None:
    assert said(replace(TURNS[ReplyType.BALANCE], age=age)) == said(TURNS[ReplyType.BALANCE])


def test_a_template_and_a_reaction_stay_as_they_are() -> None:
    for item in (TURNS[ReplyType.REOPEN], turn("hi"), TURNS[ReplyType.FEEDBACK]):
        thanked = replace(item, plan=replace(item.plan, entry="up")) if item.plan.intent == Intent.FEEDBACK else item
        late = compose(replace(thanked, age=2 * 3600), APPROVED, NOW)
        assert (late == compose(thanked, APPROVED, NOW)) is isinstance(late, Template | Reaction)


def test_a_proof_of_payment_is_never_called_money_that_has_arrived() -> None:
    told = said(TURNS[ReplyType.PROOF_TOLD])
    assert not re.search(r"\b(?:received|arrived|paid|credited)\b", told)
    not_told = replace(TURNS[ReplyType.PROOF_TOLD], request={"number": 12, "notified": False})
    assert SCHOOL.office.email in said(not_told)


def test_one_child_is_asked_for_by_name() -> None:
    plan = Plan(Intent.PROOF, ReplyType.PROOF_ASK, students=(TARIRO,), entry="pdf.1")
    words = said(Turn(plan, ONE_CHILD))
    assert "Is this document a proof of payment for *Tariro*?" in words
    assert "• Yes" in words


def test_a_receipt_says_which_proof_of_payment_it_settles() -> None:
    settled = compose_receipt(replace(RECEIPT, proof=12), SCHOOL, NOW)
    assert "The proof of payment that was sent in (request 12) is settled with it." in words_of(settled)
    assert "proof" not in words_of(compose_receipt(RECEIPT, SCHOOL, NOW))
