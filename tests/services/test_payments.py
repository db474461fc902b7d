"""A payment notice through the payment machine's definition with the real functions: each guardian gets one receipt."""

import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from functions import (
    prepare_expired_receipt,
    prepare_receipts,
    record_payment,
    record_receipt,
    release_claim,
    send_receipt,
)
from functions.adapters.database.message_log import MessageLog
from functions.domain.errors import DataUnavailable
from infra.catalog import MESSAGE_RECEIVES
from local.step_functions.definitions import substitute
from local.step_functions.execution import Execution
from local.step_functions.runner import run
from tests.conftest import Database, OutsideWorld
from tests.functions.conftest import Approve, Cached
from tests.functions.examples import deliver, status
from tests.functions.outages import without_cache
from tests.statemachines.executions import steps

RUDO, TENDAI, TARIRO, TERM = "+263771234567", "+263772345678", "SSC20259001", "2026-3"
NOTICE = {"id": "b-1", "student_id": TARIRO, "term": TERM, "amount": "100.00", "fee_type": "Tuition"}
DEFINITION = (Path(__file__).parents[2] / "statemachines" / "payment.asl.json").read_text("utf-8")
FUNCTIONS: dict[str, ModuleType] = {
    "PrepareReceipts": prepare_receipts,
    "PrepareExpiredReceipt": prepare_expired_receipt,
    "SendReceipt": send_receipt,
    "RecordReceipt": record_receipt,
    "RecordPayment": record_payment,
    "ReleaseClaim": release_claim,
}
LINES = [{"fee_type": "Tuition", "amount": "100.00", "date": "2026-11-23"}]


@pytest.fixture(autouse=True)
def records(database: Database, cached: Cached, world: OutsideWorld, secrets: None) -> Database:
    """A child with two guardians."""
    database.add_student("Tariro Moyo", RUDO, TARIRO)
    database.run("INSERT INTO phones VALUES (:i, :p, 'guardian')", i=TARIRO, p=TENDAI)
    return database


def have_written(records: Database, *phones: str, hours_ago: int = 0) -> list[int]:
    """Messages of these people; the ids of all contacts."""
    for phone in phones:
        records.run(
            "INSERT INTO contacts (phone, last_message_at) VALUES (:p, now() - make_interval(hours => :h))",
            p=phone,
            h=hours_ago,
        )
    return [row["id"] for row in records.run("SELECT id FROM contacts ORDER BY id")]


def invoke(name: str, payload: Any) -> Any:
    """The real functions, but for the school's figures."""
    if name in ("FetchFees", "FetchPayments"):
        return {"bills": {TARIRO: LINES}, "payments": {TARIRO: LINES}}
    return FUNCTIONS[name].handler(payload, None)


def process(receive_count: int = 1, **notice: Any) -> Execution:
    """One notice as the pipe hands it over."""
    names = {name: name for name in re.findall(r"\$\{(\w+)\}", DEFINITION)} | {"SchoolApi": "rest"}
    attributes = {"ApproximateReceiveCount": str(receive_count)}
    record = {"body": json.dumps(notice or NOTICE), "attributes": attributes}
    return run(substitute(DEFINITION, names), [record], invoke, machine="payment", pace=0)


# --- who gets a receipt -----------------------------------------------------------------------------------------------


def test_each_guardian_who_has_written_gets_a_receipt_with_the_new_figures(
    records: Database,
    cached: Cached,
    world: OutsideWorld,
) -> None:
    have_written(records, RUDO, TENDAI)
    assert process().status == "SUCCEEDED"
    assert {message["to"] for message in world.outbox()} == {RUDO, TENDAI}
    assert all("has received *$100.00* for *Tariro Moyo*" in text for text in world.texts())
    assert cached.accounts([TARIRO], TERM)[TARIRO].value["payments"] == LINES
    rows = records.run("SELECT message_id, sender, outcome FROM message_log ORDER BY sender")
    assert [(row["sender"], row["outcome"]) for row in rows] == [("", None), (RUDO, "answered"), (TENDAI, "answered")]


@pytest.mark.parametrize("student_id", [TARIRO, "SSC20999999"], ids=["nobody has written", "no such student"])
def test_a_payment_that_nobody_gets_a_receipt_for_is_recorded_and_nothing_is_sent(
    world: OutsideWorld, student_id: str
) -> None:
    execution = process(**dict[str, Any](NOTICE) | {"student_id": student_id})
    assert execution.status == "SUCCEEDED"
    assert steps(execution) == ["Parse notice", "Prepare receipts", "Record payment", "Done"]
    assert world.calls("graph") == []
    again = process(**dict[str, Any](NOTICE) | {"student_id": student_id})
    assert (again.status, steps(again)) == ("SUCCEEDED", ["Parse notice", "Prepare receipts", "Done"])


# --- once -------------------------------------------------------------------------------------------------------------


def test_a_notice_that_comes_again_without_a_cache_sends_no_second_receipt(
    records: Database, world: OutsideWorld, environment: pytest.MonkeyPatch
) -> None:
    have_written(records, RUDO, TENDAI)
    without_cache(environment)
    assert process().status == process().status == "SUCCEEDED"
    assert len(world.outbox()) == 2


def test_after_an_outage_of_whatsapp_each_receipt_is_sent_once(records: Database, world: OutsideWorld) -> None:
    first, _ = have_written(records, RUDO, TENDAI)
    world.fails("graph", kind="status", status=400, code=131042)
    assert process().status == "FAILED"
    # One of them was sent all the same: its delivery status proves it.
    records.run("INSERT INTO message_log (message_id, reply_id) VALUES (:i, 'r')", i=f"payment:b-1:{first}")
    world.page("DELETE", "/faults")
    assert process().status == "SUCCEEDED"
    assert [message["to"] for message in world.outbox()] == [TENDAI]
    assert steps(process()) == ["Parse notice", "Prepare receipts", "Done"]


# --- 24 hours ---------------------------------------------------------------------------------------------------------


def test_a_guardian_who_has_not_written_for_a_day_gets_the_template(
    records: Database,
    world: OutsideWorld,
    approve: Approve,
) -> None:
    approve(receipt="fee_receipt")
    have_written(records, RUDO, hours_ago=25)
    assert process().status == "FAILED"  # Meta does not know it: the queue keeps the notice until someone has acted
    assert world.outbox() == []
    world.page("PUT", "/templates", {"fee_receipt": {"language": "en", "parameters": 3}})
    assert process().status == "SUCCEEDED"
    (message,) = world.outbox()
    world.page("PUT", "/templates", {})
    given = message["body"]["template"]["components"][0]["parameters"]
    assert [item["text"] for item in given] == ["Tariro Moyo", "$100.00", "$0.00"]


def test_a_receipt_that_expired_is_sent_again_as_the_template(
    records: Database,
    world: OutsideWorld,
    approve: Approve,
) -> None:
    (contact,) = have_written(records, RUDO)
    assert process().status == "SUCCEEDED"
    approve(receipt="fee_receipt")
    world.page("PUT", "/templates", {"fee_receipt": {"language": "en", "parameters": 3}})
    expired: dict[str, Any] = {"id": "expired:wamid.r", "expired_receipt": f"payment:b-1:{contact}"}
    assert process(**expired).status == "SUCCEEDED"
    world.page("PUT", "/templates", {})
    _, message = world.outbox()
    assert (message["to"], message["opaque"]) == (RUDO, "expired:wamid.r:0")
    assert message["body"]["template"]["name"] == "fee_receipt"
    again = process(**expired)
    assert steps(again) == ["Parse notice", "Prepare expired receipt", "Done"]


def test_a_receipt_does_not_count_as_a_message_of_the_guardian(
    records: Database,
    cached: Cached,
) -> None:
    have_written(records, RUDO, hours_ago=23)
    cached.claims.finish("wamid.0", sender=RUDO, pending={"intent": "gate_pass"})
    before = records.value("SELECT last_message_at FROM contacts")
    assert process().status == "SUCCEEDED"
    assert records.value("SELECT last_message_at FROM contacts") == before  # WhatsApp's 24 hours are not longer
    assert cached.load(RUDO).pending is not None  # "Which child?" may still be answered


def test_a_receipt_that_was_not_taken_is_tried_again_without_those_who_have_theirs(
    records: Database, world: OutsideWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    have_written(records, RUDO, TENDAI)
    world.fails("graph", kind="status", status=400, code=131042, times=1)
    assert process().status == "FAILED"
    assert len(world.outbox()) == 1
    assert process(receive_count=2).status == "SUCCEEDED"
    assert sorted(message["to"] for message in world.outbox()) == [RUDO, TENDAI]
    assert "ReceiptsLost" not in capsys.readouterr().out


def test_a_receipt_that_is_lost_at_the_last_try_is_counted_and_the_others_are_sent(
    records: Database, world: OutsideWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    have_written(records, RUDO, TENDAI)
    world.fails("graph", kind="status", status=400, code=131042, times=1)
    assert process(receive_count=MESSAGE_RECEIVES).status == "SUCCEEDED"
    assert len(world.outbox()) == 1
    assert '"ReceiptsLost":[1.0]' in capsys.readouterr().out


def test_a_receipt_that_could_not_be_logged_is_not_sent_again_with_those_that_failed(
    records: Database, world: OutsideWorld, environment: pytest.MonkeyPatch
) -> None:
    """The database goes down while receipts are sent, and WhatsApp does not take one of them."""
    have_written(records, RUDO, TENDAI)
    world.fails("graph", kind="status", status=400, code=131042, times=1)
    with environment.context() as outage:

        def lost(*_: Any, **__: Any) -> None:
            raise DataUnavailable("no database")

        outage.setattr(MessageLog, "record", lost)
        assert process().status == "FAILED"
    assert len(world.outbox()) == 1
    assert records.run("SELECT * FROM message_log") == []
    assert process(receive_count=2).status == "SUCCEEDED"
    assert sorted(message["to"] for message in world.outbox()) == [RUDO, TENDAI]


def test_a_receipt_whose_delivery_is_unknown_is_not_sent_again(records: Database, world: OutsideWorld) -> None:
    have_written(records, RUDO)
    world.fails("graph", kind="lost", times=1)
    assert process().status == "FAILED"
    (message,) = world.outbox()
    deliver([status("sent", id=message["id"], answer_to=message["opaque"])])
    assert process(receive_count=2).status == "SUCCEEDED"
    assert len(world.outbox()) == 1
