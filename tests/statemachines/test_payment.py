"""The payment machine's real definition, run over every path, with fakes that keep the functions' contracts."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from functions.domain import wording
from functions.domain.errors import DataUnavailable, OperatorNeeded, SchoolApiUnavailable, WhatsAppUnavailable
from functions.domain.payments import ExpiredReceipt, PaymentNotice, Receipt
from functions.domain.people import Person
from functions.domain.replies import words_of
from functions.services.account_lookup import to_cache
from functions.services.payments import Prepared
from functions.services.send_receipt import ReceiptRequest
from infra.catalog import MESSAGE_RECEIVES
from local.step_functions.execution import Execution
from local.step_functions.runner import run
from local.step_functions.validation import check
from tests.domain.a_school import NOW, ONE_CHILD, PARENT, SCHOOL, TARIRO
from tests.statemachines.definitions import definition_of, every_state, states_of
from tests.statemachines.executions import steps

STATES = states_of("payment")
NOTICE = {"id": "1", "student_id": TARIRO.id, "term": "2026-3", "amount": "100.00", "fee_type": "Tuition"}
EXPIRED = ExpiredReceipt("wamid.r", "payment:1:0").as_json()
START = ["Parse notice", "Prepare receipts"]
FETCH = ["Fetch account", "Fetch fees", "Fetch payments"]
END = ["Record payment", "Done"]
RELEASED = ["Release claim", "Not processed"]


class Functions:
    """Every function of the machine; each may be told to behave otherwise, once or for good."""

    def __init__(self, **prepared: Any) -> None:
        self.prepared = prepared
        self.calls: list[tuple[str, Any]] = []
        self.receipts: dict[str, str] = {}  # id -> words
        self.recorded: set[str] = set()
        self.cached: dict[str, object] = {}
        self.faults: dict[str, Exception] = {}
        self.instead: dict[str, Callable[[Any], Any]] = {}

    def __call__(self, name: str, payload: Any) -> Any:
        self.calls.append((name, payload))
        if name in self.faults:
            raise self.faults[name]
        return self.instead[name](payload) if name in self.instead else getattr(self, name)(payload)

    def payloads(self, name: str) -> list[Any]:
        return [payload for called, payload in self.calls if called == name]

    def PrepareReceipts(self, event: Any) -> Any:  # noqa: N802
        """Two guardians; the second has not written for a day."""
        notice = PaymentNotice.read(event["notice"])
        recipients = [recipient(f"{notice.message_id}:0", PARENT), recipient(f"{notice.message_id}:1", ONE_CHILD, True)]
        payment = Receipt(TARIRO, notice.term, notice.amount).as_json()
        fetch = {"student_ids": [notice.student_id], "term": notice.term, "wait": 0}
        found = Prepared("send_receipts", notice.message_id, payment, recipients, fetch=fetch)
        return found.as_json() | self.prepared

    def PrepareExpiredReceipt(self, event: Any) -> Any:  # noqa: N802
        expired = ExpiredReceipt.read(event["notice"])
        payment = {"student": TARIRO.as_json(), "term": "2026-3", "amount": "100.00"}
        again = [recipient(f"{expired.id}:0", PARENT, True)]
        return Prepared("send_receipts", expired.id, payment, again, account=account()).as_json() | self.prepared

    def FetchFees(self, event: Any) -> Any:  # noqa: N802
        return {"bills": account()["bills"]}

    def FetchPayments(self, event: Any) -> Any:  # noqa: N802
        return {"payments": account()["payments"]}

    def FetchAccount(self, event: Any) -> Any:  # noqa: N802
        return {"bills": account()["bills"], "payments": account()["payments"]}

    def SendReceipt(self, event: Any) -> Any:  # noqa: N802
        request = ReceiptRequest.parse(event)
        template = wording.receipt_template(request.receipt, SCHOOL)
        reply = template if request.as_template else wording.compose_receipt(request.receipt, SCHOOL, NOW)
        self.receipts[request.id] = words_of(reply) if reply else ""
        return {"status": "sent", "reply_id": f"wamid.{request.id}"}

    def RecordReceipt(self, event: Any) -> Any:  # noqa: N802
        assert event["sent"]["status"]
        assert event["payment"]["amount"] == "100.00"
        self.recorded.add(event["recipient"]["id"])
        return {}

    def RecordPayment(self, event: Any) -> Any:  # noqa: N802
        self.cached = to_cache(event["account"]) if event["account"] else {}
        return {}

    def ReleaseClaim(self, event: Any) -> Any:  # noqa: N802
        return {}


def recipient(name: str, person: Person, as_template: bool = False) -> dict[str, Any]:
    return {"id": name, "person": person.as_json(), "as_template": as_template}


def account() -> dict[str, Any]:
    bill = {"fee_type": "Tuition", "amount": "400.00", "date": "2026-09-07"}
    paid = {"fee_type": "Tuition", "amount": "300.00", "date": "2026-11-20"}
    lines = {"bills": {TARIRO.id: [bill]}, "payments": {TARIRO.id: [paid]}}
    return {"term": "2026-3", "as_of": "2026-11-23T08:32:00+00:00", "stale": False, **lines}


def process(fakes: Functions, body: Any = None, school_api: str = "rest", receive_count: int = 1) -> Execution:
    """One notice as the pipe hands it over: a list with one record."""
    attributes = {"ApproximateReceiveCount": str(receive_count)}
    record = {"body": json.dumps(NOTICE if body is None else body), "attributes": attributes}
    return run(definition_of("payment", school_api), [record], fakes, machine="payment", pace=0)


# --- the definition itself


def test_it_is_a_sound_express_machine() -> None:
    check(definition_of("payment"))


def test_every_task_is_bounded_retried_narrowly_and_caught() -> None:
    tasks = {name: state for name, state in every_state(STATES).items() if state["Type"] == "Task"}
    for name, state in tasks.items():
        assert 0 < state["TimeoutSeconds"] <= 20, name
        assert state["Comment"], name
        errors = {error for rule in state["Retry"] for error in rule["ErrorEquals"]}
        assert not errors & {"States.ALL", "States.TaskFailed"}, name
        caught = STATES["Fetch account"] if name in ("Fetch fees", "Fetch payments") else state
        assert caught["Catch"][-1]["ErrorEquals"] == ["States.ALL"], name


def test_every_state_has_a_test_here() -> None:
    source = Path(__file__).read_text("utf-8")
    doing = [name for name, state in every_state(STATES).items() if state["Type"] != "Choice"]
    assert [name for name in doing if f'"{name}"' not in source] == []


# --- receipts


def test_each_guardian_gets_a_receipt() -> None:
    fakes = Functions()
    execution = process(fakes)
    names = steps(execution)
    assert execution.status == "SUCCEEDED"
    assert names[:6] == [*START, *FETCH, "Send receipts"]
    for name in ("Send receipt", "Record receipt", "Receipt sent"):
        assert names.count(name) == 2
    assert names[-2:] == END
    assert set(fakes.receipts) == fakes.recorded == {"payment:1:0", "payment:1:1"}
    assert "*$100.00*" in fakes.receipts["payment:1:0"]
    assert "Paid: $300.00" in fakes.receipts["payment:1:0"]
    assert fakes.payloads("RecordPayment")[0]["claim"] == "payment:1"
    assert set(fakes.cached) == {TARIRO.id}


def test_the_graphql_gateway_is_one_call() -> None:
    fakes = Functions()
    execution = process(fakes, school_api="graph")
    assert steps(execution)[:4] == [*START, "Fetch account by GraphQL", "Send receipts"]
    assert "Paid: $300.00" in fakes.receipts["payment:1:0"]


def test_a_fetch_waits_for_the_rate_limit() -> None:
    fakes = Functions(fetch={"student_ids": [TARIRO.id], "term": "2026-3", "wait": 7})
    assert steps(process(fakes))[:6] == [*START, "Wait for rate limit", *FETCH]


@pytest.mark.parametrize("count", [1, MESSAGE_RECEIVES - 1, MESSAGE_RECEIVES])
def test_one_guardians_receipt_does_not_depend_on_anothers(count: int) -> None:
    fakes = Functions()
    real = fakes.SendReceipt

    def send(event: Any) -> Any:
        if event["recipient"]["id"].endswith(":0"):
            raise OperatorNeeded("policy", 368)
        return real(event)

    fakes.instead["SendReceipt"] = send
    execution = process(fakes, receive_count=count)
    assert steps(execution).count("Receipt not sent") == 1
    assert fakes.recorded == {"payment:1:1"}
    if count < MESSAGE_RECEIVES:  # the other guardian's is tried again
        assert (execution.status, steps(execution)[-2:]) == ("FAILED", RELEASED)
        assert fakes.payloads("RecordPayment") == []
    else:
        assert execution.status == "SUCCEEDED"
        assert fakes.payloads("RecordPayment")[0]["lost"] == 1


@pytest.mark.parametrize("error", [WhatsAppUnavailable("down"), OperatorNeeded("template", 132001)])
def test_when_no_receipt_can_be_sent_the_notice_stays_in_the_queue(error: Exception) -> None:
    fakes = Functions()
    fakes.faults["SendReceipt"] = error
    execution = process(fakes)
    assert (execution.status, execution.error) == ("FAILED", "NotProcessed")
    assert execution.cause == "A receipt could not be sent."
    assert steps(execution)[-2:] == RELEASED
    run_name = fakes.payloads("PrepareReceipts")[0]["run"]
    assert fakes.payloads("ReleaseClaim") == [{"message_id": "payment:1", "run": run_name, "request": None}]
    assert fakes.payloads("RecordPayment") == []


def test_a_receipt_that_its_guardian_cannot_get_is_not_tried_again() -> None:
    fakes = Functions()
    fakes.instead["SendReceipt"] = lambda event: {"status": "undeliverable", "code": 131026}
    assert process(fakes).status == "SUCCEEDED"
    assert fakes.payloads("RecordPayment")[0]["lost"] == 0


def test_a_receipt_that_cannot_be_recorded_was_sent_all_the_same() -> None:
    fakes = Functions()
    fakes.faults["RecordReceipt"] = DataUnavailable("down")
    execution = process(fakes)
    assert (execution.status, len(fakes.receipts)) == ("SUCCEEDED", 2)
    assert len(fakes.payloads("RecordReceipt")) == 2 * 3


@pytest.mark.parametrize("school_api", ["rest", "graph"])
def test_without_the_school_a_receipt_has_no_new_balance(school_api: str) -> None:
    fakes = Functions()
    fakes.faults |= {"FetchFees": SchoolApiUnavailable(), "FetchAccount": SchoolApiUnavailable()}
    execution = process(fakes, school_api=school_api)
    assert execution.status == "SUCCEEDED"
    assert all(event["account"] is None for event in fakes.payloads("SendReceipt"))
    assert "$100.00" in fakes.receipts["payment:1:0"]
    assert "Sorry" not in fakes.receipts["payment:1:0"]
    assert fakes.payloads("RecordPayment")[0]["account"] is None


def test_an_expired_receipt_is_sent_again_as_a_template() -> None:
    fakes = Functions()
    execution = process(fakes, EXPIRED)
    assert steps(execution) == [
        "Parse notice",
        "Prepare expired receipt",
        "Send receipts",
        "Send receipt",
        "Record receipt",
        "Receipt sent",
        *END,
    ]
    (sent,) = fakes.payloads("SendReceipt")
    assert (sent["recipient"]["as_template"], sent["account"]["term"]) == (True, "2026-3")
    assert fakes.payloads("RecordPayment")[0] == {"claim": "expired:wamid.r", "account": None, "lost": 0}


def test_a_payment_for_which_nobody_gets_a_receipt_is_recorded() -> None:
    fakes = Functions(next="record_payment", recipients=[], payment=None, fetch=None)
    execution = process(fakes)
    assert (execution.status, steps(execution)) == ("SUCCEEDED", [*START, *END])
    assert fakes.receipts == {}


# --- exactly once


def test_a_notice_that_was_processed_is_done() -> None:
    fakes = Functions(next="done", recipients=[], fetch=None)
    assert steps(process(fakes)) == [*START, "Done"]


def test_a_notice_that_another_run_has_stays_in_the_queue() -> None:
    fakes = Functions(next="busy", recipients=[], fetch=None)
    execution = process(fakes)
    assert (execution.status, execution.error) == ("FAILED", "ClaimedByAnotherRun")
    assert steps(execution) == [*START, "Claimed by another run"]


@pytest.mark.parametrize(("body", "function"), [(NOTICE, "PrepareReceipts"), (EXPIRED, "PrepareExpiredReceipt")])
def test_a_notice_that_cannot_be_read_now_stays_in_the_queue(body: Any, function: str) -> None:
    fakes = Functions()
    fakes.faults[function] = DataUnavailable("down")
    execution = process(fakes, body)
    assert (execution.status, execution.error) == ("FAILED", "NotProcessed")
    assert execution.cause is not None
    assert execution.cause.endswith("failed: DataUnavailable")
    assert fakes.receipts == {}


def test_a_payment_that_cannot_be_recorded_is_not_processed_again() -> None:
    fakes = Functions()
    fakes.faults["RecordPayment"] = DataUnavailable("down")
    execution = process(fakes)
    assert (execution.status, steps(execution)[-2:]) == ("SUCCEEDED", END)
    assert execution.state("Record payment").attempts == 3


def test_its_run_is_known_to_the_function_that_claims() -> None:
    fakes = Functions()
    execution = process(fakes)
    assert fakes.payloads("PrepareReceipts")[0]["run"].startswith(execution.arn[:-36])  # all but a random end


def test_a_notice_pasted_by_hand_is_processed() -> None:
    fakes = Functions()
    execution = run(definition_of("payment"), [NOTICE], fakes, machine="payment", pace=0)
    assert (execution.status, len(fakes.receipts)) == ("SUCCEEDED", 2)
