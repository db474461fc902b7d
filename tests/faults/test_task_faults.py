"""Each task of the conversation and of payments fails in each way: nothing is sent twice, and nothing is lost."""

import pytest

from functions.domain.errors import ReplyNotComposed, WhatsAppUnavailable
from functions.domain.people import Kind as PersonKind
from functions.domain.people import Person
from tests.domain.a_school import ONE_CHILD, PARENT, SCHOOL, TARIRO
from tests.faults.simulation import Fault, Kind, Outcome, Scenario, simulate, task_states
from tests.statemachines.test_conversation import FOR_THE_OFFICE, PAYMENT_OF_0_1, VOICE
from tests.statemachines.test_payment import EXPIRED, NOTICE

NEW_PARENT = Person(PersonKind.VISITOR, "+263771234568", "ZW.101")
OFFICE = Person(PersonKind.VISITOR, SCHOOL.office.whatsapp, "ZW.1")
QUESTION = "What time does school start?"
BESIDE = {"prefetch": {"student_ids": [TARIRO.id], "term": "2026-3", "wait": 0}}
OLD_ANSWER = {"answer": "At 08:00.", "refresh_answer": True, "question_key": "school start time"}


def not_composed() -> Fault:
    return Fault("Send reply", ReplyNotComposed("KeyError"))


def whatsapp_down_in_the_first_run() -> Fault:
    return Fault("Send reply", WhatsAppUnavailable("down"), times=3)


def no_receipt_in_the_first_run() -> Fault:
    return Fault("Send receipt", WhatsAppUnavailable("down"), times=6)


SCENARIOS = [
    Scenario("conversation", "Move payment notice", body=PAYMENT_OF_0_1),
    Scenario("conversation", "Understand"),
    Scenario("conversation", "Understand", f"balance {TARIRO.id}", NEW_PARENT, skip=1),
    Scenario("conversation", "Find student", f"balance {TARIRO.id}", NEW_PARENT),
    Scenario("conversation", "Save found student", f"balance {TARIRO.id}", NEW_PARENT),
    Scenario("conversation", "Fetch fees", "balance", PARENT),
    Scenario("conversation", "Fetch payments", "balance", PARENT),
    Scenario("conversation", "Fetch account by GraphQL", "balance", PARENT, school_api="graph"),
    Scenario("conversation", "AI reply", QUESTION, PARENT),
    Scenario("conversation", "Fetch fees beside", QUESTION, PARENT, BESIDE),
    Scenario("conversation", "Fetch payments beside", QUESTION, PARENT, BESIDE),
    Scenario("conversation", "Fetch account beside by GraphQL", QUESTION, PARENT, BESIDE, school_api="graph"),
    Scenario("conversation", "Transcribe voice note", person=PARENT, body=VOICE),
    Scenario("conversation", "Gate pass", "gate pass", ONE_CHILD),
    Scenario("conversation", "Record consent", "STOP", PARENT),
    Scenario("conversation", "Open office request", FOR_THE_OFFICE, PARENT),
    Scenario("conversation", "Notify office", FOR_THE_OFFICE, PARENT),
    Scenario("conversation", "Staff command", "close 12", OFFICE),
    Scenario("conversation", "Write to parent", "reply 12 We have found it.", OFFICE),
    Scenario("conversation", "Send reply"),
    Scenario("conversation", "Send reply", parts=2),
    Scenario("conversation", "Send reply", parts=2, skip=1),
    Scenario("conversation", "Refresh cached answer", QUESTION, PARENT, OLD_ANSWER),
    Scenario("conversation", "Record conversation"),
    Scenario("conversation", "Send error reply", before=not_composed),
    Scenario("conversation", "Release claim", before=whatsapp_down_in_the_first_run),
    Scenario("payment", "Prepare receipts", body=NOTICE),
    Scenario("payment", "Prepare expired receipt", body=EXPIRED),
    Scenario("payment", "Fetch fees", body=NOTICE),
    Scenario("payment", "Fetch payments", body=NOTICE),
    Scenario("payment", "Fetch account by GraphQL", body=NOTICE, school_api="graph"),
    Scenario("payment", "Send receipt", body=NOTICE),
    Scenario("payment", "Send receipt", body=EXPIRED),
    Scenario("payment", "Record receipt", body=NOTICE),
    Scenario("payment", "Record payment", body=NOTICE),
    Scenario("payment", "Release claim", body=NOTICE, before=no_receipt_in_the_first_run),
]
every_scenario = pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
every_kind = pytest.mark.parametrize("kind", Kind, ids=lambda kind: kind.value)


@pytest.mark.parametrize("machine", ["conversation", "payment"])
def test_every_task_has_a_scenario(machine: str) -> None:
    assert {item.state for item in SCENARIOS if item.machine == machine} == set(task_states(machine))


def check_nothing_doubled(outcome: Outcome) -> None:
    assert [part for part, count in outcome.whatsapp.accepted.items() if count > 1] == []
    parts = {part for _, part in outcome.whatsapp.accepted}
    assert "apology" not in parts or parts == {"apology"}
    assert outcome.notifications <= 1
    assert len(outcome.moved) <= 1


def answered_in_full(scenario: Scenario, outcome: Outcome) -> bool:
    """Or honestly apologised to, once."""
    parts = [part for _, part in outcome.whatsapp.accepted if part != "letter"]  # of staff, to a parent
    if scenario.state == "Move payment notice":
        return len(outcome.moved) == 1
    if scenario.machine == "payment":
        return len(parts) == (1 if scenario.body == EXPIRED else 2)
    return parts == ["apology"] or len(parts) == scenario.parts


@every_kind
@every_scenario
def test_after_one_fault_the_message_is_answered_once(scenario: Scenario, kind: Kind) -> None:
    outcome = simulate(scenario, kind, times=1)
    assert outcome.reached(scenario.state)
    check_nothing_doubled(outcome)
    assert not outcome.waits
    # After its first part a long reply is not begun anew: the rest may be missing when its sender dies.
    is_cut = scenario.parts > 1 and "apology" not in {part for _, part in outcome.whatsapp.accepted}
    assert answered_in_full(scenario, outcome) or is_cut
    assert outcome.whatsapp.accepted or outcome.moved
    assert outcome.stores.claims == dict.fromkeys(outcome.stores.claims, "done")


@every_kind
@every_scenario
def test_while_a_task_fails_for_good_nothing_is_doubled_or_lost(scenario: Scenario, kind: Kind) -> None:
    outcome = simulate(scenario, kind, times=10_000)
    assert outcome.reached(scenario.state)
    check_nothing_doubled(outcome)
    assert outcome.whatsapp.accepted or outcome.moved or outcome.waits
    assert outcome.stores.claims == dict.fromkeys(outcome.stores.claims, "done")
