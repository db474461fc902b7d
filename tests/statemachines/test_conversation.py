"""The conversation's real definition, run over every path, with fakes that keep the functions' contracts.

The fakes read and write by the product's own rules: `Understand` decides with the real `decide`, and `Send reply`
composes the words that a parent would read.
"""

import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from functions.adapters.phone_numbers import normalise
from functions.adapters.phrases_config import phrases
from functions.domain import gate_passes, wording
from functions.domain.account_request import AccountRequest
from functions.domain.accounts import Account
from functions.domain.conversation import URGENT_FOR_THE_OFFICE, NextStep, Pending, Plan, add_to_request, decide
from functions.domain.errors import (
    AnswerUnavailable,
    DataUnavailable,
    DeliveryUnknown,
    InvalidRequest,
    OperatorNeeded,
    ReplyNotComposed,
    SchoolApiUnavailable,
    WhatsAppRefused,
    WhatsAppUnavailable,
)
from functions.domain.intents import Intent, Request, read_tap
from functions.domain.messages import Message
from functions.domain.payments import ExpiredReceipt, PaymentNotice
from functions.domain.people import Kind, Person, Student
from functions.domain.replies import words_of
from functions.domain.student_records import StudentRecord
from functions.domain.voice_notes import NotHeard
from functions.services.notify_office import Notification
from functions.services.record_conversation import Conversation, ConversationRecorder
from functions.services.send_reply import ReplyRequest
from functions.services.staff.desk import Order
from functions.services.write_to_parent import Letter
from infra.catalog import MESSAGE_RECEIVES
from infra.state_machine_definition import NOT_STARTED_RETRY, TIMED_OUT_RETRY
from local.step_functions.errors import FunctionError, InvokeError
from local.step_functions.execution import Execution
from local.step_functions.runner import run
from local.step_functions.validation import check
from tests.domain.a_school import HIDDEN, NOW, ONE_CHILD, PARENT, SCHOOL, TANAKA, TARIRO, TODAY, VISITOR
from tests.statemachines import executions
from tests.statemachines.definitions import definition_of, every_state, states_of

STATES = states_of("conversation")
Fake = Callable[[Any], Any]
WRITTEN_AT = int(time.time())  # when the messages were: now
AS_OF = "2026-11-23T08:32:00+00:00"  # 10:32 in Harare


def definition(school_api: str = "rest") -> str:
    return definition_of("conversation", school_api)


def figures(ids: list[str], paid: str = "400.00", **fields: Any) -> dict[str, Any]:
    """An account of these students as the state machine carries it: $400 billed, so much paid."""
    bill = {"fee_type": "Tuition", "amount": "400.00", "date": "2026-09-07"}
    payment = {"fee_type": "Tuition", "amount": paid, "date": "2026-09-10"}
    return {
        "term": "2026-3",
        "as_of": AS_OF,
        "stale": False,
        "bills": {name: [bill] for name in ids},
        "payments": {name: [payment] for name in ids},
    } | fields


class Cache:
    """What `record_conversation` writes into: claims and senders."""

    def __init__(self) -> None:
        self.finished: list[str] = []
        self.pending: object = None
        self.turns: list[Any] = []
        self.answers: dict[tuple[str, ...], object] = {}
        self.accounts: dict[tuple[str, str], object] = {}  # student id, term
        self.fetched_at: float | None = None
        self.handed_to_office: dict[str, bool] = {}

    def finish(
        self,
        message_id: str,
        *,
        sender: str,
        pending: object,
        turn: object,
        forget_turns: bool,
        values: Mapping[tuple[str, ...], object] | None,
        term: str,
        accounts: Mapping[str, object] | None,
        fetched_at: float | None,
        replies: int,
    ) -> bool:
        self.finished.append(message_id)
        self.pending = pending
        self.turns = [] if forget_turns else [*self.turns, *([turn] if turn else [])]
        self.answers |= values or {}
        self.accounts |= {(name, term): account for name, account in (accounts or {}).items()}
        self.fetched_at = fetched_at
        return True

    def set_handed_to_office(self, sender: str, *, handed: bool) -> None:
        self.handed_to_office[sender] = handed


class Functions:
    """Every function of the conversation; each may be told to behave otherwise, once or for good."""

    def __init__(self, person: Person = PARENT, **found: Any) -> None:
        self.person, self.found = person, found
        self.calls: list[tuple[str, Any]] = []
        self.replies: list[str] = []
        self.notifications: list[str] = []
        self.letters: list[str] = []  # of staff, to parents
        self.cache = Cache()
        self.faults: dict[str, list[Exception]] = {}
        self.instead: dict[str, Fake] = {}
        self.both_fetching: threading.Barrier | None = None
        self.paid = "400.00"

    def fail(self, name: str, error: Exception, times: int = 99) -> None:
        self.faults[name] = [error] * times

    def __call__(self, name: str, payload: Any) -> Any:
        self.calls.append((name, payload))
        if self.faults.get(name):
            raise self.faults[name].pop()
        return self.instead[name](payload) if name in self.instead else getattr(self, name)(payload)

    def payloads(self, name: str) -> list[Any]:
        return [payload for called, payload in self.calls if called == name]

    def payload(self, name: str) -> Any:
        """Of the only call of that function."""
        (found,) = self.payloads(name)
        return found

    def reply_types(self) -> list[str]:
        """Of each call of `Send reply`, in order."""
        return [payload["plan"]["reply_type"] for payload in self.payloads("SendReply")]

    # --- what each function does

    def Understand(self, event: Any) -> Any:  # noqa: N802
        """`found` is what the caches and limits have: an account, an answer, a problem, a wait."""
        found = dict(self.found)
        pending = self.found.pop("pending", None)
        self.found.pop("prefetch", None)  # beside the model: not once more for what it hears
        found.pop("pending", None)
        message = Message.read(event["message"])
        plan = decide(
            message,
            self.person,
            pending,
            SCHOOL,
            TODAY,
            phrases=phrases(),
            looked_up=bool(event.get("looked_up")),
            understood=Request.read(event["understood"]),
        )
        if event["account"]:
            found["account"] = event["account"]
        fetch = {"student_ids": [student.id for student in plan.students], "term": plan.term}
        fetch |= {"wait": found.pop("wait", 0)}
        ends = found.get("next") in ("done", "busy", "record_conversation")
        is_known = found.get("account") or found.get("problem") or ends
        can_reply = found.get("answer") or found.get("problem")
        nothing = dict.fromkeys(("account", "last_account", "answer", "question_key", "problem"))
        return {
            **nothing,
            "refresh_answer": False,
            "next": "send_reply" if can_reply else plan.next.value,
            "person": self.person.as_json(),
            "plan": plan.as_json(),
            "fetch": fetch if plan.needs_account and not is_known else None,
            "prefetch": fetch if plan.prefetch and not is_known else None,
            **found,
        }

    def FetchFees(self, event: Any) -> Any:  # noqa: N802
        request = AccountRequest.read(event)
        if self.both_fetching:
            self.both_fetching.wait()
        return {"bills": figures(list(request.student_ids))["bills"]}

    def FetchPayments(self, event: Any) -> Any:  # noqa: N802
        request = AccountRequest.read(event)
        if self.both_fetching:
            self.both_fetching.wait()
        return {"payments": figures(list(request.student_ids), self.paid)["payments"]}

    def FetchAccount(self, event: Any) -> Any:  # noqa: N802
        request = AccountRequest.read(event)
        found = figures(list(request.student_ids), self.paid)
        return {"bills": found["bills"], "payments": found["payments"]}

    def FindStudent(self, event: Any) -> Any:  # noqa: N802
        """The school knows Tariro alone."""
        known = StudentRecord(TARIRO.id, TARIRO.first_name, TARIRO.last_name, TARIRO.grade, "0771234568", "")
        return {"records": [known.as_json() for name in event["student_ids"] if name == TARIRO.id]}

    def SaveFoundStudent(self, event: Any) -> Any:  # noqa: N802
        """From now on whoever has the number on record is known."""
        records = [StudentRecord.read(record) for record in event["records"]]
        if any(normalise(record.guardian_mobile, "ZW") == self.person.phone for record in records):
            self.person = replace(self.person, kind=Kind.REGISTERED, students=(TARIRO,))
        return {"saved": len(records), "new": 0, "changed": 0, "unusable": 0, "min_wal": "0/16B3748"}

    def Transcribe(self, event: Any) -> Any:  # noqa: N802
        assert Message.read(event["message"]).media_id
        return {"text": "balance please", "problem": None}

    def AiReply(self, event: Any) -> Any:  # noqa: N802
        answered = {"understood": None, "cacheable": not event["plan"]["personal"], "source": "model"}
        return {"answer": "From 08:00 to 15:00.", **answered}

    def GatePass(self, event: Any) -> Any:  # noqa: N802
        student, account = Student.read(event["student"]), Account.read(event["account"])
        if account.stale:
            raise InvalidRequest("account", "fresh figures")
        found = account.students[student.id]
        assert found is not None
        term = SCHOOL.calendar.find(account.term)
        decision = gate_passes.decide(found.balance, term, TODAY, SCHOOL.tiers)
        if decision.refusal:
            refusal = {"refusal": decision.refusal.value, "missing": str(decision.missing)}
            return refusal | {"percent_needed": decision.percent_needed, "percent_paid": found.balance.percent_paid}
        return {
            "outcome": "issued",
            "delivery": "document",
            "request_of_week": 1,
            "pass_id": 7,
            "number": "GP-2026-3-000007",
            "valid_until": str(decision.valid_until),
            "file_key": "passes/7.pdf",
            "media_id": None,
            "percent_paid": found.balance.percent_paid,
        }

    def RecordConsent(self, event: Any) -> Any:  # noqa: N802
        Message.read(event["message"])
        assert Plan.read(event["plan"]).next == NextStep.RECORD_CONSENT
        return {"plan": event["plan"]}

    def OpenOfficeRequest(self, event: Any) -> Any:  # noqa: N802
        Message.read(event["message"])
        assert Plan.read(event["plan"]).next == NextStep.OPEN_OFFICE_REQUEST
        return {"number": 12, "notified": False, "notify_by": "message"}

    def NotifyOffice(self, event: Any) -> Any:  # noqa: N802
        found = Notification.parse(event)
        reply = wording.compose_office_notification(
            found.person, found.question, found.number, SCHOOL, urgent=found.urgent
        )
        if found.addition:
            reply = wording.compose_office_addition(found.person, found.question, found.number)
        self.notifications.append(words_of(reply))
        return {"notified": True, "notification_id": "wamid.notification"}

    def StaffCommand(self, event: Any) -> Any:  # noqa: N802
        command = Order.parse(event).command
        letter = {"kind": "reply", "phone": "+263771234567", "words": command.words, "as_template": False}
        is_reply = command.name == "reply"
        return {"number": int(command.about or 0), "name": "Rudo", "letter": letter if is_reply else None}

    def WriteToParent(self, event: Any) -> Any:  # noqa: N802
        letter = Letter.parse(event)
        self.letters.append(words_of(wording.compose_office_reply(letter.details["words"], SCHOOL)))
        return {"delivered": "message"}

    def SendReply(self, event: Any) -> Any:  # noqa: N802
        self.replies.append(words_of(wording.compose(ReplyRequest.parse(event).turn, SCHOOL, NOW)))
        return {"status": "sent", "reply_id": "wamid.reply", "messages": 1, "sent_at": 1795423501, "media_id": "m1"}

    def RecordConversation(self, event: Any) -> Any:  # noqa: N802
        recorder = ConversationRecorder(self.cache, self.cache, None, phrases())  # type: ignore[arg-type]
        return {"cached": recorder._cache(Conversation.parse(event)), "logged": True}

    def ReleaseClaim(self, event: Any) -> Any:  # noqa: N802
        assert event["message_id"]
        return {"answered": False}


Make = Callable[..., Functions]


@pytest.fixture
def functions() -> Make:
    return Functions


def message(text: str, **fields: Any) -> dict[str, Any]:
    values = {"id": "wamid.1", "type": "text", "timestamp": WRITTEN_AT, "phone": "+263771234567", "text": text}
    return values | fields


def converse(fakes: Functions, text: str, school_api: str = "rest") -> Execution:
    """One message as the pipe hands it over: a list with one record."""
    return run(definition(school_api), [{"body": json.dumps(message(text))}], fakes, pace=0)


START = ["Parse message", "Understand"]
FETCH = ["Fetch account", "Fetch fees", "Fetch payments"]
BESIDE = (
    *("Ask model", "Fetch account beside", "Fetch fees beside", "Fetch payments beside"),
    *("Fetch account beside by GraphQL", "No account beside"),
)


def steps(execution: Execution) -> list[str]:
    """The states that did something, in order, without those beside the model."""
    return executions.steps(execution, without=BESIDE)


# Whose failure a Parallel around them catches.
INSIDE = {
    "Fetch fees": "Fetch account",
    "Fetch payments": "Fetch account",
    "AI reply": "Ask model",
    "Fetch fees beside": "Fetch account beside",
    "Fetch payments beside": "Fetch account beside",
}
END = ["Send reply", "Record conversation", "Done"]
RELEASED = ["Release claim", "Not answered"]
APOLOGY = ["Send error reply", "Record conversation", "Done"]
BOTH = [student.id for student in PARENT.students]


# --- a number that we do not know, and a student's that the school may

LOOK_UP = [*START, "Find student", "Save found student", "Understand"]
NEW_PARENT = Person(Kind.VISITOR, "+263771234568", "ZW.101")


def test_a_new_parent_is_known_by_the_childs_student_number(functions: Make) -> None:
    fakes = functions(NEW_PARENT)
    execution = converse(fakes, f"balance {TARIRO.id}")
    assert steps(execution) == [*LOOK_UP, *FETCH, *END]
    assert fakes.payload("FindStudent") == {"student_ids": [TARIRO.id]}
    assert fakes.payload("SaveFoundStudent")["sender"] == "ZW.101"
    first, second = fakes.payloads("Understand")
    assert (first["looked_up"], first["min_wal"]) == (False, None)
    assert (second["looked_up"], second["min_wal"], second["sent_at"]) == (True, "0/16B3748", None)
    assert fakes.replies[0].startswith("Welcome! This phone number is on record for Tariro.")
    assert "Billed: $400.00" in fakes.replies[0]


def test_a_wrong_number_and_an_unknown_student_get_the_same_words(functions: Make) -> None:
    said = []
    for name in (TARIRO.id, "SSC20259999"):
        fakes = functions(replace(NEW_PARENT, phone="+263779999999"))
        assert steps(converse(fakes, f"balance {name}")) == [*LOOK_UP, *END]
        assert fakes.reply_types() == ["not_on_record"]
        said += fakes.replies
    assert said[0] == said[1]
    assert "Tariro" not in said[0]
    assert SCHOOL.office.email in said[0]


@pytest.mark.parametrize(
    ("function", "error"),
    [("FindStudent", SchoolApiUnavailable("down")), ("SaveFoundStudent", DataUnavailable("down"))],
)
def test_a_look_up_that_fails_is_apologised_for(functions: Make, function: str, error: Exception) -> None:
    fakes = functions(NEW_PARENT)
    fakes.fail(function, error)
    execution = converse(fakes, TARIRO.id)
    assert steps(execution)[-3:] == END
    assert fakes.replies[0].startswith("Sorry, I cannot reach the school's records at the moment.")
    assert fakes.payload("RecordConversation")["problem"] == "school_unreachable"


def test_a_busy_school_is_not_asked_to_look_up(functions: Make) -> None:
    fakes = functions(NEW_PARENT, problem="school_busy")
    assert steps(converse(fakes, TARIRO.id)) == [*START, *END]
    assert "very busy" in fakes.replies[0]


# --- the definition itself


def test_it_is_a_sound_express_machine() -> None:
    check(definition())
    assert json.loads(definition())["TimeoutSeconds"] == 90


def tasks() -> list[tuple[str, dict[str, Any]]]:
    return [(name, state) for name, state in every_state(STATES).items() if state["Type"] == "Task"]


@pytest.mark.parametrize(("name", "state"), tasks())
def test_every_task_is_bounded_retried_narrowly_and_explained(name: str, state: dict[str, Any]) -> None:
    assert 0 < state["TimeoutSeconds"] <= 25
    assert state["Comment"]
    assert state["Retry"]
    assert not {error for rule in state["Retry"] for error in rule["ErrorEquals"]} & {"States.ALL", "States.TaskFailed"}
    assert all(rule["MaxAttempts"] <= (4 if rule == NOT_STARTED_RETRY else 2) for rule in state["Retry"])
    caught = every_state(STATES)[INSIDE.get(name, name)]
    assert caught["Catch"][-1]["ErrorEquals"] == ["States.ALL"]


def test_every_state_has_a_test_here() -> None:
    source = Path(__file__).read_text("utf-8")
    doing = [name for name, state in every_state(STATES).items() if state["Type"] != "Choice"]
    assert [name for name in doing if f'"{name}"' not in source] == []


# --- balance, statement


def test_a_balance_that_must_be_fetched(functions: Make) -> None:
    fakes = functions()
    execution = converse(fakes, "balance")
    assert (execution.status, steps(execution)) == ("SUCCEEDED", [*START, *FETCH, *END])
    for name in ("FetchFees", "FetchPayments"):
        assert fakes.payload(name) == {"student_ids": BOTH, "term": "2026-3"}
    sent = fakes.payload("SendReply")
    assert (sent["account"]["stale"], sent["account"]["term"], sent["problem"]) == (False, "2026-3", None)
    fetched_at = datetime.fromisoformat(sent["account"]["as_of"])
    assert abs((datetime.now(UTC) - fetched_at).total_seconds()) < 60
    assert (sent["message"]["id"], sent["person"]["kind"], sent["plan"]["reply_type"]) == (
        "wamid.1",
        "registered",
        "balance",
    )
    (reply,) = fakes.replies
    assert "*Tariro Moyo*" in reply
    assert "*Tanaka Moyo*" in reply
    assert "Fully paid" in reply


def test_what_was_fetched_is_cached_for_each_child(functions: Make) -> None:
    fakes = functions()
    converse(fakes, "balance")
    assert (fakes.cache.finished, fakes.cache.pending) == (["wamid.1"], None)
    assert set(fakes.cache.accounts) == {(name, "2026-3") for name in BOTH}
    remembered = fakes.payload("RecordConversation")
    assert remembered["fetched"] is True
    assert remembered["sent"]["reply_id"] == "wamid.reply"
    assert (remembered["cacheable"], remembered["problem"]) == (False, None)


@pytest.mark.parametrize("school_api", ["rest", "graph"])
def test_figures_are_as_old_as_the_beginning_of_their_fetch(functions: Make, school_api: str) -> None:
    fakes = functions()
    asked: list[float] = []

    def noting(real: Fake) -> Fake:
        def note(event: Any) -> Any:
            asked.append(datetime.now(UTC).timestamp())
            return real(event)

        return note

    fakes.instead = {name: noting(getattr(fakes, name)) for name in ("FetchFees", "FetchPayments", "FetchAccount")}
    execution = converse(fakes, "balance", school_api)
    fetched_at = fakes.cache.fetched_at
    assert fetched_at is not None
    assert execution.start <= fetched_at <= min(asked)


def test_the_two_fetches_overlap(functions: Make) -> None:
    fakes = functions()
    fakes.both_fetching = threading.Barrier(2, timeout=5)  # each waits until the other runs too
    execution = converse(fakes, "balance")
    assert steps(execution) == [*START, *FETCH, *END]
    assert execution.overlap("Fetch fees", "Fetch payments") > 0
    assert execution.state("Fetch fees").inside == "Fetch account"


def test_a_cached_balance_fetches_nothing(functions: Make) -> None:
    fakes = functions(account=figures(BOTH))
    execution = converse(fakes, "balance")
    assert steps(execution) == [*START, *END]
    assert "_As of 10:32._" in fakes.replies[0]
    assert fakes.payload("RecordConversation")["fetched"] is False
    assert (fakes.cache.accounts, fakes.cache.answers) == ({}, {})


def test_a_fetch_waits_for_the_rate_limit(functions: Make) -> None:
    fakes = functions(wait=7)
    execution = converse(fakes, "balance")
    assert steps(execution) == [*START, "Wait for rate limit", *FETCH, *END]
    assert execution.state("Wait for rate limit").type == "Wait"


def test_a_rate_limit_that_is_too_far_ahead_is_said(functions: Make) -> None:
    fakes = functions(problem="school_busy")
    execution = converse(fakes, "balance")
    assert steps(execution) == [*START, *END]
    assert "very busy" in fakes.replies[0]


def test_the_graphql_gateway_is_one_call(functions: Make) -> None:
    fakes = functions()
    execution = converse(fakes, "balance", school_api="graph")
    assert steps(execution) == [*START, "Fetch account by GraphQL", *END]
    assert fakes.payload("FetchAccount") == {"student_ids": BOTH, "term": "2026-3"}
    assert "Fully paid" in fakes.replies[0]
    assert len(fakes.cache.accounts) == 2


@pytest.mark.parametrize("school_api", ["rest", "graph"])
def test_school_down_and_last_figures_known(functions: Make, school_api: str) -> None:
    fakes = functions(last_account=figures(BOTH, stale=True))
    fakes.fail("FetchFees", SchoolApiUnavailable())
    fakes.fail("FetchAccount", SchoolApiUnavailable())
    execution = converse(fakes, "balance", school_api)
    assert execution.status == "SUCCEEDED"
    assert steps(execution)[-3:] == END
    assert "as of 10:32" in fakes.replies[0]
    assert "Fully paid" in fakes.replies[0]
    assert fakes.payload("RecordConversation")["fetched"] is False
    assert fakes.cache.accounts == {}  # stale figures are not kept as new ones


@pytest.mark.parametrize("school_api", ["rest", "graph"])
@pytest.mark.parametrize("text", ["balance", "statement"])
def test_school_down_and_nothing_known(functions: Make, text: str, school_api: str) -> None:
    fakes = functions()
    fakes.fail("FetchPayments", SchoolApiUnavailable())
    fakes.fail("FetchAccount", SchoolApiUnavailable())
    execution = converse(fakes, text, school_api)
    assert execution.status == "SUCCEEDED"
    assert len(fakes.replies) == 1
    assert "cannot reach the school's records" in fakes.replies[0]
    assert fakes.payload("RecordConversation")["problem"] == "school_unreachable"
    assert "GatePass" not in dict(fakes.calls)


def test_a_failing_fetch_is_not_hammered(functions: Make) -> None:
    fakes = functions()
    fakes.fail("FetchFees", SchoolApiUnavailable())
    converse(fakes, "balance")
    assert len(fakes.payloads("FetchFees")) == 1  # it has waited and tried again itself


def test_a_hiccup_of_lambda_is_not_noticed(functions: Make) -> None:
    fakes = functions()
    for name in ("Understand", "FetchFees", "RecordConversation"):
        fakes.fail(name, InvokeError("ServiceException"), times=1)
    fakes.fail("SendReply", InvokeError("TooManyRequestsException"), times=1)
    execution = converse(fakes, "balance")
    assert steps(execution) == [*START, *FETCH, *END]
    assert execution.state("Understand").attempts == 2
    assert len(fakes.replies) == 1


@pytest.mark.parametrize("name", ["Lambda.Unknown", "Runtime.ExitError", "Sandbox.Timedout"])
def test_a_process_that_dies_before_the_reply_is_not_noticed(functions: Make, name: str) -> None:
    fakes = functions()
    for function in ("Understand", "FetchFees", "RecordConversation"):
        fakes.fail(function, FunctionError({"errorType": name}), times=1)
    assert steps(converse(fakes, "balance")) == [*START, *FETCH, *END]
    assert len(fakes.replies) == 1


def test_a_repeatable_task_that_ran_out_of_time_is_tried_once_more(functions: Make) -> None:
    fakes = functions(VISITOR)
    over, first = threading.Event(), iter([True])

    def understand(event: Any) -> Any:
        if next(first, False):
            over.wait(60)
        return fakes.Understand(event)

    fakes.instead["Understand"] = understand
    hurried = json.loads(definition())
    hurried["States"]["Understand"]["TimeoutSeconds"] = 1
    execution = run(json.dumps(hurried), [message("hi")], fakes, pace=0)
    over.set()
    assert (execution.status, steps(execution)) == ("SUCCEEDED", [*START, *END])
    assert execution.state("Understand").attempts == 2
    assert len(fakes.replies) == 1


# --- menu


def test_the_menu_goes_out_before_the_account_is_fetched(functions: Make) -> None:
    fakes = functions()
    execution = converse(fakes, "hi")
    assert steps(execution) == [*START, "Send reply", "Prefetch account", *FETCH, "Record conversation", "Done"]
    assert fakes.payload("SendReply")["account"] is None
    assert fakes.payload("RecordConversation")["fetched"] is True
    assert len(fakes.cache.accounts) == 2
    assert "1. Fee balance" in fakes.replies[0]


def test_a_failed_prefetch_is_not_noticed(functions: Make) -> None:
    fakes = functions()
    fakes.fail("FetchFees", SchoolApiUnavailable())
    execution = converse(fakes, "hi")
    assert execution.status == "SUCCEEDED"
    assert steps(execution)[-2:] == ["Record conversation", "Done"]
    assert len(fakes.replies) == 1
    assert fakes.payload("RecordConversation")["problem"] is None
    assert (fakes.cache.accounts, fakes.cache.answers) == ({}, {})


def test_a_menu_with_a_fresh_account_fetches_nothing(functions: Make) -> None:
    assert steps(converse(functions(account=figures(BOTH)), "hi")) == [*START, *END]


def test_nothing_is_fetched_twice_in_one_turn(functions: Make) -> None:
    fakes = functions()
    real = fakes.Understand
    fakes.instead["Understand"] = lambda event: (found := real(event)) | {"plan": found["plan"] | {"prefetch": True}}
    assert steps(converse(fakes, "balance")) == [*START, *FETCH, *END]


@pytest.mark.parametrize("person", [VISITOR, HIDDEN])
def test_strangers_fetch_nothing(functions: Make, person: Person) -> None:
    fakes = functions(person)
    assert steps(converse(fakes, "hi")) == [*START, *END]
    assert fakes.payload("RecordConversation")["account"] is None


def test_what_we_asked_back_is_recorded(functions: Make) -> None:
    fakes = functions()
    converse(fakes, "gate pass")
    pending = Pending.read(fakes.cache.pending)
    assert pending is not None
    assert "Which child" in fakes.replies[0]
    again = functions(pending=pending)
    assert "Gate pass" in steps(converse(again, "Tanaka"))


# --- gate pass


def test_a_gate_pass(functions: Make) -> None:
    fakes = functions(ONE_CHILD)
    execution = converse(fakes, "gate pass")
    assert steps(execution) == [*START, *FETCH, "Gate pass", *END]
    asked = fakes.payload("GatePass")
    assert (asked["message_id"], asked["student"]["id"], asked["phone"]) == ("wamid.1", BOTH[0], ONE_CHILD.phone)
    assert (asked["account"]["term"], asked["account"]["stale"]) == ("2026-3", False)
    assert "GP-2026-3-000007" in fakes.replies[0]
    assert "Valid until 3 December 2026" in fakes.replies[0]
    remembered = fakes.payload("RecordConversation")
    assert (remembered["gate_pass"]["pass_id"], remembered["sent"]["media_id"]) == (7, "m1")


def test_a_gate_pass_on_cached_figures(functions: Make) -> None:
    execution = converse(functions(ONE_CHILD, account=figures(BOTH[:1])), "gate pass")
    assert steps(execution) == [*START, "Gate pass", *END]


def test_a_refused_gate_pass_names_what_is_missing(functions: Make) -> None:
    fakes = functions(ONE_CHILD)
    fakes.paid = "150.00"
    execution = converse(fakes, "gate pass")
    assert steps(execution) == [*START, *FETCH, "Gate pass", *END]
    assert "*$50.00 more* reaches 50 %" in fakes.replies[0]
    assert "None" not in fakes.replies[0]


def test_a_gate_pass_that_cannot_be_made(functions: Make) -> None:
    fakes = functions(ONE_CHILD)
    fakes.fail("GatePass", DataUnavailable())
    execution = converse(fakes, "gate pass")
    assert steps(execution) == [*START, *FETCH, "Gate pass", *END]
    assert "cannot issue a gate pass" in fakes.replies[0]


def test_a_gate_pass_is_never_decided_without_fresh_figures(functions: Make) -> None:
    fakes = functions(ONE_CHILD)
    fakes.fail("FetchFees", SchoolApiUnavailable())
    execution = converse(fakes, "gate pass")
    assert execution.status == "SUCCEEDED"
    assert "Gate pass" not in steps(execution)
    assert "A gate pass needs today's figures" in fakes.replies[0]


def test_even_stale_figures_by_mistake_make_no_pass(functions: Make) -> None:
    fakes = functions(ONE_CHILD, last_account=figures(BOTH[:1], stale=True))
    fakes.fail("FetchFees", SchoolApiUnavailable())
    converse(fakes, "gate pass")
    assert "GP-" not in fakes.replies[0]
    assert "cannot issue a gate pass" in fakes.replies[0]


# --- questions


def test_a_question_is_answered_by_the_ai(functions: Make) -> None:
    fakes = functions(question_key="school start time")
    execution = converse(fakes, "What time does school start?")
    assert steps(execution) == [*START, "AI reply", *END]
    asked = fakes.payload("AiReply")
    assert (asked["plan"]["question"], asked["account"]) == ("What time does school start?", None)
    assert asked["message_id"] == "wamid.1"
    assert fakes.replies[0].startswith("From 08:00 to 15:00.")
    assert fakes.cache.answers == {("answer", "school start time"): "From 08:00 to 15:00."}


# --- voice notes

VOICE = message("", type="audio", is_voice=True, media_id="1") | {"text": None}
HEARD = [*START, "Transcribe voice note"]


def say(fakes: Functions, school_api: str = "rest") -> Execution:
    return run(definition(school_api), [{"body": json.dumps(VOICE)}], fakes, pace=0)


def test_a_voice_note_is_answered_as_typed_text_and_the_reply_says_what_was_heard(functions: Make) -> None:
    fakes = functions(account=figures(BOTH))
    execution = say(fakes)
    assert steps(execution) == [*HEARD, "Understand", *END]
    assert [event["transcribed"] for event in fakes.payloads("Understand")] == [False, True]
    assert fakes.payloads("Understand")[1]["sent_at"] is None
    assert fakes.replies[0].startswith("🎤 “balance please”\n\n*Term 3, 2026*")
    assert fakes.payload("RecordConversation")["message"]["text"] == "balance please"


def test_a_question_in_a_voice_note_is_one_call_of_the_model(functions: Make) -> None:
    fakes = functions()
    fakes.instead["Transcribe"] = lambda _: {"text": "What time does school start?", "problem": None}
    assert steps(say(fakes)) == [*HEARD, "Understand", "AI reply", *END]
    assert fakes.payload("AiReply")["plan"]["question"] == "What time does school start?"
    assert len(fakes.payloads("Transcribe")) == 1


def test_what_was_heard_stands_before_the_first_of_two_replies_only(functions: Make) -> None:
    fakes = functions(account=figures(BOTH))
    fakes.instead["Transcribe"] = lambda _: {"text": TWO_WISHES, "problem": None}
    _also(fakes, Request(Intent.STATEMENT), Request(Intent.BALANCE))
    say(fakes)
    assert [reply.startswith("🎤") for reply in fakes.replies] == [True, False]


@pytest.mark.parametrize("problem", [*NotHeard])
def test_a_voice_note_without_words_gets_one_helpful_line(functions: Make, problem: NotHeard) -> None:
    fakes = functions()
    fakes.instead["Transcribe"] = lambda _: {"text": None, "problem": problem.value}
    assert steps(say(fakes)) == [*HEARD, *END]
    assert fakes.payload("SendReply")["plan"]["kind"] == problem.value
    (reply,) = fakes.replies
    assert "Please type your question" in reply
    assert "\n" not in reply


def test_a_transcription_that_dies_gets_one_helpful_line(functions: Make) -> None:
    fakes = functions()
    fakes.fail("Transcribe", MemoryError())
    assert steps(say(fakes)) == [*HEARD, *END]
    assert fakes.replies[0].startswith("I cannot listen to voice notes at the moment.")


def test_the_tap_on_whose_proof_it_is_passes_the_file_on_and_says_what_comes_next(functions: Make) -> None:
    fakes = functions()
    tap = message("Tariro", type="interactive", tap=f"v1:proof:{TARIRO.id}::jpg.123")
    execution = run(definition(), [{"body": json.dumps(tap)}], fakes, pace=0)
    assert steps(execution) == [*START, "Open office request", "Notify office", *END]
    assert fakes.payload("NotifyOffice")["plan"]["entry"] == "jpg.123"
    assert "The office has it now as a proof of payment for *Tariro* (request 12)" in fakes.replies[0]
    assert fakes.cache.handed_to_office == {}  # the assistant goes on answering


def _also(fakes: Functions, also: Request, first: Request | None = None, answer: str | None = None) -> None:
    """The model answers, or hears a first wish, and hears a second one."""
    found = {"answer": answer, "understood": first.as_json() if first else None, "also": also.as_json()}
    fakes.instead["AiReply"] = lambda _: found | {"cacheable": False, "source": "model"}


TWO_WISHES = "what remains on the side of the uncle, and how it came about line by line"
SECOND = ["Take second wish", "Understand"]


def test_two_wishes_of_one_message_are_answered_in_order_and_once_each(functions: Make) -> None:
    fakes = functions()
    _also(fakes, Request(Intent.STATEMENT), Request(Intent.BALANCE))
    execution = converse(fakes, TWO_WISHES)
    first = [*START, "AI reply", "Understand", *FETCH, "Send reply"]
    assert steps(execution)[: len(first)] == first
    assert fakes.reply_types() == ["balance", "statement"]
    assert fakes.payloads("Understand")[2]["account"]["term"] == "2026-3"  # what was fetched is not fetched again
    assert [payload["sent"] for payload in fakes.payloads("SendReply")] == [None, None]
    assert fakes.cache.finished == ["wamid.1"]
    assert len(fakes.payloads("AiReply")) == 1


def test_a_question_and_a_wish_are_both_answered(functions: Make) -> None:
    fakes = functions(account=figures(BOTH))
    _also(fakes, Request(Intent.BALANCE), answer="From 08:00 to 15:00.")
    execution = converse(fakes, TWO_WISHES)
    assert steps(execution) == [*START, "AI reply", "Send reply", *SECOND, *END]
    assert fakes.reply_types() == ["answer", "balance"]
    assert fakes.payload("RecordConversation")["plan"]["reply_type"] == "balance"


def test_figures_come_before_the_office_has_the_conversation(functions: Make) -> None:
    fakes = functions(account=figures(BOTH))
    _also(fakes, Request(Intent.OFFICE, entry="words"), Request(Intent.BALANCE))
    converse(fakes, TWO_WISHES)
    assert fakes.reply_types() == ["balance", "office_told"]
    assert fakes.cache.handed_to_office == {"+263771234567": True}


def test_a_pass_as_the_second_wish_waits_for_a_tap_too(functions: Make) -> None:
    fakes = functions(account=figures(BOTH))
    _also(fakes, Request(Intent.GATE_PASS, None, (TARIRO.id,)), Request(Intent.STATEMENT))
    converse(fakes, TWO_WISHES)
    assert fakes.reply_types() == ["statement", "confirm"]
    assert fakes.payloads("GatePass") == []


@pytest.mark.parametrize(
    ("person", "found"), [(VISITOR, {}), (PARENT, {"problem": "school_busy"})], ids=["a visitor", "a busy school"]
)
def test_what_the_first_wish_could_not_have_is_not_said_twice(
    functions: Make, person: Person, found: dict[str, Any]
) -> None:
    fakes = functions(person)
    _also(fakes, Request(Intent.STATEMENT), Request(Intent.BALANCE))
    real = fakes.Understand
    fakes.instead["Understand"] = lambda event: real(event) | (found if event["understood"] else {})
    converse(fakes, TWO_WISHES)
    assert len(fakes.replies) == 1


@pytest.mark.parametrize("function", ["Understand", "SendReply"])
def test_a_second_wish_that_fails_does_not_double_the_first(functions: Make, function: str) -> None:
    fakes = functions(account=figures(BOTH))
    _also(fakes, Request(Intent.STATEMENT), Request(Intent.BALANCE))
    real, calls = getattr(fakes, function), iter([True, True] if function == "Understand" else [True])

    def failing(event: Any) -> Any:
        if next(calls, False):
            return real(event)
        raise ReplyNotComposed("bug")

    fakes.instead[function] = failing
    execution = converse(fakes, TWO_WISHES)
    assert execution.status == "SUCCEEDED"  # the queue does not offer it again
    assert len(fakes.replies) == 1
    assert fakes.payloads("ReleaseClaim") == []
    recorded = fakes.payload("RecordConversation")
    assert recorded["sent"]["reply_id"] == "wamid.reply"
    assert fakes.cache.finished == ["wamid.1"]


def test_the_figures_of_a_question_are_not_fetched_again_for_the_wish_in_it(functions: Make) -> None:
    fakes = functions()
    heard(fakes, Request(Intent.EXPLAIN))
    converse(fakes, "please, why do I owe so many fees for my child?")
    assert fakes.payloads("Understand")[1]["account"]["term"] == "2026-3"
    assert fakes.reply_types() == ["explanation"]


def heard(fakes: Functions, request: Request) -> None:
    """The model understands that request in whatever is written."""
    wish = {"answer": None, "understood": request.as_json(), "cacheable": False, "source": "model"}
    fakes.instead["AiReply"] = lambda _: wish


def test_the_model_sees_what_was_said_before_and_the_turn_is_remembered(functions: Make) -> None:
    before = [{"asked": "What time does school start?", "kind": "answer", "answer": "At 08:00."}]
    fakes = functions(turns=before)
    converse(fakes, "and on Fridays?")
    assert fakes.payload("AiReply")["turns"] == before
    (turn,) = fakes.cache.turns
    assert (turn["asked"], turn["kind"], turn["answer"]) == ("and on Fridays?", "answer", "From 08:00 to 15:00.")


def test_the_release_before_knows_no_turns(functions: Make) -> None:
    fakes = functions()  # whose `Understand` returns none
    assert converse(fakes, "and on Fridays?").status == "SUCCEEDED"
    assert fakes.payload("AiReply")["turns"] is None


def test_a_wish_that_only_the_model_understands_is_carried_out_by_the_rules(functions: Make) -> None:
    fakes = functions()
    heard(fakes, Request(Intent.BALANCE, None, (TANAKA.id,)))
    execution = converse(fakes, "what remains on the side of Tanaka after what the uncle put in")
    assert [name for name in steps(execution) if name in ("Understand", "AI reply", "Send reply")] == [
        *("Understand", "AI reply", "Understand", "Send reply"),
    ]
    assert fakes.reply_types() == ["balance"]
    assert fakes.payloads("Understand")[1]["understood"]["intent"] == "balance"
    assert fakes.payloads("Understand")[1]["sent_at"] is None  # its wait in the queue is counted once
    assert [item["id"] for item in fakes.payload("SendReply")["plan"]["students"]] == [TANAKA.id]


@pytest.mark.parametrize(
    ("request_", "tap"),
    [
        (Request(Intent.GATE_PASS, None, (TANAKA.id,)), f"v1:gate_pass:{TANAKA.id}"),
        (Request(Intent.OPT_OUT), "v1:opt_out"),
    ],
)
def test_a_gate_pass_or_a_stop_that_only_the_model_read_waits_for_a_tap(
    functions: Make, request_: Request, tap: str
) -> None:
    fakes = functions()
    heard(fakes, request_)
    converse(fakes, "would it be possible that you arrange it like the other day")
    assert fakes.reply_types() == ["confirm"]
    assert (fakes.payloads("GatePass"), fakes.payloads("RecordConsent")) == ([], [])
    found = read_tap(tap)
    assert found is not None
    assert (found.intent, found.student_ids) == (request_.intent, request_.student_ids)


@pytest.mark.parametrize("urgent", [False, True])
def test_what_the_model_hands_over_is_with_the_office_in_the_parents_words(functions: Make, urgent: bool) -> None:
    fakes = functions()
    heard(fakes, URGENT_FOR_THE_OFFICE if urgent else Request(Intent.OFFICE, entry="words"))
    converse(fakes, "she is still not here and it is dark")
    assert fakes.reply_types() == ["office_told"]
    assert "she is still not here" in fakes.notifications[0]
    assert ("URGENT" in fakes.notifications[0]) is urgent
    assert ("please call the school now" in fakes.replies[0]) is urgent


def test_when_the_model_cannot_be_asked_what_sounds_urgent_is_with_the_office(functions: Make) -> None:
    fakes = functions()
    fakes.fail("AiReply", AnswerUnavailable("down"))
    execution = converse(fakes, "my daughter hasn't come home")
    assert steps(execution)[-5:] == ["Open office request", "Notify office", *END]
    assert "URGENT" in fakes.notifications[0]
    assert fakes.replies == [fakes.replies[0]]
    assert "please call the school now" in fakes.replies[0]
    assert fakes.payload("RecordConversation")["problem"] is None


@pytest.mark.parametrize("broken", ["OpenOfficeRequest", "NotifyOffice"])
def test_whom_to_call_is_said_also_when_the_office_could_not_be_told(functions: Make, broken: str) -> None:
    fakes = functions()
    fakes.fail(broken, DataUnavailable())
    heard(fakes, URGENT_FOR_THE_OFFICE)
    converse(fakes, "she is still not here and it is dark")
    assert "please call the school now" in fakes.replies[0]
    assert "could not pass your message on" in fakes.replies[0]


def test_an_old_cached_answer_is_sent_at_once_and_refreshed_after_it(functions: Make) -> None:
    fakes = functions(answer="At 08:00.", refresh_answer=True, question_key="school start time")
    execution = converse(fakes, "What time does school start?")
    assert steps(execution) == [*START, "Send reply", "Refresh cached answer", "Record conversation", "Done"]
    assert fakes.replies[0].startswith("At 08:00.")
    assert fakes.cache.answers == {("answer", "school start time"): "From 08:00 to 15:00."}


def test_an_answer_that_cannot_be_refreshed_stays(functions: Make) -> None:
    fakes = functions(answer="At 08:00.", refresh_answer=True, question_key="school start time")
    fakes.fail("AiReply", AnswerUnavailable())
    execution = converse(fakes, "What time does school start?")
    assert execution.status == "SUCCEEDED"
    assert len(fakes.replies) == 1
    assert (fakes.cache.accounts, fakes.cache.answers) == ({}, {})
    assert fakes.payload("RecordConversation")["problem"] is None


def test_a_common_question_has_its_answer_already(functions: Make) -> None:
    fakes = functions(answer="At 08:00.", question_key="school start time")
    execution = converse(fakes, "What time does school start?")
    assert steps(execution) == [*START, *END]
    assert fakes.replies[0].startswith("At 08:00.")
    assert fakes.cache.answers == {}  # its life is not prolonged


@pytest.mark.parametrize("school_api", ["rest", "graph"])
def test_the_account_is_fetched_beside_the_model_and_is_there_for_the_balance_that_it_hears(
    functions: Make, school_api: str
) -> None:
    fakes = functions(prefetch={"student_ids": BOTH, "term": "2026-3", "wait": 0})
    heard(fakes, Request(Intent.BALANCE))
    execution = converse(fakes, UNCERTAIN, school_api)
    fetched = ["FetchAccount"] if school_api == "graph" else ["FetchFees", "FetchPayments"]
    assert sorted(name for name, _ in fakes.calls if name.startswith("Fetch")) == fetched
    assert steps(execution) == [*START, "AI reply", "Understand", *END]
    assert execution.state("AI reply").inside == "Ask model"
    assert fakes.payloads("Understand")[1]["account"]["bills"].keys() == set(BOTH)
    assert fakes.reply_types() == ["balance"]
    assert fakes.payload("RecordConversation")["fetched"] is True
    assert len(fakes.cache.accounts) == 2
    assert len(fakes.payloads("AiReply")) == 1


def test_what_is_fetched_beside_an_answer_is_cached_and_not_shown(functions: Make) -> None:
    fakes = functions(prefetch={"student_ids": BOTH, "term": "2026-3", "wait": 0})
    converse(fakes, "What time does school start?")
    assert fakes.payload("AiReply")["account"] is None
    assert fakes.replies[0].startswith("From 08:00 to 15:00.")
    assert "$" not in fakes.replies[0]
    assert len(fakes.cache.accounts) == 2
    assert [name for name, _ in fakes.calls].count("FetchFees") == 1  # not once more after the reply


@pytest.mark.parametrize("school_api", ["rest", "graph"])
def test_a_school_that_is_down_takes_nothing_from_the_answer(functions: Make, school_api: str) -> None:
    fakes = functions(prefetch={"student_ids": BOTH, "term": "2026-3", "wait": 0})
    for name in ("FetchPayments", "FetchAccount"):
        fakes.fail(name, SchoolApiUnavailable())
    execution = converse(fakes, "What time does school start?", school_api)
    assert execution.status == "SUCCEEDED"
    assert fakes.replies[0].startswith("From 08:00 to 15:00.")
    assert fakes.payload("RecordConversation")["fetched"] is False


UNCERTAIN = "what remains on the side of the uncle after what he put in"


def test_a_question_about_ones_own_figures_gets_them(functions: Make) -> None:
    fakes = functions()
    execution = converse(fakes, "Have you received my payment for Tariro?")
    assert steps(execution) == [*START, *FETCH, "AI reply", *END]
    assert set(fakes.payload("AiReply")["account"]["bills"]) == set(BOTH)
    assert fakes.cache.answers == {}  # nobody else gets this answer
    assert set(fakes.cache.accounts) == {(name, "2026-3") for name in BOTH}


def test_an_own_question_while_the_school_is_down_is_answered_without_figures(functions: Make) -> None:
    fakes = functions()
    fakes.fail("FetchFees", SchoolApiUnavailable())
    execution = converse(fakes, "Can I pay my fees in instalments?")
    assert steps(execution)[-4:] == ["AI reply", *END]
    assert (fakes.payload("AiReply")["account"], fakes.payload("SendReply")["problem"]) == (None, None)


def test_an_own_question_in_a_rush_is_answered_without_figures(functions: Make) -> None:
    fakes = functions(fetch=None)
    execution = converse(fakes, "Have you received my payment for Tariro?")
    assert steps(execution) == [*START, "AI reply", *END]
    assert fakes.payload("AiReply")["account"] is None


def test_an_own_question_answered_from_stale_figures_is_dated(functions: Make) -> None:
    fakes = functions(last_account=figures(BOTH, stale=True))
    fakes.fail("FetchFees", SchoolApiUnavailable())
    converse(fakes, "Have you received my payment for Tariro?")
    assert fakes.payload("AiReply")["account"]["stale"] is True
    assert "as of 10:32" in fakes.replies[0]


@pytest.mark.parametrize("error", [AnswerUnavailable(), MemoryError()])
def test_with_the_ai_down_the_knowledge_answers(functions: Make, error: Exception) -> None:
    fakes = functions()
    fakes.fail("AiReply", error)
    execution = converse(fakes, "What time does school start?")
    assert (execution.status, steps(execution)) == ("SUCCEEDED", [*START, "AI reply", *END])
    assert "School runs from 08:00 to 15:00" in fakes.replies[0]
    assert fakes.payload("RecordConversation")["problem"] == "answer_unavailable"


# --- the office

FOR_THE_OFFICE = "I want to speak to the bursar about our transport"


def test_words_for_the_office_reach_it(functions: Make) -> None:
    fakes = functions()
    execution = converse(fakes, FOR_THE_OFFICE)
    assert (execution.status, steps(execution)) == ("SUCCEEDED", [*START, "Open office request", "Notify office", *END])
    assert fakes.payload("OpenOfficeRequest")["plan"]["question"] == FOR_THE_OFFICE
    assert fakes.reply_types() == ["office_told"]
    (notification,), (reply,) = fakes.notifications, fakes.replies
    assert FOR_THE_OFFICE in notification
    assert "Request 12" in notification
    assert "Your message is with the office (request 12)" in reply
    assert list(fakes.cache.handed_to_office.values()) == [True]


@pytest.mark.parametrize("broken", ["OpenOfficeRequest", "NotifyOffice"])
def test_an_office_that_cannot_be_told(functions: Make, broken: str) -> None:
    fakes = functions()
    fakes.fail(broken, DataUnavailable(), times=1)
    execution = converse(fakes, FOR_THE_OFFICE)
    assert (execution.status, steps(execution)[-3:]) == ("SUCCEEDED", END)
    assert "could not pass your message on" in fakes.replies[-1]
    assert fakes.cache.handed_to_office == {}


def test_the_office_does_not_exist_on_whatsapp(functions: Make) -> None:
    fakes = functions()
    fakes.instead["NotifyOffice"] = lambda event: {"notified": False, "notification_id": None}
    converse(fakes, FOR_THE_OFFICE)
    assert "could not pass your message on" in fakes.replies[-1]
    assert fakes.cache.handed_to_office == {}


def test_an_office_whose_24_hours_are_over_gets_the_template(functions: Make) -> None:
    fakes = functions()
    fakes.instead["OpenOfficeRequest"] = lambda event: {"number": 12, "notified": False, "notify_by": "template"}
    converse(fakes, FOR_THE_OFFICE)
    assert fakes.payload("NotifyOffice")["request"]["notify_by"] == "template"
    assert "Your message is with the office" in fakes.replies[-1]


def test_an_office_that_cannot_be_written_to_is_not_promised(functions: Make) -> None:
    fakes = functions()
    fakes.instead["OpenOfficeRequest"] = lambda event: {"number": 12, "notified": False, "notify_by": None}
    execution = converse(fakes, FOR_THE_OFFICE)
    assert steps(execution) == [*START, "Open office request", *END]
    assert "could not pass your message on" in fakes.replies[0]
    assert fakes.cache.handed_to_office == {}


def test_an_office_that_knows_already_is_not_told_again(functions: Make) -> None:
    fakes = functions()
    fakes.instead["OpenOfficeRequest"] = lambda event: {"number": 12, "notified": True, "notify_by": None}
    execution = converse(fakes, FOR_THE_OFFICE)
    assert steps(execution) == [*START, "Open office request", *END]
    assert "Your message is with the office" in fakes.replies[0]


def test_that_the_office_was_notified_is_known_to_the_next_try(functions: Make) -> None:
    fakes = functions()
    fakes.fail("SendReply", OperatorNeeded("policy", 368))
    execution = converse(fakes, FOR_THE_OFFICE)
    assert steps(execution)[-2:] == RELEASED
    request = fakes.payload("ReleaseClaim")["request"]
    assert (request["notified"], request["notification_id"]) == (True, "wamid.notification")


# --- STOP and START


def test_stop_is_recorded_before_it_is_confirmed(functions: Make) -> None:
    fakes = functions()
    execution = converse(fakes, "STOP")
    assert steps(execution) == [*START, "Record consent", *END]
    plan = fakes.payload("SendReply")["plan"]
    assert fakes.payload("RecordConsent") == {"message": message("STOP"), "plan": plan}


def test_the_reply_to_a_stop_is_what_holds_after_it_was_recorded(functions: Make) -> None:
    fakes = functions()
    fakes.RecordConsent = lambda event: {"plan": event["plan"] | {"reply_type": "opted_in"}}  # type: ignore[method-assign]
    converse(fakes, "STOP")
    assert fakes.payload("SendReply")["plan"]["reply_type"] == "opted_in"


def test_a_record_consent_of_the_release_before_is_understood(functions: Make) -> None:
    fakes = functions()
    fakes.RecordConsent = lambda event: {}  # type: ignore[method-assign]
    converse(fakes, "STOP")
    assert fakes.payload("SendReply")["plan"]["reply_type"] == "opted_out"


def test_a_stop_past_the_days_replies_is_recorded_and_not_confirmed(functions: Make) -> None:
    fakes = functions()
    fakes.RecordConsent = lambda event: {"plan": event["plan"] | {"quiet": True}}  # type: ignore[method-assign]
    execution = converse(fakes, "STOP")
    assert steps(execution) == [*START, "Record consent", "Record conversation", "Done"]
    assert fakes.replies == []


def test_a_stop_that_cannot_be_recorded_is_not_confirmed(functions: Make) -> None:
    fakes = functions()
    fakes.fail("RecordConsent", DataUnavailable("no database"), times=3)
    execution = converse(fakes, "STOP")
    assert (execution.status, execution.error) == ("FAILED", "NotAnswered")
    assert execution.cause == "Record consent failed: DataUnavailable"
    assert steps(execution) == [*START, "Record consent", *RELEASED]
    assert execution.state("Record consent").attempts == 3
    assert fakes.replies == []


# --- the office has the conversation


def test_while_the_office_has_the_conversation_nothing_is_sent(functions: Make) -> None:
    fakes = functions(next="record_conversation")
    execution = converse(fakes, "balance")
    assert (execution.status, steps(execution)) == ("SUCCEEDED", [*START, "Record conversation", "Done"])
    assert fakes.replies == []
    assert fakes.payload("RecordConversation")["sent"] is None


@pytest.mark.parametrize("broken", [None, "OpenOfficeRequest", "NotifyOffice"])
def test_what_a_parent_adds_is_passed_on_to_the_office_and_not_answered(functions: Make, broken: str | None) -> None:
    plan = add_to_request(Message.read(message("it was a blue one")))
    fakes = functions(next="open_office_request", plan=plan.as_json())
    if broken:
        fakes.fail(broken, DataUnavailable())
    execution = converse(fakes, "it was a blue one")
    assert (execution.status, steps(execution)[-2:]) == ("SUCCEEDED", ["Record conversation", "Done"])
    assert fakes.replies == []
    assert ["it was a blue one" in words for words in fakes.notifications] == ([] if broken else [True])
    assert fakes.cache.handed_to_office == {}  # the 12 hours count from what the office does


# --- staff

STAFF = Person(Kind.VISITOR, SCHOOL.office.whatsapp, "ZW.1")


def test_staff_close_a_request(functions: Make) -> None:
    fakes = functions(STAFF)
    execution = converse(fakes, "close 12")
    assert steps(execution) == [*START, "Staff command", *END]
    assert "Request 12 is closed" in fakes.replies[0]
    assert fakes.letters == []


def test_an_answer_of_staff_reaches_the_parent_before_it_is_confirmed(functions: Make) -> None:
    fakes = functions(STAFF)
    execution = converse(fakes, "reply 12 We have found the jacket.")
    assert steps(execution) == [*START, "Staff command", "Write to parent", *END]
    assert "We have found the jacket." in fakes.letters[0]
    assert "Sent to Rudo (request 12)" in fakes.replies[0]
    assert fakes.payload("RecordConversation")["request"]["delivered"] == "message"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (WhatsAppUnavailable("down"), "did not reach Rudo"),
        (WhatsAppRefused("no", 131026), "did not reach Rudo"),
        (DeliveryUnknown("reset"), "do not know whether your words reached Rudo"),
    ],
)
def test_staff_are_told_when_their_answer_did_not_reach_the_parent(
    functions: Make, error: Exception, said: str
) -> None:
    fakes = functions(STAFF)
    fakes.fail("WriteToParent", error)
    execution = converse(fakes, "reply 12 We have found the jacket.")
    assert steps(execution)[-3:] == END
    assert said in fakes.replies[0]


def test_that_a_parent_was_told_is_known_to_the_next_try(functions: Make) -> None:
    fakes = functions(STAFF)
    fakes.fail("SendReply", OperatorNeeded("policy", 368))
    execution = converse(fakes, "reply 12 We have found the jacket.")
    assert steps(execution)[-2:] == RELEASED
    assert fakes.payload("ReleaseClaim")["request"]["delivered"] == "message"


def test_a_command_that_cannot_be_carried_out_now(functions: Make) -> None:
    fakes = functions(STAFF)
    fakes.fail("StaffCommand", DataUnavailable())
    execution = converse(fakes, "close 12")
    assert steps(execution) == [*START, "Staff command", *END]
    assert execution.state("Staff command").attempts == 3
    assert "something went wrong" in fakes.replies[0]


def test_what_staff_may_write_is_answered_at_once(functions: Make) -> None:
    fakes = functions(STAFF)
    assert steps(converse(fakes, "help")) == [*START, *END]
    assert "reply 12" in fakes.replies[0]


# --- sending


def test_a_transient_refusal_is_tried_again(functions: Make) -> None:
    fakes = functions(VISITOR)
    fakes.fail("SendReply", WhatsAppUnavailable("busy"), times=2)
    execution = converse(fakes, "hi")
    assert steps(execution) == [*START, *END]
    assert execution.state("Send reply").attempts == 3
    assert len(fakes.replies) == 1


def test_whatsapp_down_leaves_the_message_in_the_queue(functions: Make) -> None:
    fakes = functions(VISITOR)
    fakes.fail("SendReply", WhatsAppUnavailable("down"))
    execution = converse(fakes, "hi")
    assert (execution.status, execution.error) == ("FAILED", "NotAnswered")
    assert steps(execution) == [*START, "Send reply", *RELEASED]
    assert len(fakes.payloads("SendReply")) == 3
    run_name = fakes.payload("Understand")["run"]
    assert fakes.payload("ReleaseClaim") == {"message_id": "wamid.1", "run": run_name, "request": None}
    assert execution.cause == "Send reply failed: WhatsAppUnavailable"


@pytest.mark.parametrize("error", [OperatorNeeded("token", 190), DeliveryUnknown("no answer in time")])
def test_no_blind_second_try_and_no_apology(functions: Make, error: Exception) -> None:
    fakes = functions(VISITOR)
    fakes.fail("SendReply", error)
    execution = converse(fakes, "hi")
    assert (execution.status, execution.error) == ("FAILED", "NotAnswered")
    assert steps(execution) == [*START, "Send reply", *RELEASED]
    assert len(fakes.payloads("SendReply")) == 1
    assert execution.cause == f"Send reply failed: {type(error).__name__}"


def test_a_sender_that_ran_out_of_time_may_have_sent(functions: Make) -> None:
    fakes = functions(VISITOR)
    over = threading.Event()
    fakes.instead["SendReply"] = lambda event: over.wait(60)
    hurried = json.loads(definition())
    hurried["States"]["Send reply"]["TimeoutSeconds"] = 1
    execution = run(json.dumps(hurried), [message("hi")], fakes, pace=0)
    over.set()
    assert steps(execution) == [*START, "Send reply", *RELEASED]
    assert len(fakes.payloads("SendReply")) == 1


def test_an_error_of_ours_is_apologised_for_once(functions: Make) -> None:
    fakes = functions()
    fakes.fail("SendReply", WhatsAppRefused("parameter", 100), times=1)
    execution = converse(fakes, "balance")
    assert (execution.status, steps(execution)) == ("SUCCEEDED", [*START, *FETCH, "Send reply", *APOLOGY])
    apology = fakes.payloads("SendReply")[-1]
    assert (apology["problem"], apology["plan"]["reply_type"], apology["person"]["kind"]) == (
        "unexpected",
        "balance",
        "registered",
    )
    (reply,) = fakes.replies
    assert "something went wrong on my side" in reply
    assert "100" not in reply
    assert fakes.payload("RecordConversation")["problem"] == "unexpected"


def test_not_even_an_apology(functions: Make) -> None:
    fakes = functions(VISITOR)
    fakes.fail("SendReply", ReplyNotComposed("KeyError"))
    execution = converse(fakes, "hi")
    assert (execution.status, execution.error) == ("FAILED", "NotAnswered")
    assert steps(execution) == [*START, "Send reply", "Send error reply", *RELEASED]
    assert execution.cause == "Send reply failed: ReplyNotComposed; Send error reply failed: ReplyNotComposed"


@pytest.mark.parametrize("name", ["ValueError", "Runtime.ExitError", "Lambda.Unknown", "Sandbox.Timedout"])
def test_a_sender_that_died_may_have_sent_and_nothing_is_apologised_for(functions: Make, name: str) -> None:
    fakes = functions(VISITOR)
    fakes.fail("SendReply", FunctionError({"errorType": name}))
    execution = converse(fakes, "hi")
    assert (execution.status, execution.error) == ("FAILED", "NotAnswered")
    assert steps(execution) == [*START, "Send reply", *RELEASED]
    assert execution.cause == f"Send reply failed: {name}"
    assert len(fakes.payloads("SendReply")) == 1


# --- a reply of several messages


INCOMPLETE = {"status": "incomplete", "parts_sent": 1, "reply_id": "wamid.first"}


def test_a_long_reply_goes_on_with_the_part_that_failed(functions: Make) -> None:
    fakes = functions(VISITOR)
    results = [INCOMPLETE, {"status": "sent", "reply_id": "wamid.first", "messages": 2}]
    fakes.instead["SendReply"] = lambda event: results.pop(0)
    execution = converse(fakes, "hi")
    assert (execution.status, steps(execution)) == (
        "SUCCEEDED",
        [*START, "Send reply", "Wait before next part", *END],
    )
    assert [payload["sent"] for payload in fakes.payloads("SendReply")] == [None, INCOMPLETE]
    assert fakes.payload("RecordConversation")["sent"]["messages"] == 2


def test_a_long_reply_that_stays_incomplete_is_recorded_after_three_tries(functions: Make) -> None:
    fakes = functions(VISITOR)
    fakes.instead["SendReply"] = lambda event: INCOMPLETE
    execution = converse(fakes, "hi")
    assert (execution.status, len(fakes.payloads("SendReply"))) == ("SUCCEEDED", 3)
    assert fakes.payload("RecordConversation")["sent"] == INCOMPLETE


@pytest.mark.parametrize("error", [ReplyNotComposed("bug"), WhatsAppUnavailable("down"), FunctionError({})])
def test_a_failure_after_the_first_part_is_neither_apologised_for_nor_begun_anew(
    functions: Make, error: Exception
) -> None:
    fakes = functions(VISITOR)

    def send(event: Any) -> Any:
        if event["sent"]:
            raise error
        return INCOMPLETE

    fakes.instead["SendReply"] = send
    execution = converse(fakes, "hi")
    assert (execution.status, steps(execution)[-3:]) == ("SUCCEEDED", END)
    assert fakes.payload("RecordConversation")["sent"] == INCOMPLETE


def test_releasing_the_claim_may_fail_too(functions: Make) -> None:
    fakes = functions(VISITOR)
    fakes.fail("SendReply", OperatorNeeded("token", 190))
    fakes.fail("ReleaseClaim", DataUnavailable())
    execution = converse(fakes, "hi")
    assert (execution.status, execution.error) == ("FAILED", "NotAnswered")


def test_someone_who_cannot_be_reached_is_recorded(functions: Make) -> None:
    fakes = functions(VISITOR)
    fakes.instead["SendReply"] = lambda event: {"status": "undeliverable", "code": 131047}
    execution = converse(fakes, "hi")
    assert (execution.status, steps(execution)) == ("SUCCEEDED", [*START, *END])
    assert fakes.payload("RecordConversation")["sent"] == {"status": "undeliverable", "code": 131047}


def test_a_failed_record_does_not_send_the_answer_twice(functions: Make) -> None:
    fakes = functions(VISITOR)
    fakes.fail("RecordConversation", DataUnavailable("cache and database"))
    execution = converse(fakes, "hi")
    assert (execution.status, steps(execution)) == ("SUCCEEDED", [*START, *END])
    assert execution.state("Record conversation").attempts == 3
    assert len(fakes.replies) == 1


# --- exactly one answer


def test_nothing_is_done_twice_or_too_late(functions: Make) -> None:
    fakes = functions(next="done", plan=None)
    execution = converse(fakes, "balance")
    assert (execution.status, steps(execution)) == ("SUCCEEDED", [*START, "Done"])
    assert [name for name, _ in fakes.calls] == ["Understand"]


def test_a_message_that_another_run_has_stays_in_the_queue(functions: Make) -> None:
    fakes = functions(next="busy", plan=None)
    execution = converse(fakes, "balance")
    assert (execution.status, execution.error) == ("FAILED", "ClaimedByAnotherRun")
    assert steps(execution) == [*START, "Claimed by another run"]
    assert [name for name, _ in fakes.calls] == ["Understand"]  # the other run's claim is not released


def receive(fakes: Functions, count: int, text: str = "balance", **fields: Any) -> Execution:
    """The message, delivered by the queue for this many times."""
    fields = {"timestamp": int(time.time())} | fields
    record = {
        "body": json.dumps(message(text, **fields)),
        "attributes": {"ApproximateReceiveCount": str(count)},
    }
    return run(definition(), [record], fakes, pace=0)


def test_the_receive_count_is_passed_on(functions: Make) -> None:
    fakes = functions()
    receive(fakes, 3)
    assert fakes.payload("Understand")["receive_count"] == 3


@pytest.mark.parametrize("count", range(1, MESSAGE_RECEIVES))
def test_a_message_that_cannot_be_understood_now_stays_in_the_queue(functions: Make, count: int) -> None:
    fakes = functions()
    fakes.fail("Understand", KeyError("bug"))
    execution = receive(fakes, count)
    assert (execution.status, execution.error) == ("FAILED", "NotAnswered")
    assert steps(execution) == [*START, *RELEASED]
    assert fakes.replies == []


@pytest.mark.parametrize(
    ("answered", "fields"),
    [
        (True, {}),  # a duplicate of an answered message
        (None, {}),  # the database is down: it may be one
        (False, {"type": "undelivered"}),
        (False, {"timestamp": WRITTEN_AT - 25 * 3600}),  # it may only get a template
    ],
)
def test_what_was_answered_or_is_late_is_never_apologised_for(
    functions: Make, answered: bool | None, fields: dict[str, Any]
) -> None:
    fakes = functions()
    fakes.fail("Understand", KeyError("bug"))
    fakes.instead["ReleaseClaim"] = lambda event: {"answered": answered}
    execution = receive(fakes, MESSAGE_RECEIVES, **fields)
    assert (execution.status, steps(execution)) == ("FAILED", [*START, *RELEASED])
    assert fakes.payloads("SendReply") == []


def fails_from_the_second_on(fakes: Functions) -> None:
    """The first call of `Understand` goes well, no other does."""
    first = iter([fakes.Understand])

    def understand(event: Any) -> Any:
        for call in first:
            return call(event)
        raise KeyError("bug")

    fakes.instead["Understand"] = understand


@pytest.mark.parametrize("way", ["wish", "look-up"])
def test_one_that_could_not_be_understood_again_gets_the_apology_too(functions: Make, way: str) -> None:
    """After the model named a wish, or the school was asked for a student."""
    fakes = functions() if way == "wish" else functions(VISITOR)
    fails_from_the_second_on(fakes)
    heard(fakes, Request(Intent.BALANCE))
    words = "what remains on the side of the uncle" if way == "wish" else f"balance {TARIRO.id}"
    execution = receive(fakes, MESSAGE_RECEIVES, words)
    assert execution.status == "SUCCEEDED"
    assert len(fakes.payloads("Understand")) == 2
    assert len(fakes.replies) == 1
    assert "something went wrong" in fakes.replies[0]


def test_a_message_that_was_never_understood_gets_one_apology_at_the_last_try(functions: Make) -> None:
    fakes = functions()
    fakes.fail("Understand", KeyError("bug"))
    execution = receive(fakes, MESSAGE_RECEIVES)
    assert (execution.status, steps(execution)) == ("SUCCEEDED", [*START, "Release claim", *APOLOGY])
    apology = fakes.payload("SendReply")
    assert (apology["person"], apology["plan"], apology["message"]["id"]) == (None, None, "wamid.1")
    assert "something went wrong" in fakes.replies[0]
    remembered = fakes.payload("RecordConversation")
    assert (remembered["plan"], remembered["person"], remembered["cacheable"]) == (None, None, False)
    assert fakes.cache.finished == ["wamid.1"]


# --- what release 0.1 put on the queue


PAYMENT_OF_0_1 = {
    "id": "payment:INV 17",
    "type": "payment",
    "timestamp": 1795423500,
    "phone_number_id": "",
    "details": {"student_id": TARIRO.id, "term": "2026-3", "amount": "100.00", "fee_type": "Tuition"},
}


def test_a_payment_notice_of_release_0_1_is_moved_to_the_payments_queue(functions: Make) -> None:
    sent = moved(functions(), PAYMENT_OF_0_1)
    notice = PaymentNotice.read(json.loads(sent["MessageBody"]))
    assert (notice.message_id, notice.student_id, notice.term) == ("payment:INV 17", TARIRO.id, "2026-3")
    assert (notice.amount, notice.kind) == (Decimal("100.00"), "Tuition")


def test_a_receipt_of_release_0_1_that_was_not_delivered_is_moved_to_the_payments_queue(functions: Make) -> None:
    failure = {"id": "undelivered:wamid.r", "type": "undelivered", "phone": "+263771234567", "about": "payment:1:7"}
    sent = moved(functions(), failure)
    assert ExpiredReceipt.read(json.loads(sent["MessageBody"])) == ExpiredReceipt("wamid.r", "payment:1:7")


def test_a_reply_that_was_not_delivered_stays_a_matter_of_the_conversation(functions: Make) -> None:
    fakes = functions(VISITOR)
    failure = message("", id="undelivered:wamid.r", type="undelivered", about="wamid.1")
    assert run(definition(), [failure], fakes, pace=0).names[:4] == [
        *START[:1],
        "Route by type",
        *START[1:],
        "Route by claim",
    ]


def moved(fakes: Functions, body: dict[str, Any]) -> dict[str, Any]:
    """What `Move payment notice` sends; SQS itself takes no part."""
    machine = json.loads(definition())
    state = machine["States"]["Move payment notice"]
    machine["States"]["Move payment notice"] = {"Type": "Pass", "Output": state["Arguments"], "End": True}
    execution = run(json.dumps(machine), [{"body": json.dumps(body)}], fakes, pace=0)
    assert (execution.status, fakes.calls) == ("SUCCEEDED", [])
    sent: dict[str, Any] = execution.output
    assert sent["QueueUrl"] == "PaymentQueueUrl"
    assert all(re.fullmatch(r"[0-9a-f]{64}", sent[name]) for name in ("MessageGroupId", "MessageDeduplicationId"))
    return sent


# --- how a message comes in


@pytest.mark.parametrize(
    "given",
    [
        [{"messageId": "1", "body": json.dumps(message("hi")), "attributes": {}}],  # the pipe
        [message("hi")],
        message("hi"),  # pasted by hand
    ],
)
def test_by_the_pipe_or_by_hand(functions: Make, given: Any) -> None:
    fakes = functions(VISITOR)
    execution = run(definition(), given, fakes, pace=0)
    assert (execution.status, steps(execution)) == ("SUCCEEDED", [*START, *END])
    assert fakes.payload("Understand")["message"] == message("hi")


def test_the_time_of_queueing_is_passed_on(functions: Make) -> None:
    fakes = functions(VISITOR)
    record = {"body": json.dumps(message("hi")), "attributes": {"SentTimestamp": "1795423500123"}}
    run(definition(), [record], fakes, pace=0)
    assert fakes.payload("Understand")["sent_at"] == "1795423500123"


def test_a_parents_text_is_never_code(functions: Make) -> None:
    text = 'He said "pay" \\ {% $seen %} $states ${SendReply} <script> \U0001f600 \u2028 % }'
    fakes = functions(VISITOR)
    execution = converse(fakes, text)
    assert execution.status == "SUCCEEDED"
    assert fakes.payload("SendReply")["message"]["text"] == text
    assert fakes.payload("AiReply")["plan"]["question"] == text


def test_the_largest_family_fits_the_state(functions: Make) -> None:
    children = tuple(Student(f"SSC{place}", f"Child{place}", "Moyo", "Form 1") for place in range(12))
    fakes = functions(Person(PARENT.kind, PARENT.phone, PARENT.bsuid, children))
    lines = [{"fee_type": "Tuition", "amount": str(Decimal(place)), "date": "2026-09-07"} for place in range(120)]
    fakes.instead["FetchFees"] = lambda event: {"bills": dict.fromkeys(event["student_ids"], lines)}
    execution = converse(fakes, "statement")
    assert execution.status == "SUCCEEDED"
    assert len(json.dumps(fakes.payload("SendReply"))) < 256 * 1024


# --- time that is left after the reply


def converse_begun(fakes: Functions, text: str, seconds_ago: float) -> Execution:
    """One message whose run began a while ago."""

    def set_back(execution: Execution) -> None:
        execution.start -= seconds_ago

    return run(definition(), [{"body": json.dumps(message(text))}], fakes, pace=0, on_start=set_back)


@pytest.mark.parametrize(
    ("text", "found", "state", "latest"),
    [
        ("hi", {}, "Prefetch account", 50),
        ("school start?", {"answer": "At 08:00.", "refresh_answer": True}, "Refresh cached answer", 15),
    ],
)
def test_what_the_next_message_may_need_is_left_out_when_the_reply_took_long(
    functions: Make, text: str, found: dict[str, Any], state: str, latest: float
) -> None:
    assert state in steps(converse_begun(functions(**found), text, latest - 5))
    late = steps(converse_begun(functions(**found), text, latest + 1))
    assert state not in late
    assert late[-2:] == ["Record conversation", "Done"]


@pytest.mark.parametrize(
    ("state", "fetching"), [("Prefetch account", ["Fetch fees"]), ("Refresh cached answer", ["Refresh cached answer"])]
)
def test_after_the_reply_there_is_always_time_to_record_it(state: str, fetching: list[str]) -> None:
    """Each task may run into its time limit once and is tried once more."""
    every = every_state(STATES)
    (choice,) = [item for item in every["Check follow-up"]["Choices"] if item["Next"] == state]
    (latest,) = re.findall(r"< (\d+)", choice["Condition"])
    pause = TIMED_OUT_RETRY["IntervalSeconds"]
    seconds = sum(2 * every[name]["TimeoutSeconds"] + pause for name in [*fetching, "Record conversation"])
    assert int(latest) / 1000 + seconds <= json.loads(definition())["TimeoutSeconds"]
