"""The conversation's real definition, run over every path, with fakes that keep the functions' contracts.

What the fakes take and give is read and written by the product's own rules: `Understand` decides with the real
`decide`, and `Send reply` composes the very words that a parent would read.
"""

import json
import re
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from functions import remember, send_reply
from functions.adapters.phone_numbers import normalise
from functions.domain import gate_passes, wording
from functions.domain.account_request import AccountRequest
from functions.domain.accounts import Account
from functions.domain.conversation import Next, Pending, Plan, Say, decide
from functions.domain.errors import (
    AnswerUnavailable,
    DataUnavailable,
    DeliveryUnknown,
    InvalidRequest,
    OperatorNeeded,
    SchoolApiUnavailable,
    WhatsAppRefused,
    WhatsAppUnavailable,
)
from functions.domain.inbound import Message
from functions.domain.intents import Intent
from functions.domain.people import Kind, Person, Student
from functions.domain.replies import words_of
from functions.domain.student_records import StudentRecord
from local.state_machines import Execution, InvokeError, check, run, substitute
from tests.domain.a_school import HIDDEN, NOW, ONE_CHILD, PARENT, SCHOOL, TARIRO, TODAY, VISITOR

FILE = Path(__file__).parents[2] / "statemachines" / "conversation.asl.json"
TEXT = FILE.read_text("utf-8")
STATES = json.loads(TEXT)["States"]
Fake = Callable[[Any], Any]
AS_OF = "2026-11-23T08:32:00+00:00"  # 10:32 in Harare


def definition(school_api: str = "rest") -> str:
    """As it is deployed, with functions' names in place of their ARNs."""
    names = {name: name for name in re.findall(r"\$\{(\w+)\}", TEXT)}
    return substitute(TEXT, names | {"SchoolApi": school_api})


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
    """What the real `remember` writes into."""

    def __init__(self) -> None:
        self.finished: list[tuple[str, object, dict[tuple[str, ...], object]]] = []
        self.fetched_at: float | None = None
        self.quiet: dict[str, bool] = {}

    def finish(
        self,
        message_id: str,
        sender: str,
        pending: object,
        values: dict[tuple[str, ...], object],
        fetched_at: float | None = None,
    ) -> bool:
        self.finished.append((message_id, pending, values))
        self.fetched_at = fetched_at
        return True

    def keep_quiet(self, sender: str, *, quiet: bool) -> None:
        self.quiet[sender] = quiet


class Functions:
    """Every function of the conversation; each may be told to behave otherwise, once or for good."""

    def __init__(self, person: Person = PARENT, **found: Any) -> None:
        self.person, self.found = person, found
        self.calls: list[tuple[str, Any]] = []
        self.replies: list[str] = []
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

    def said(self) -> list[str]:
        """What each call of `Send reply` said, in order."""
        return [payload["plan"]["say"] for payload in self.payloads("SendReply")]

    # --- what each function does

    def Understand(self, event: Any) -> Any:  # noqa: N802
        message = Message.read(event["message"])
        pending = self.found.pop("pending", None)
        plan = decide(message, self.person, pending, SCHOOL, TODAY, looked_up=bool(event.get("again")))
        nothing = dict.fromkeys(("fetch", "account", "last_account", "problem", "answer", "question_key"))
        fetch = {"student_ids": [student.id for student in plan.students], "term": plan.term}
        wanted = plan.needs_account or plan.fetch_ahead
        known = "account" in self.found or self.found.get("problem") == "school_busy"
        return {
            **nothing,
            "status": "new",
            "wait": 0,
            "person": self.person.as_json(),
            "plan": plan.as_json(),
            "fetch": fetch if wanted and not known else None,
            **self.found,
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

    def SaveStudents(self, event: Any) -> Any:  # noqa: N802
        """From now on whoever has the number on record is known."""
        records = [StudentRecord.read(record) for record in event["records"]]
        if any(normalise(record.guardian_mobile, "ZW") == self.person.phone for record in records):
            self.person = replace(self.person, kind=Kind.REGISTERED, students=(TARIRO,))
        return {"saved": len(records), "new": 0, "changed": 0, "unusable": 0, "written": "0/16B3748"}

    def AiReply(self, event: Any) -> Any:  # noqa: N802
        return {"answer": "From 08:00 to 15:00.", "cacheable": not event["plan"]["personal"], "source": "model"}

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

    def OfficeRequest(self, event: Any) -> Any:  # noqa: N802
        Message.read(event["message"])
        opens = Plan.read(event["plan"]).next == Next.OFFICE
        return {"number": 12 if opens else None, "told": False, "notice": "free" if opens else None}

    def ReceivePayment(self, event: Any) -> Any:  # noqa: N802
        """Two guardians; the second has not written for a day."""
        notice, people = Message.read(event["message"]), (PARENT, ONE_CHILD)
        plan = Plan(Intent.PAYMENT, Say.RECEIPT, Next.RECEIPTS, PARENT.students[:1], "2026-3")
        recipients = [
            {
                "message": message("", id=f"{notice.id}:{place}", type="payment", phone=person.phone),
                "person": person.as_json(),
                "template": place == 1,
            }
            for place, person in enumerate(people)
        ]
        nothing = dict.fromkeys(("account", "last_account", "problem", "answer", "question_key", "person"))
        fetch = {"student_ids": BOTH[:1], "term": "2026-3"}
        news = {"status": "new", "wait": 0, "plan": plan.as_json(), "recipients": recipients, "fetch": fetch}
        return nothing | news | self.found

    def SendReply(self, event: Any) -> Any:  # noqa: N802
        turn = send_reply.turn_of(event, Message.read(event["message"]))
        self.replies.append(words_of(wording.compose(turn, SCHOOL, NOW)))
        return {"status": "sent", "reply_id": "wamid.reply", "messages": 1, "sent_at": 1795423501, "media_id": "m1"}

    def Remember(self, event: Any) -> Any:  # noqa: N802
        message = Message.read(event["message"])
        if event.get("let_go") or event.get("wish"):
            return {"cached": bool(event.get("let_go")), "logged": bool(event.get("wish"))}
        return {"cached": remember.keep(message, event), "logged": True}


@pytest.fixture
def functions(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Functions]:
    def make(person: Person = PARENT, **found: Any) -> Functions:
        fakes = Functions(person, **found)
        monkeypatch.setattr(remember, "cache", lambda: fakes.cache)
        return fakes

    return make


Make = Callable[..., Functions]


def message(text: str, **fields: Any) -> dict[str, Any]:
    values = {"id": "wamid.1", "type": "text", "timestamp": 1795423500, "phone": "+263771234567", "text": text}
    return values | fields


def converse(fakes: Functions, text: str, school_api: str = "rest") -> Execution:
    """One message as the pipe hands it over: a list with one record."""
    return run(definition(school_api), [{"body": json.dumps(message(text))}], fakes, pace=0)


def steps(execution: Execution) -> list[str]:
    """The states that did something, in order; those side by side by name."""
    names = [state.name for state in execution.timeline if state.type != "Choice"]
    side_by_side = [place for place, name in enumerate(names) if name in ("Fetch fees", "Fetch payments")]
    for place, name in zip(side_by_side, sorted(names[place] for place in side_by_side), strict=True):
        names[place] = name
    return names


START = ["Open the message", "Understand"]
FETCH = ["Fetch account", "Fetch fees", "Fetch payments"]
END = ["Send reply", "Remember", "Nothing to do"]
LET_GO = ["Let go of the message", "Not answered"]
APOLOGY = ["Apologise", "Remember", "Nothing to do"]
BOTH = [student.id for student in PARENT.students]


# --- a number that we do not know, and a student's that the school may

LOOK_UP = [*START, "Look up student", "Save students", "Understand"]
NEW_PARENT = Person(Kind.VISITOR, "+263771234568", "ZW.101")


def test_a_new_parent_is_known_by_the_childs_student_number(functions: Make) -> None:
    fakes = functions(NEW_PARENT)
    execution = converse(fakes, f"balance {TARIRO.id}")
    assert steps(execution) == [*LOOK_UP, *FETCH, *END]
    assert fakes.payload("FindStudent") == {"student_ids": [TARIRO.id]}
    assert fakes.payload("SaveStudents")["sender"] == "ZW.101"
    first, second = fakes.payloads("Understand")
    assert (first["again"], first["written"]) == (False, None)
    assert (second["again"], second["written"], second["sent"]) == (True, "0/16B3748", None)
    assert fakes.replies[0].startswith("Welcome! This phone number is on record for Tariro.")
    assert "Billed: $400.00" in fakes.replies[0]


def test_a_wrong_number_and_an_unknown_student_get_the_same_words(functions: Make) -> None:
    said = []
    for name in (TARIRO.id, "SSC20259999"):
        fakes = functions(replace(NEW_PARENT, phone="+263779999999"))
        assert steps(converse(fakes, f"balance {name}")) == [*LOOK_UP, *END]
        assert fakes.said() == ["not_on_record"]
        said += fakes.replies
    assert said[0] == said[1]
    assert "Tariro" not in said[0]
    assert SCHOOL.office.email in said[0]


@pytest.mark.parametrize(
    ("function", "error"),
    [("FindStudent", SchoolApiUnavailable("down")), ("SaveStudents", DataUnavailable("down"))],
)
def test_a_look_up_that_fails_is_apologised_for(functions: Make, function: str, error: Exception) -> None:
    fakes = functions(NEW_PARENT)
    fakes.fail(function, error)
    execution = converse(fakes, TARIRO.id)
    assert steps(execution)[-3:] == END
    assert fakes.replies[0].startswith("Sorry, I cannot reach the school's records at the moment.")
    assert fakes.payload("Remember")["problem"] == "school_unreachable"


def test_a_busy_school_is_not_asked_to_look_up(functions: Make) -> None:
    fakes = functions(NEW_PARENT, problem="school_busy")
    assert steps(converse(fakes, TARIRO.id)) == [*START, *END]
    assert "very busy" in fakes.replies[0]


# --- the definition itself


def test_it_is_a_sound_express_machine() -> None:
    check(definition())
    assert json.loads(TEXT)["TimeoutSeconds"] == 90


def everything(states: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Every state by name, with those of branches and loops."""
    inner = [part for state in states.values() for part in [*state.get("Branches", []), state.get("ItemProcessor", {})]]
    return states | {name: state for part in inner for name, state in everything(part.get("States", {})).items()}


def tasks() -> list[tuple[str, dict[str, Any]]]:
    return [(name, state) for name, state in everything(STATES).items() if state["Type"] == "Task"]


@pytest.mark.parametrize(("name", "state"), tasks())
def test_every_task_is_bounded_retried_narrowly_and_explained(name: str, state: dict[str, Any]) -> None:
    assert 0 < state["TimeoutSeconds"] <= 25
    assert state["Comment"]
    assert state["Retry"]
    assert not {error for rule in state["Retry"] for error in rule["ErrorEquals"]} & {"States.ALL", "States.TaskFailed"}
    assert all(rule["MaxAttempts"] <= 2 for rule in state["Retry"])
    caught = STATES["Fetch account"] if name in ("Fetch fees", "Fetch payments") else state
    assert caught["Catch"][-1]["ErrorEquals"] == ["States.ALL"]


def test_every_state_has_a_test_here() -> None:
    source = Path(__file__).read_text("utf-8")
    doing = [name for name, state in everything(STATES).items() if state["Type"] != "Choice"]
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
    assert (sent["message"]["id"], sent["person"]["kind"], sent["plan"]["say"]) == ("wamid.1", "registered", "balance")
    (reply,) = fakes.replies
    assert "*Tariro Moyo*" in reply
    assert "*Tanaka Moyo*" in reply
    assert "Fully paid" in reply


def test_what_was_fetched_is_remembered_for_each_child(functions: Make) -> None:
    fakes = functions()
    converse(fakes, "balance")
    ((message_id, pending, values),) = fakes.cache.finished
    assert (message_id, pending) == ("wamid.1", None)
    assert set(values) == {("account", name, "2026-3") for name in BOTH}
    remembered = fakes.payload("Remember")
    assert remembered["fetched"] is True
    assert remembered["sent"]["reply_id"] == "wamid.reply"
    assert (remembered["cacheable"], remembered["problem"]) == (False, None)


@pytest.mark.parametrize("school_api", ["rest", "graph"])
def test_figures_are_as_old_as_the_beginning_of_their_fetch(functions: Make, school_api: str) -> None:
    fakes = functions()
    asked: list[float] = []

    def noting(real: Fake) -> Fake:
        return lambda event: asked.append(datetime.now(UTC).timestamp()) or real(event)

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
    assert fakes.payload("Remember")["fetched"] is False
    assert fakes.cache.finished[0][2] == {}


def test_a_fetch_waits_for_its_turn(functions: Make) -> None:
    fakes = functions(wait=7)
    execution = converse(fakes, "balance")
    assert steps(execution) == [*START, "Wait for our turn", *FETCH, *END]
    assert execution.state("Wait for our turn").type == "Wait"


def test_a_queue_that_is_too_long_is_said(functions: Make) -> None:
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
    assert len(fakes.cache.finished[0][2]) == 2


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
    assert fakes.payload("Remember")["fetched"] is False
    assert fakes.cache.finished[0][2] == {}  # stale figures are not kept as new ones


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
    assert fakes.payload("Remember")["problem"] == "school_unreachable"
    assert "GatePass" not in dict(fakes.calls)


def test_a_failing_fetch_is_not_hammered(functions: Make) -> None:
    fakes = functions()
    fakes.fail("FetchFees", SchoolApiUnavailable())
    converse(fakes, "balance")
    assert len(fakes.payloads("FetchFees")) == 1  # it has waited and tried again itself


def test_a_hiccup_of_lambda_is_not_noticed(functions: Make) -> None:
    fakes = functions()
    for name in ("Understand", "FetchFees", "SendReply", "Remember"):
        fakes.fail(name, InvokeError("ServiceException"), times=1)
    execution = converse(fakes, "balance")
    assert steps(execution) == [*START, *FETCH, *END]
    assert execution.state("Understand").attempts == 2
    assert len(fakes.replies) == 1


# --- menu


def test_the_menu_goes_out_before_the_account_is_fetched(functions: Make) -> None:
    fakes = functions()
    execution = converse(fakes, "hi")
    assert steps(execution) == [*START, "Send reply", *FETCH, "Remember", "Nothing to do"]
    assert fakes.payload("SendReply")["account"] is None
    assert fakes.payload("Remember")["fetched"] is True
    assert len(fakes.cache.finished[0][2]) == 2
    assert "1. Fee balance" in fakes.replies[0]


def test_a_failed_fetch_ahead_is_nobodys_problem(functions: Make) -> None:
    fakes = functions()
    fakes.fail("FetchFees", SchoolApiUnavailable())
    execution = converse(fakes, "hi")
    assert execution.status == "SUCCEEDED"
    assert steps(execution)[-2:] == ["Remember", "Nothing to do"]
    assert len(fakes.replies) == 1
    assert fakes.payload("Remember")["problem"] is None
    assert fakes.cache.finished[0][2] == {}


def test_a_menu_with_a_fresh_account_fetches_nothing(functions: Make) -> None:
    assert steps(converse(functions(account=figures(BOTH)), "hi")) == [*START, *END]


def test_nothing_is_fetched_twice_in_one_turn(functions: Make) -> None:
    fakes = functions()
    real = fakes.Understand
    fakes.instead["Understand"] = lambda event: (found := real(event)) | {"plan": found["plan"] | {"fetch_ahead": True}}
    assert steps(converse(fakes, "balance")) == [*START, *FETCH, *END]


@pytest.mark.parametrize("person", [VISITOR, HIDDEN])
def test_strangers_fetch_nothing(functions: Make, person: Person) -> None:
    fakes = functions(person)
    assert steps(converse(fakes, "hi")) == [*START, *END]
    assert fakes.payload("Remember")["account"] is None


def test_what_we_asked_back_is_remembered(functions: Make) -> None:
    fakes = functions()
    converse(fakes, "gate pass")
    pending = Pending.read(fakes.cache.finished[0][1])
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
    remembered = fakes.payload("Remember")
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
    assert fakes.cache.finished[0][2] == {("answer", "school start time"): "From 08:00 to 15:00."}


def test_an_answer_of_some_hours_ago_goes_out_at_once_and_is_made_anew_behind_it(functions: Make) -> None:
    fakes = functions(answer="At 08:00.", answer_anew=True, question_key="school start time")
    execution = converse(fakes, "What time does school start?")
    assert steps(execution) == [*START, "Send reply", "Answer anew", "Remember", "Nothing to do"]
    assert fakes.replies[0].startswith("At 08:00.")
    assert fakes.cache.finished[0][2] == {("answer", "school start time"): "From 08:00 to 15:00."}


def test_when_it_cannot_be_made_anew_the_old_one_is_kept(functions: Make) -> None:
    fakes = functions(answer="At 08:00.", answer_anew=True, question_key="school start time")
    fakes.fail("AiReply", AnswerUnavailable())
    execution = converse(fakes, "What time does school start?")
    assert execution.status == "SUCCEEDED"
    assert len(fakes.replies) == 1
    assert fakes.cache.finished[0][2] == {}
    assert fakes.payload("Remember")["problem"] is None


def test_a_common_question_has_its_answer_already(functions: Make) -> None:
    fakes = functions(answer="At 08:00.", question_key="school start time")
    execution = converse(fakes, "What time does school start?")
    assert steps(execution) == [*START, *END]
    assert fakes.replies[0].startswith("At 08:00.")
    assert fakes.cache.finished[0][2] == {}  # its life is not prolonged


def test_a_question_about_ones_own_figures_gets_them(functions: Make) -> None:
    fakes = functions()
    execution = converse(fakes, "Have you received my payment for Tariro?")
    assert steps(execution) == [*START, *FETCH, "AI reply", *END]
    assert set(fakes.payload("AiReply")["account"]["bills"]) == set(BOTH)
    assert ("answer", "") not in fakes.cache.finished[0][2]
    assert all(key[0] == "account" for key in fakes.cache.finished[0][2])  # nobody else gets this answer


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
    assert fakes.payload("Remember")["problem"] == "answer_unavailable"


# --- the office

FOR_THE_OFFICE = "I want to speak to the bursar about our transport"


def test_words_for_the_office_reach_it(functions: Make) -> None:
    fakes = functions()
    execution = converse(fakes, FOR_THE_OFFICE)
    assert (execution.status, steps(execution)) == ("SUCCEEDED", [*START, "Open request", "Tell the office", *END])
    assert fakes.payload("OfficeRequest")["plan"]["question"] == FOR_THE_OFFICE
    assert fakes.said() == ["office_notice", "office_told"]
    to_the_office, to_the_parent = fakes.replies
    assert FOR_THE_OFFICE in to_the_office
    assert "Request 12" in to_the_office
    assert "Your message is with the office (request 12)" in to_the_parent
    assert list(fakes.cache.quiet.values()) == [True]


@pytest.mark.parametrize("broken", ["OfficeRequest", "SendReply"])
def test_an_office_that_cannot_be_told(functions: Make, broken: str) -> None:
    fakes = functions()
    fakes.fail(broken, DataUnavailable(), times=1)
    execution = converse(fakes, FOR_THE_OFFICE)
    assert (execution.status, steps(execution)[-3:]) == ("SUCCEEDED", END)
    assert "could not pass your message on" in fakes.replies[-1]
    assert fakes.cache.quiet == {}


def test_the_office_does_not_exist_on_whatsapp(functions: Make) -> None:
    fakes = functions()
    real = fakes.SendReply
    fakes.instead["SendReply"] = lambda event: (
        {"status": "undeliverable", "code": 131026} if event["plan"]["say"] == "office_notice" else real(event)
    )
    converse(fakes, FOR_THE_OFFICE)
    assert "could not pass your message on" in fakes.replies[-1]


def test_an_office_whose_24_hours_are_over_gets_the_template(functions: Make) -> None:
    fakes = functions()
    fakes.instead["OfficeRequest"] = lambda event: {"number": 12, "told": False, "notice": "template"}
    converse(fakes, FOR_THE_OFFICE)
    assert [payload.get("template") for payload in fakes.payloads("SendReply")] == [True, None]
    assert "Your message is with the office" in fakes.replies[-1]


def test_an_office_that_cannot_be_written_to_is_not_promised(functions: Make) -> None:
    fakes = functions()
    fakes.instead["OfficeRequest"] = lambda event: {"number": 12, "told": False, "notice": None}
    execution = converse(fakes, FOR_THE_OFFICE)
    assert steps(execution) == [*START, "Open request", *END]
    assert "could not pass your message on" in fakes.replies[0]
    assert fakes.cache.quiet == {}


def test_an_office_that_knows_already_is_not_told_again(functions: Make) -> None:
    fakes = functions()
    fakes.instead["OfficeRequest"] = lambda event: {"number": 12, "told": True, "notice": "free"}
    execution = converse(fakes, FOR_THE_OFFICE)
    assert steps(execution) == [*START, "Open request", *END]
    assert "Your message is with the office" in fakes.replies[0]


def test_that_the_office_was_told_is_known_to_the_next_try(functions: Make) -> None:
    fakes = functions()
    real = fakes.SendReply

    def send(event: Any) -> Any:
        if event["plan"]["say"] == "office_told":
            raise OperatorNeeded("policy", 368)
        return real(event)

    fakes.instead["SendReply"] = send
    execution = converse(fakes, FOR_THE_OFFICE)
    assert steps(execution)[-2:] == LET_GO
    let_go = fakes.payload("Remember")
    assert (let_go["let_go"], let_go["request"]["told"], let_go["request"]["notice_id"]) == (True, True, "wamid.reply")


# --- STOP and START


def test_stop_is_written_down_before_it_is_confirmed(functions: Make) -> None:
    fakes = functions()
    execution = converse(fakes, "STOP")
    assert steps(execution) == [*START, "Write down STOP or START", *END]
    assert fakes.payloads("Remember")[0] == {
        "message": message("STOP"),
        "plan": fakes.payload("SendReply")["plan"],
        "wish": True,
    }


def test_a_stop_that_cannot_be_written_down_is_not_confirmed(functions: Make) -> None:
    fakes = functions()
    fakes.fail("Remember", DataUnavailable("no database"), times=3)
    execution = converse(fakes, "STOP")
    assert (execution.status, execution.error) == ("FAILED", "NotAnswered")
    assert steps(execution) == [*START, "Write down STOP or START", *LET_GO]
    assert execution.state("Write down STOP or START").attempts == 3
    assert fakes.replies == []


# --- the office has the conversation


def test_while_the_office_has_the_conversation_we_keep_quiet(functions: Make) -> None:
    fakes = functions(status="quiet")
    execution = converse(fakes, "balance")
    assert (execution.status, steps(execution)) == ("SUCCEEDED", [*START, "Remember", "Nothing to do"])
    assert fakes.replies == []
    assert fakes.payload("Remember")["sent"] is None


def test_the_office_closes_a_request(functions: Make) -> None:
    office = Person(Kind.VISITOR, SCHOOL.office.whatsapp, "ZW.1")
    fakes = functions(office)
    fakes.instead["OfficeRequest"] = lambda event: {"number": int(event["plan"]["entry"]), "told": False}
    execution = converse(fakes, "close 12")
    assert steps(execution) == [*START, "Close request", *END]
    assert "Request 12 is closed" in fakes.replies[0]


def test_a_request_that_cannot_be_closed_now(functions: Make) -> None:
    fakes = functions(Person(Kind.VISITOR, SCHOOL.office.whatsapp, "ZW.1"))
    fakes.fail("OfficeRequest", DataUnavailable())
    execution = converse(fakes, "close 12")
    assert steps(execution) == [*START, "Close request", *END]
    assert "something went wrong" in fakes.replies[0]


# --- payments


def paid(fakes: Functions) -> Execution:
    """The school's notice of a payment of $100."""
    details = {"student_id": BOTH[0], "term": "2026-3", "amount": "100.00"}
    notice = message("", id="payment:1", type="payment", phone=None, bsuid=f"family:{BOTH[0]}", details=details)
    return run(definition(), [{"body": json.dumps(notice)}], fakes, pace=0)


def test_a_payment_becomes_a_receipt_for_each_guardian(functions: Make) -> None:
    fakes = functions()
    execution = paid(fakes)
    names = steps(execution)
    assert execution.status == "SUCCEEDED"
    assert names[:5] == ["Open the message", "Receive payment", *FETCH]
    assert names[5] == "Send receipts"
    for name in ("Send receipt", "Remember receipt", "Receipt is out"):
        assert names.count(name) == 2
    assert names[-2:] == ["Remember", "Nothing to do"]
    sent = {payload["message"]["id"]: payload for payload in fakes.payloads("SendReply")}
    assert set(sent) == {"payment:1:0", "payment:1:1"}
    assert {name: payload["template"] for name, payload in sent.items()} == {"payment:1:0": False, "payment:1:1": True}
    assert all(payload["payment"]["amount"] == "100.00" for payload in sent.values())
    assert sent["payment:1:0"]["account"]["payments"][BOTH[0]]
    assert {name for name, _, _ in fakes.cache.finished} == {"payment:1:0", "payment:1:1", "payment:1"}
    kept = {
        key[1]: value for _, _, values in fakes.cache.finished for key, value in values.items() if key[0] == "receipt"
    }
    assert set(kept) == {"payment:1:0", "payment:1:1"}  # in case WhatsApp gives them up
    assert kept["payment:1:0"]["payment"]["amount"] == "100.00"  # type: ignore[index]


def test_one_guardians_receipt_does_not_hang_on_anothers(functions: Make) -> None:
    fakes = functions()
    real = fakes.SendReply

    def send(event: Any) -> Any:
        if event["message"]["id"].endswith(":0"):
            raise OperatorNeeded("policy", 368)
        return real(event)

    fakes.instead["SendReply"] = send
    execution = paid(fakes)
    assert execution.status == "SUCCEEDED"
    assert len(fakes.replies) == 1
    assert steps(execution).count("Receipt is lost") == 1
    remembered = {payload["message"]["id"]: payload for payload in fakes.payloads("Remember")}
    assert set(remembered) == {"payment:1:1", "payment:1"}  # the lost one is not logged as sent
    assert remembered["payment:1"]["receipts_lost"] == 1


@pytest.mark.parametrize("error", [WhatsAppUnavailable("down"), OperatorNeeded("template", 132001)])
def test_when_no_receipt_goes_out_the_notice_stays_in_the_queue(functions: Make, error: Exception) -> None:
    fakes = functions()
    fakes.fail("SendReply", error)
    execution = paid(fakes)
    assert (execution.status, execution.error) == ("FAILED", "NotAnswered")
    assert steps(execution)[-2:] == LET_GO
    assert fakes.payload("Remember")["let_go"] is True
    assert fakes.cache.finished == []


def test_a_receipt_that_its_guardian_cannot_get_is_not_tried_again(functions: Make) -> None:
    fakes = functions()
    fakes.instead["SendReply"] = lambda event: {"status": "undeliverable", "code": 131026}
    execution = paid(fakes)
    assert execution.status == "SUCCEEDED"
    assert fakes.payloads("Remember")[-1]["receipts_lost"] == 0


def test_a_receipt_without_the_new_balance(functions: Make) -> None:
    fakes = functions()
    fakes.fail("FetchFees", SchoolApiUnavailable())
    execution = paid(fakes)
    assert execution.status == "SUCCEEDED"
    assert [payload["account"] for payload in fakes.payloads("SendReply")] == [None, None]
    assert all("$100.00" in reply and "Sorry" not in reply for reply in fakes.replies)


def test_a_receipt_that_was_given_up_goes_out_as_its_template(functions: Make) -> None:
    """`understand` finds it in the cache."""
    plan = Plan(Intent.PAYMENT, Say.RECEIPT, Next.RECEIPTS, PARENT.students[:1], "2026-3").as_json()
    details = {"student_id": BOTH[0], "term": "2026-3", "amount": "100.00"}
    given_up = message("", id="undelivered:wamid.r", type="undelivered", about="payment:1:0")
    recipient = {"message": given_up | {"id": "undelivered:wamid.r:0", "details": details}}
    recipient |= {"person": PARENT.as_json(), "template": True}
    fakes = functions(plan=plan, recipients=[recipient], fetch=None, account=figures(BOTH[:1]))
    execution = run(definition(), [{"body": json.dumps(given_up)}], fakes, pace=0)
    assert steps(execution) == [
        *START,
        "Send receipts",
        "Send receipt",
        "Remember receipt",
        "Receipt is out",
        "Remember",
        "Nothing to do",
    ]
    sent = fakes.payload("SendReply")
    assert (sent["template"], sent["payment"]["amount"], sent["account"]["term"]) == (True, "100.00", "2026-3")


def test_a_payment_that_nobody_wants_to_hear_of(functions: Make) -> None:
    fakes = functions(recipients=[], fetch=None, plan=Plan(Intent.PAYMENT, Say.RECEIPT).as_json())
    execution = paid(fakes)
    assert steps(execution) == ["Open the message", "Receive payment", "Remember", "Nothing to do"]
    assert fakes.replies == []
    assert fakes.payload("ReceivePayment")["run"].startswith(execution.arn[:-36])  # all but a random end


@pytest.mark.parametrize("plan", [None, Plan(Intent.MENU, Say.MENU).as_json()])
def test_a_payment_is_never_answered_like_a_message(functions: Make, plan: Any) -> None:
    fakes = functions(recipients=[], fetch=None, plan=plan)
    execution = paid(fakes)
    assert (execution.status, fakes.payloads("SendReply")) == ("SUCCEEDED", [])


def test_a_payment_notice_that_cannot_be_read_now_is_kept(functions: Make) -> None:
    fakes = functions()
    fakes.fail("ReceivePayment", DataUnavailable())
    execution = paid(fakes)
    assert (execution.status, execution.error) == ("FAILED", "NotAnswered")
    assert steps(execution) == ["Open the message", "Receive payment", *LET_GO]
    assert fakes.replies == []  # no apology for something that nobody asked


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
    assert steps(execution) == [*START, "Send reply", *LET_GO]
    assert len(fakes.payloads("SendReply")) == 3
    assert fakes.payload("Remember") == {"message": message("hi"), "request": None, "let_go": True}


@pytest.mark.parametrize("error", [OperatorNeeded("token", 190), DeliveryUnknown("no answer in time")])
def test_no_blind_second_try_and_no_apology(functions: Make, error: Exception) -> None:
    fakes = functions(VISITOR)
    fakes.fail("SendReply", error)
    execution = converse(fakes, "hi")
    assert (execution.status, execution.error) == ("FAILED", "NotAnswered")
    assert steps(execution) == [*START, "Send reply", *LET_GO]
    assert len(fakes.payloads("SendReply")) == 1
    assert fakes.payload("Remember")["let_go"] is True


def test_a_sender_that_ran_out_of_time_may_have_sent(functions: Make) -> None:
    fakes = functions(VISITOR)
    over = threading.Event()
    fakes.instead["SendReply"] = lambda event: over.wait(60)
    hurried = json.loads(definition())
    hurried["States"]["Send reply"]["TimeoutSeconds"] = 1
    execution = run(json.dumps(hurried), [message("hi")], fakes, pace=0)
    over.set()
    assert steps(execution) == [*START, "Send reply", *LET_GO]
    assert len(fakes.payloads("SendReply")) == 1


def test_an_error_of_ours_is_apologised_for_once(functions: Make) -> None:
    fakes = functions()
    fakes.fail("SendReply", WhatsAppRefused("parameter", 100), times=1)
    execution = converse(fakes, "balance")
    assert (execution.status, steps(execution)) == ("SUCCEEDED", [*START, *FETCH, "Send reply", *APOLOGY])
    apology = fakes.payloads("SendReply")[-1]
    assert (apology["problem"], apology["plan"]["say"], apology["person"]["kind"]) == (
        "unexpected",
        "balance",
        "registered",
    )
    (reply,) = fakes.replies
    assert "something went wrong on my side" in reply
    assert "100" not in reply
    assert fakes.payload("Remember")["problem"] == "unexpected"


def test_not_even_an_apology(functions: Make) -> None:
    fakes = functions(VISITOR)
    fakes.fail("SendReply", ValueError("a bug"))
    execution = converse(fakes, "hi")
    assert (execution.status, execution.error) == ("FAILED", "NotAnswered")
    assert steps(execution) == [*START, "Send reply", "Apologise", *LET_GO]
    assert fakes.payload("Remember")["let_go"] is True


def test_letting_go_may_fail_too(functions: Make) -> None:
    fakes = functions(VISITOR)
    fakes.fail("SendReply", OperatorNeeded("token", 190))
    fakes.fail("Remember", DataUnavailable())
    execution = converse(fakes, "hi")
    assert (execution.status, execution.error) == ("FAILED", "NotAnswered")


def test_someone_who_cannot_be_reached_is_remembered(functions: Make) -> None:
    fakes = functions(VISITOR)
    fakes.instead["SendReply"] = lambda event: {"status": "undeliverable", "code": 131047}
    execution = converse(fakes, "hi")
    assert (execution.status, steps(execution)) == ("SUCCEEDED", [*START, *END])
    assert fakes.payload("Remember")["sent"] == {"status": "undeliverable", "code": 131047}


def test_forgetting_does_not_send_the_answer_twice(functions: Make) -> None:
    fakes = functions(VISITOR)
    fakes.fail("Remember", DataUnavailable("cache and database"))
    execution = converse(fakes, "hi")
    assert (execution.status, steps(execution)) == ("SUCCEEDED", [*START, *END])
    assert execution.state("Remember").attempts == 3
    assert len(fakes.replies) == 1


# --- exactly one answer


@pytest.mark.parametrize("status", ["answered", "too late"])
def test_nothing_is_done_twice_or_too_late(functions: Make, status: str) -> None:
    fakes = functions()
    fakes.instead["Understand"] = lambda event: {**dict.fromkeys(("account", "problem", "answer")), "status": status}
    execution = converse(fakes, "balance")
    assert (execution.status, steps(execution)) == ("SUCCEEDED", [*START, "Nothing to do"])
    assert [name for name, _ in fakes.calls] == ["Understand"]


def test_a_message_that_another_run_has_stays_in_the_queue(functions: Make) -> None:
    fakes = functions()
    fakes.instead["Understand"] = lambda event: {**dict.fromkeys(("account", "problem", "answer")), "status": "busy"}
    execution = converse(fakes, "balance")
    assert (execution.status, execution.error) == ("FAILED", "BeingAnswered")
    assert steps(execution) == [*START, "Being answered elsewhere"]
    assert [name for name, _ in fakes.calls] == ["Understand"]  # the other run's claim is not let go


def test_a_bug_in_understanding_is_apologised_for(functions: Make) -> None:
    fakes = functions()
    fakes.fail("Understand", KeyError("bug"))
    execution = converse(fakes, "balance")
    assert (execution.status, steps(execution)) == ("SUCCEEDED", [*START, *APOLOGY])
    apology = fakes.payload("SendReply")
    assert (apology["person"], apology["plan"], apology["message"]) == (None, None, message("balance"))
    assert "something went wrong" in fakes.replies[0]
    remembered = fakes.payload("Remember")
    assert (remembered["plan"], remembered["person"], remembered["cacheable"]) == (None, None, False)
    assert fakes.cache.finished[0][0] == "wamid.1"


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


def test_the_time_of_queueing_is_handed_on(functions: Make) -> None:
    fakes = functions(VISITOR)
    record = {"body": json.dumps(message("hi")), "attributes": {"SentTimestamp": "1795423500123"}}
    run(definition(), [record], fakes, pace=0)
    assert fakes.payload("Understand")["sent"] == "1795423500123"


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
