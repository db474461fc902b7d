"""One decision for each kind of person and each thing they can want."""

import json
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.adapters.phrases_config import phrases
from functions.domain.conversation import (
    MAX_LOOK_UPS,
    OLD,
    URGENT_FOR_THE_OFFICE,
    NextStep,
    Pending,
    Plan,
    ReplyType,
    decide,
    wish_of,
)
from functions.domain.intents import Intent, tap_id
from functions.domain.messages import Message
from functions.domain.people import Kind, Person
from functions.domain.school import School
from functions.domain.staff import Command
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
    return decide(typed(text), person, pending, SCHOOL, today, phrases=phrases())


def of(message: Message, person: Person = PARENT, pending: Pending | None = None) -> Plan:
    return decide(message, person, pending, SCHOOL, TODAY, phrases=phrases())


def old(text: str, person: Person = ONE_CHILD, age: float = OLD + 1) -> Plan:
    return decide(typed(text), person, None, SCHOOL, TODAY, phrases=phrases(), age=age)


def test_a_gate_pass_that_was_asked_for_long_ago_waits_for_a_tap() -> None:
    found = old("gate pass now please")
    assert (found.reply_type, found.next, found.needs_account) == (ReplyType.CONFIRM, NextStep.SEND_REPLY, False)
    assert old("gate pass", age=OLD).next == NextStep.GATE_PASS
    assert old("gate pass", PARENT).reply_type == ReplyType.CHOOSE_CHILD  # whose tap is new


@pytest.mark.parametrize("text", ["balance", "statement", "stop", "hi", "What time does school start?"])
def test_everything_else_is_answered_however_old(text: str) -> None:
    assert old(text) == plan(text, ONE_CHILD)


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("hi", "good morning", True),
        ("balance", "my balance please", True),
        ("balance", "statement", False),
        ("balance", "balance 2026-2", False),
        ("What time does school start?", "what time  does school start?", True),
        ("What time does school start?", "What time does school end?", False),
    ],
)
def test_messages_that_want_the_same_have_one_wish(one: str, other: str, is_same: bool) -> None:
    assert (wish_of(plan(one)) == wish_of(plan(other))) is is_same


@pytest.mark.parametrize("text", ["stop", "subscribe", "I want to talk to the office about the school bus"])
def test_what_counts_each_time_has_no_wish(text: str) -> None:
    assert wish_of(plan(text)) is None


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
def test_reply_depends_on_who_asks(
    text: str, parent: ReplyType, visitor: ReplyType, hidden: ReplyType, unsure: ReplyType
) -> None:
    found = {name: plan(text, person).reply_type for name, person in PEOPLE.items()}
    assert found == {"parent": parent, "visitor": visitor, "hidden": hidden, "unsure": unsure}


@given(st.sampled_from(["balance", "statement", "gate pass", "Have you got my payment?", "SSC20257279", "Tariro"]))
def test_only_a_registered_parent_gets_figures(text: str) -> None:
    for person in (VISITOR, HIDDEN, UNSURE):
        found = plan(text, person)
        assert (found.students, found.needs_account, found.prefetch, found.personal) == ((), False, False, False)


def test_balance_is_about_every_child_or_the_one_named() -> None:
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
def test_child_of_another_family_is_refused(text: str) -> None:
    found = plan(text)
    assert (found.reply_type, found.students, found.needs_account) == (ReplyType.NOT_YOUR_CHILD, (), False)
    assert plan(f"{text} and Tariro").reply_type == ReplyType.NOT_YOUR_CHILD


def test_past_and_current_terms_are_shown_and_future_ones_refused() -> None:
    assert plan("balance 2025-3").term == "2025-3"
    found = plan("2026-3", today=HOLIDAYS)
    assert (found.reply_type, found.term, found.needs_account) == (ReplyType.TERM_NOT_BEGUN, "2026-3", False)
    assert plan("statement next term", today=HOLIDAYS).reply_type == ReplyType.TERM_NOT_BEGUN
    assert plan("balance 2026-3", today=date(2026, 9, 7)).reply_type == ReplyType.BALANCE
    assert plan("balance 2024-1").reply_type == ReplyType.UNKNOWN_TERM


def test_holidays_show_the_term_before_and_refuse_gate_passes() -> None:
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


def test_gate_pass_is_for_one_child_in_the_current_term() -> None:
    found = plan("gate pass", ONE_CHILD)
    assert (found.reply_type, found.next, found.students) == (ReplyType.GATE_PASS, NextStep.GATE_PASS, (TARIRO,))
    assert (found.term, found.needs_account) == ("2026-3", True)
    assert plan("gate pass for Tanaka").students == (TANAKA,)
    assert plan("gate pass this term", ONE_CHILD).term == "2026-3"


def test_gate_pass_for_another_term_is_not_certain() -> None:
    assert plan("gate pass 2025-1", ONE_CHILD).reply_type == ReplyType.ANSWER


def test_name_after_which_child_continues_the_gate_pass() -> None:
    question = plan("gate pass")
    assert (question.reply_type, question.students, question.needs_account) == (ReplyType.CHOOSE_CHILD, FAMILY, False)
    assert (question.prefetch, question.term) == (True, "2026-3")  # whichever child is tapped: no fetch then
    assert question.pending == Pending(Intent.GATE_PASS)
    answer = plan("Tanaka", pending=question.pending)
    assert (answer.reply_type, answer.students) == (ReplyType.GATE_PASS, (TANAKA,))
    assert plan("it's for my son Tanaka please", pending=question.pending).reply_type == ReplyType.GATE_PASS


@pytest.mark.parametrize(
    ("text", "reply_type"),
    [
        ("1", ReplyType.BALANCE),
        ("menu", ReplyType.MENU),
        ("balance Tanaka", ReplyType.BALANCE),
        ("hi", ReplyType.MENU),
        ("5", ReplyType.OFFICE_ASK),
    ],
)
def test_commands_work_while_a_child_is_asked_for(text: str, reply_type: ReplyType) -> None:
    assert plan(text, pending=Pending(Intent.GATE_PASS)).reply_type == reply_type


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
def test_words_after_what_to_tell_the_office_open_a_request(text: str) -> None:
    for person in PEOPLE.values():
        found = plan(text, person, FOR_THE_OFFICE)
        assert (found.reply_type, found.next, found.question) == (
            ReplyType.OFFICE_TOLD,
            NextStep.OPEN_OFFICE_REQUEST,
            text,
        )


@pytest.mark.parametrize(
    ("text", "reply_type"),
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
def test_commands_work_while_words_for_the_office_are_asked_for(text: str, reply_type: ReplyType) -> None:
    assert plan(text, pending=FOR_THE_OFFICE).reply_type == reply_type


def test_start_works_while_words_for_the_office_are_asked_for() -> None:
    assert plan("START", replace(PARENT, opted_out=True), FOR_THE_OFFICE).reply_type == ReplyType.OPTED_IN


@pytest.mark.parametrize(
    "text",
    [
        "I want to talk to the bursar about my balance",
        "May I speak to someone about the statement of Tanaka",
        "Please connect me to the office, the gate pass does not open",
    ],
)
def test_wish_to_speak_to_a_person_opens_a_request_whatever_it_is_about(text: str) -> None:
    found = plan(text)
    assert (found.reply_type, found.question) == (ReplyType.OFFICE_TOLD, text)


def test_bank_transfer_is_not_a_wish_to_speak_to_a_person() -> None:
    assert plan("I made a transfer at the office, what is my balance").reply_type == ReplyType.ANSWER


def test_name_alone_is_a_balance_when_nothing_is_pending() -> None:
    found = plan("Tanaka")
    assert (found.reply_type, found.students) == (ReplyType.BALANCE, (TANAKA,))


def test_menu_of_a_parent_prefetches_the_account() -> None:
    found = plan("hi")
    assert (found.needs_account, found.prefetch) == (False, True)
    assert (found.students, found.term) == (FAMILY, "2026-3")
    for person in (VISITOR, UNSURE):
        assert not plan("hi", person).prefetch


def test_question_about_own_figures_needs_the_account() -> None:
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


def test_question_about_another_term_gets_the_figures_of_that_term() -> None:
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


def test_sharing_the_number_unasked_opens_the_menu() -> None:
    assert plan("hi", HIDDEN).pending is None
    shared = Message("w2", "contacts", 1, None, "ZW.103", "1", shared_phone="+263771234567")
    found = of(shared)
    assert (found.reply_type, found.prefetch, found.students) == (ReplyType.NUMBER_KNOWN, True, FAMILY)
    assert of(shared, VISITOR).reply_type == ReplyType.NUMBER_KNOWN


def test_forwarded_contact_card_proves_no_number() -> None:
    card = Message("w2", "contacts", 1, None, "ZW.103", "1")
    found = of(card, HIDDEN, Pending(Intent.BALANCE))
    assert (found.reply_type, found.kind) == (ReplyType.NOT_TEXT, "contacts")


# --- taps and everything that is not text


def tapped(tap: str, title: str = "Some button", kind: str = "interactive") -> Message:
    return replace(typed(title), type=kind, tap=tap)


def test_tap_does_what_the_button_says() -> None:
    assert of(tapped(tap_id(Intent.BALANCE))).reply_type == ReplyType.BALANCE
    found = of(tapped(tap_id(Intent.GATE_PASS, TANAKA.id)))
    assert (found.reply_type, found.students) == (ReplyType.GATE_PASS, (TANAKA,))
    assert of(tapped(tap_id(Intent.STATEMENT, term="2026-1"))).term == "2026-1"
    assert of(tapped(tap_id(Intent.INFO, entry="events")), VISITOR).entry == "events"
    assert of(tapped(tap_id(Intent.ASK)), VISITOR).reply_type == ReplyType.ASK
    assert of(tapped(tap_id(Intent.MENU))).reply_type == ReplyType.MENU


def test_old_button_of_a_child_who_left_is_refused() -> None:
    assert of(tapped(tap_id(Intent.GATE_PASS, "SSC1"))).reply_type == ReplyType.NOT_YOUR_CHILD


def test_unknown_button_is_read_by_its_title() -> None:
    assert of(tapped("old_menu_1", "Balance")).reply_type == ReplyType.BALANCE
    assert of(tapped("payload", "Statement", kind="button")).reply_type == ReplyType.STATEMENT
    assert of(tapped("old_menu_1", "")).reply_type == ReplyType.MENU


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"type": "audio", "is_voice": True}, "voice"),
        ({"type": "audio", "is_voice": True, "media_id": None}, "voice"),
        ({"type": "audio"}, "audio"),
        ({"type": "image"}, "image"),
        ({"type": "sticker"}, "sticker"),
        ({"type": "location"}, "location"),
        ({"type": "unsupported"}, "unsupported"),
        ({"type": "something_of_2027"}, "something_of_2027"),
    ],
)
def test_what_cannot_be_read_gets_a_line_about_its_kind(fields: dict[str, Any], kind: str) -> None:
    for person in PEOPLE.values():
        found = of(replace(typed(""), **{"text": None} | fields), person)
        assert (found.reply_type, found.kind) == (ReplyType.NOT_TEXT, kind)


def test_caption_that_is_a_command_is_obeyed() -> None:
    assert of(replace(typed("balance"), type="image")).reply_type == ReplyType.BALANCE


def test_empty_text_opens_the_menu() -> None:
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
def test_plan_survives_json(text: str, person: Person, pending: Pending | None, day: date) -> None:
    found = plan(text, person, pending, day)
    assert Plan.read(json.loads(json.dumps(found.as_json()))) == found
    assert Person.read(json.loads(json.dumps(person.as_json()))) == person
    if found.needs_account or found.prefetch:
        assert person.kind == Kind.REGISTERED
        assert found.term
        assert set(found.students) <= set(person.students)
        assert found.students


@pytest.mark.parametrize("value", [None, "balance", [], {}, {"intent": "dance"}, {"intent": None}])
def test_unreadable_pending_question_counts_as_none(value: object) -> None:
    assert Pending.read(value) is None


def test_pending_question_survives_json() -> None:
    pending = Pending(Intent.STATEMENT, "2026-1")
    assert Pending.read(json.loads(json.dumps(pending.as_json()))) == pending


def test_start_undoes_stop_and_opens_the_menu_for_everyone_else() -> None:
    assert plan("START").reply_type == ReplyType.MENU
    assert plan("START", replace(PARENT, opted_out=True)).reply_type == ReplyType.OPTED_IN
    assert plan("hi", replace(PARENT, opted_out=True)).reply_type == ReplyType.MENU


def test_stop_and_start_are_recorded_before_they_are_confirmed() -> None:
    for text, person, intent in (
        ("STOP", PARENT, Intent.OPT_OUT),
        ("subscribe", VISITOR, Intent.OPT_IN),
        ("START", replace(PARENT, opted_out=True), Intent.OPT_IN),
    ):
        found = plan(text, person)
        assert (found.intent, found.next) == (intent, NextStep.RECORD_CONSENT)


# --- the office, and students whom a visitor names

OFFICE = Person(Kind.VISITOR, SCHOOL.office.whatsapp, "ZW.9")


CLOSE_BUTTON = replace(typed("Close"), type="interactive", tap=tap_id(Intent.CLOSE, entry="12"))


@pytest.mark.parametrize(
    ("message", "command"),
    [
        (typed("close 12"), Command("close", "12")),
        (CLOSE_BUTTON, Command("close", "12")),
        (typed("requests"), Command("requests")),
        (typed("reply 12 We have found it."), Command("reply", "12", "We have found it.")),
        (typed(f"passes {TARIRO.id}"), Command("passes", TARIRO.id)),
        (typed("revoke GP-2026-3-000123 lost"), Command("revoke", "GP-2026-3-000123", "lost")),
    ],
)
def test_only_staff_give_commands(message: Message, command: Command) -> None:
    found = of(message, OFFICE)
    assert (found.reply_type, found.next, found.command) == (ReplyType.STAFF, NextStep.STAFF_COMMAND, command)
    for person in (PARENT, VISITOR, HIDDEN):
        found = of(message, person)
        assert (found.command, found.intent == Intent.STAFF, found.next == NextStep.STAFF_COMMAND) == (
            None,
            False,
            False,
        )


def test_every_number_of_staff_is_obeyed_and_others_are_not() -> None:
    office = replace(SCHOOL.office, whatsapp=None, staff=("+263771000001", "+263771000002"))
    school = replace(SCHOOL, office=office)
    for phone, is_staff in (("+263771000002", True), ("+263771000003", False), (None, False)):
        person = Person(Kind.VISITOR, phone, "ZW.9")
        found = decide(typed("today"), person, None, school, TODAY, phrases=phrases())
        assert (found.next == NextStep.STAFF_COMMAND) is is_staff


def test_help_and_what_lacks_something_are_answered_at_once() -> None:
    for text in ("help", "reply 12", "revoke GP-2026-3-000123", "passes"):
        found = of(typed(text), OFFICE)
        assert (found.reply_type, found.next) == (ReplyType.STAFF, NextStep.SEND_REPLY)


def test_staff_may_be_parents_too() -> None:
    staff = replace(PARENT, phone=SCHOOL.office.whatsapp)
    assert of(typed("balance"), staff).intent == Intent.BALANCE
    assert of(typed("Close the gate earlier please"), staff).intent == Intent.QUESTION


NOT_HOME = "My daughter hasn't come home"


@pytest.mark.parametrize("person", [PARENT, VISITOR, HIDDEN])
def test_what_sounds_urgent_goes_to_the_model_with_nothing_in_between(person: Person) -> None:
    for text in (NOT_HOME, f"{NOT_HOME}, SSC20259009", f"{NOT_HOME}, what is my balance"):
        found = of(typed(text), person)
        assert (found.intent, found.next, found.sounds_urgent) == (Intent.QUESTION, NextStep.AI_REPLY, True)
        assert (found.needs_account, found.prefetch, found.personal) == (False, False, False)
        assert Plan.read(json.loads(json.dumps(found.as_json()))) == found


@pytest.mark.parametrize("school", [SCHOOL, replace(SCHOOL, office=replace(SCHOOL.office, whatsapp=None))])
def test_what_is_urgent_is_marked_also_where_the_rules_were_certain_or_nobody_is_on_whatsapp(school: School) -> None:
    asked_back = Pending(Intent.OFFICE)
    for text, pending, understood in (
        ("I want to talk to the office my child is sick", None, None),
        (NOT_HOME, asked_back, None),
        ("she is still not there", None, URGENT_FOR_THE_OFFICE),
    ):
        found = decide(typed(text), PARENT, pending, school, TODAY, phrases=phrases(), understood=understood)
        assert (found.reply_type, found.next) == (ReplyType.OFFICE_TOLD, NextStep.OPEN_OFFICE_REQUEST)
        assert (found.urgent, found.question) == (True, text)


def test_student_named_by_a_visitor_is_looked_up_once() -> None:
    ids = [f"SSC2025900{place}" for place in range(MAX_LOOK_UPS + 1)]
    found = plan("balance " + " ".join(ids), VISITOR)
    assert (found.intent, found.next) == (Intent.LOOK_UP, NextStep.FIND_STUDENT)
    assert found.look_up == tuple(ids[:MAX_LOOK_UPS])
    again = decide(typed(f"balance {ids[0]}"), VISITOR, None, SCHOOL, TODAY, phrases=phrases(), looked_up=True)
    assert (again.reply_type, again.next, again.look_up) == (ReplyType.NOT_ON_RECORD, NextStep.SEND_REPLY, ())


def test_parent_found_by_a_look_up_is_welcomed() -> None:
    found = decide(typed(f"balance {TARIRO.id}"), PARENT, None, SCHOOL, TODAY, phrases=phrases(), looked_up=True)
    assert (found.reply_type, found.welcome) == (ReplyType.BALANCE, True)
    assert not plan(f"balance {TARIRO.id}").welcome


# --- voice notes ------------------------------------------------------------------------------------------------------


def voice_note(text: str | None = None) -> Message:
    return Message("wamid.1", "audio", 0, PARENT.phone, None, "", text=text, is_voice=True, media_id="1")


def test_a_voice_note_is_put_into_words_first() -> None:
    found = of(voice_note())
    assert (found.reply_type, found.next, found.kind) == (ReplyType.NOT_TEXT, NextStep.TRANSCRIBE, "voice")


def test_what_a_voice_note_says_goes_the_way_of_typed_text() -> None:
    assert of(voice_note("balance for Tariro please")).reply_type == ReplyType.BALANCE
    assert of(voice_note("What time does school start?")).next == NextStep.AI_REPLY
    words = of(voice_note("the bus did not come"), pending=Pending(Intent.OFFICE))
    assert (words.next, words.question) == (NextStep.OPEN_OFFICE_REQUEST, "the bus did not come")


@pytest.mark.parametrize("text", ["stop", "gate pass for Tariro"])
def test_a_stop_or_a_gate_pass_that_was_only_heard_waits_for_a_tap(text: str) -> None:
    found = of(voice_note(text))
    assert (found.reply_type, found.next) == (ReplyType.CONFIRM, NextStep.SEND_REPLY)


# --- pictures and documents -------------------------------------------------------------------------------------------


def picture(caption: str | None = None, media_type: str = "image/jpeg", **fields: Any) -> Message:
    kind = "document" if media_type.startswith("application") else "image"
    values = {"type": kind, "text": caption, "media_id": "123", "media_type": media_type} | fields
    return replace(typed(""), **values)


@pytest.mark.parametrize(
    ("caption", "media_type", "entry"),
    [
        (None, "image/jpeg", "jpg.123"),
        ("paid for Tariro today", "image/png", "png.123"),
        (None, "application/pdf", "pdf.123"),
    ],
)
def test_a_parent_is_asked_whose_proof_of_payment_a_picture_is(caption: str, media_type: str, entry: str) -> None:
    found = of(picture(caption, media_type))
    assert (found.reply_type, found.next, found.entry) == (ReplyType.PROOF_ASK, NextStep.SEND_REPLY, entry)
    assert found.students == ((TARIRO,) if caption else (TARIRO, TANAKA))


def test_another_caption_is_understood_as_text() -> None:
    found = of(picture("Is this the right jersey?"))
    assert (found.next, found.question) == (NextStep.AI_REPLY, "Is this the right jersey?")
    assert of(picture("What is this?"), VISITOR).next == NextStep.AI_REPLY


@pytest.mark.parametrize(
    ("message", "person"),
    [
        (picture(), VISITOR),
        (picture(media_type="application/msword"), PARENT),
        (picture(media_type="image/webp"), PARENT),
        (picture(media_id=None), PARENT),
        (picture(media_id="../1"), PARENT),
    ],
)
def test_other_files_without_words_get_a_helpful_line(message: Message, person: Person) -> None:
    assert of(message, person).reply_type == ReplyType.NOT_TEXT


def test_the_tap_opens_a_request_for_the_office() -> None:
    found = of(tapped(tap_id(Intent.PROOF, TARIRO.id, entry="jpg.123"), "Tariro"))
    assert (found.reply_type, found.next) == (ReplyType.PROOF_TOLD, NextStep.OPEN_OFFICE_REQUEST)
    assert (found.students, found.entry) == ((TARIRO,), "jpg.123")
    assert found.question == f"Proof of payment for Tariro Moyo ({TARIRO.id})"


@pytest.mark.parametrize("tap", ["v1:proof:SSC1::jpg.123", "v1:proof:SSC1::exe.1", "v1:proof:SSC1::jpg.../1"])
def test_a_tap_for_another_child_or_file_opens_nothing(tap: str) -> None:
    assert of(tapped(tap, "Tariro")).next != NextStep.OPEN_OFFICE_REQUEST


def test_an_office_that_takes_no_requests_is_promised_nothing() -> None:
    school = replace(SCHOOL, office=replace(SCHOOL.office, whatsapp=None, coexistence=False))
    found = decide(picture(), PARENT, None, school, TODAY, phrases=phrases())
    assert found.reply_type == ReplyType.NOT_TEXT
