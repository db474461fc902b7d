"""A payment notice, by the real functions and the real state machine: who gets a receipt, and nobody two."""

import json
import time
from dataclasses import replace
from typing import Any

import pytest

from functions import receive_payment, remember, send_reply
from functions.adapters import cache as cache_module
from functions.adapters.cache import Cache
from functions.adapters.school_config import school
from functions.domain.intents import Intent
from functions.domain.school import Templates
from local.plan import Ports
from local.step_functions.execution import Execution
from local.step_functions.runner import run
from tests.conftest import Database, OutsideWorld
from tests.statemachines.test_conversation import definition, steps

RUDO, TENDAI, TARIRO = "+263771234567", "+263772345678", "SSC20259001"
NOTICE = {
    "id": "payment:b-1",
    "type": "payment",
    "details": {"student_id": TARIRO, "term": "2026-3", "amount": "100.00", "fee_type": "Tuition"},
}
SILENT = ["Open the message", "Receive payment", "Remember", "Nothing to do"]


@pytest.fixture(autouse=True)
def records(database: Database, cache: Cache, world: OutsideWorld, secrets: None) -> Database:
    """A child with two guardians."""
    database.add_student("Tariro Moyo", RUDO, TARIRO)
    database.run("INSERT INTO phones VALUES (:i, :p, 'guardian')", i=TARIRO, p=TENDAI)
    return database


def has_written(records: Database, *phones: str) -> list[int]:
    """Within 24 hours; the ids of these contacts."""
    for phone in phones:
        records.run("INSERT INTO contacts (phone, last_message_at) VALUES (:p, now())", p=phone)
    return [row["id"] for row in records.run("SELECT id FROM contacts ORDER BY id")]


def receive(run_id: str = "run-1", **details: str) -> dict[str, Any]:
    event = {"message": NOTICE | {"details": NOTICE["details"] | details}, "run": run_id}
    return receive_payment.handler(event, None)


def invoke(name: str, payload: Any) -> Any:
    """The real functions, but for the school's figures."""
    if name in ("FetchFees", "FetchPayments"):
        return {"bills": {TARIRO: []}, "payments": {TARIRO: []}}
    real = {"ReceivePayment": receive_payment, "SendReply": send_reply, "Remember": remember}
    return real[name].handler(payload, None)


def paid(student_id: str = TARIRO) -> Execution:
    notice = NOTICE | {"timestamp": int(time.time()), "details": NOTICE["details"] | {"student_id": student_id}}
    return run(definition(), [{"body": json.dumps(notice)}], invoke, pace=0)


def without_cache(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("CACHE_URL", f"redis://127.0.0.1:{Ports.free().redis}")
    cache_module._client.cache_clear()
    for module in (receive_payment, remember):
        module.settings.cache_clear()
        module.cache.cache_clear()


# --- who gets a receipt -----------------------------------------------------------------------------------------------


def test_each_guardian_who_has_written_gets_a_receipt(records: Database, world: OutsideWorld) -> None:
    has_written(records, RUDO, TENDAI)
    execution = paid()
    assert execution.status == "SUCCEEDED"
    assert {message["to"] for message in world.outbox()} == {RUDO, TENDAI}
    assert all("has received *$100.00* for *Tariro Moyo*" in text for text in world.texts())


@pytest.mark.parametrize("student_id", [TARIRO, "SSC20999999"], ids=["nobody has written", "no such student"])
def test_a_payment_that_nobody_may_hear_of_is_silent(world: OutsideWorld, student_id: str) -> None:
    execution = paid(student_id)
    assert (execution.status, steps(execution)) == ("SUCCEEDED", SILENT)
    assert world.calls("graph") == []
    assert paid(student_id).status == "SUCCEEDED"  # and it is done


def test_a_silent_payment_says_what_it_is() -> None:
    found = receive(student_id="SSC20999999")
    assert (found["status"], found["plan"]["intent"], found["recipients"]) == ("new", Intent.PAYMENT.value, [])


# --- once -------------------------------------------------------------------------------------------------------------


def test_a_second_try_of_the_same_run_goes_on(records: Database) -> None:
    has_written(records, RUDO)
    assert [receive("run-1")["status"] for _ in range(2)] == ["new", "new"]
    assert receive("run-2")["status"] == "busy"


def test_a_notice_that_comes_again_without_a_cache_is_no_second_receipt(
    records: Database, world: OutsideWorld, environment: pytest.MonkeyPatch
) -> None:
    has_written(records, RUDO, TENDAI)
    without_cache(environment)
    assert paid().status == paid().status == "SUCCEEDED"
    assert len(world.outbox()) == 2


def test_when_whatsapp_is_back_the_receipts_go_out_once(records: Database, world: OutsideWorld) -> None:
    first, _ = has_written(records, RUDO, TENDAI)
    world.fails("graph", kind="status", status=400, code=131042)
    assert paid().status == "FAILED"
    # One of them went out all the same: its delivery status proves it.
    records.run("INSERT INTO message_log (message_id, reply_id) VALUES (:i, 'r')", i=f"{NOTICE['id']}:{first}")
    world.page("DELETE", "/faults")
    assert paid().status == "SUCCEEDED"
    assert [message["to"] for message in world.outbox()] == [TENDAI]
    assert steps(paid()) == ["Open the message", "Receive payment", "Nothing to do"]


@pytest.fixture
def templates(environment: pytest.MonkeyPatch) -> None:
    """The school has named a template for receipts."""
    named = replace(school(), templates=Templates(receipt="fee_receipt"))
    for module in (receive_payment, send_reply):
        environment.setattr(module, "school", lambda: named)


@pytest.mark.usefixtures("templates")
def test_a_guardian_who_has_not_written_for_a_day_gets_the_template(records: Database, world: OutsideWorld) -> None:
    records.run("INSERT INTO contacts (phone, last_message_at) VALUES (:p, now() - interval '25 hours')", p=RUDO)
    assert paid().status == "FAILED"  # Meta does not know it: the queue keeps the notice until someone has acted
    assert world.outbox() == []
    world.page("PUT", "/templates", {"fee_receipt": {"language": "en", "parameters": 3}})
    assert paid().status == "SUCCEEDED"
    (message,) = world.outbox()
    world.page("PUT", "/templates", {})
    given = message["body"]["template"]["components"][0]["parameters"]
    assert [item["text"] for item in given] == ["Tariro Moyo", "$100.00", "$0.00"]


def test_a_receipt_does_not_count_as_a_message_of_the_guardian(records: Database, cache: Cache) -> None:
    records.run("INSERT INTO contacts (phone, last_message_at) VALUES (:p, now() - interval '23 hours')", p=RUDO)
    cache.finish("wamid.0", RUDO, {"intent": "gate_pass"}, {})
    before = records.value("SELECT last_message_at FROM contacts")
    assert paid().status == "SUCCEEDED"
    assert records.value("SELECT last_message_at FROM contacts") == before  # WhatsApp's 24 hours are not longer
    assert cache.first_look("wamid.1", RUDO, "").pending is not None  # "Which child?" may still be answered


def test_a_lost_receipt_is_counted(records: Database, world: OutsideWorld, capsys: Any) -> None:
    has_written(records, RUDO, TENDAI)
    world.fails("graph", kind="status", status=400, code=131042, times=1)
    assert paid().status == "SUCCEEDED"
    assert len(world.outbox()) == 1
    assert '"ReceiptsLost":[1.0]' in capsys.readouterr().out
