"""A receipt that WhatsApp could not deliver within 24 hours is sent once more, as a template."""

from collections.abc import Callable
from typing import Any

import pytest

from functions import prepare_expired_receipt, record_delivery, record_receipt
from functions.adapters.cache.redis_client import RedisClient
from functions.domain.errors import InvalidRequest
from tests.conftest import Database
from tests.functions.conftest import Approve, Cached
from tests.functions.examples import ask_office, sqs_batch, status
from tests.functions.outages import without_primary

RUDO, TARIRO, TERM = "+263771234567", "SSC20259001", "2026-3"
PERSON = {"kind": "registered", "phone": RUDO}
PAYMENT = {
    "student": {"id": TARIRO, "first_name": "Tariro", "last_name": "Moyo", "grade": "Grade 3"},
    "term": TERM,
    "amount": "5.00",
}
RECEIPT = "payment:1:0"


@pytest.fixture(autouse=True)
def stores(database: Database, cached: Cached) -> Database:
    return database


@pytest.fixture
def sent(stores: Database, approve: Approve) -> None:
    """A receipt that was sent as a message, and the school has a template for receipts now."""
    approve(receipt="fee_receipt")
    recipient = {"id": RECEIPT, "person": PERSON, "as_template": False}
    record_receipt.handler({"recipient": recipient, "payment": PAYMENT, "sent": {"status": "sent"}}, None)


def prepare(name: str = "wamid.r", run: str = "run-1", receipt: str = RECEIPT) -> dict[str, Any]:
    notice = {"id": f"expired:{name}", "expired_receipt": receipt}
    return prepare_expired_receipt.handler({"notice": notice, "run": run}, None)


@pytest.mark.usefixtures("sent")
def test_the_same_payment_is_sent_to_the_same_guardian_as_a_template(cached: Cached) -> None:
    cached.store_accounts([TARIRO], TERM, {"bills": [], "payments": []})
    found = prepare()
    (recipient,) = found["recipients"]
    assert (found["next"], found["claim"], found["payment"]) == ("send_receipts", "expired:wamid.r", PAYMENT)
    assert (recipient["id"], recipient["as_template"]) == ("expired:wamid.r:0", True)
    assert recipient["person"]["phone"] == RUDO
    assert (found["account"]["term"], found["fetch"]) == (TERM, None)


@pytest.mark.usefixtures("sent")
def test_figures_that_are_not_cached_are_fetched() -> None:
    found = prepare()
    assert (found["account"], found["fetch"]) == (None, {"student_ids": [TARIRO], "term": TERM, "wait": 0})


def test_a_receipt_that_release_0_1_recorded_is_understood(redis: RedisClient, approve: Approve) -> None:
    approve(receipt="fee_receipt")
    plan = {"intent": "payment", "say": "receipt", "next": "receipts", "students": [PAYMENT["student"]], "term": TERM}
    details = {"student_id": TARIRO, "term": TERM, "amount": "5.00"}
    redis.store({"person": PERSON, "plan": plan, "payment": details}, "receipt", RECEIPT)
    assert prepare()["payment"] == PAYMENT


@pytest.mark.usefixtures("sent")
def test_a_receipt_of_which_nothing_is_known_is_not_sent() -> None:
    assert prepare(receipt="payment:2:0")["next"] == "done"


def test_without_an_approved_template_nothing_is_sent() -> None:
    recipient = {"id": RECEIPT, "person": PERSON, "as_template": False}
    record_receipt.handler({"recipient": recipient, "payment": PAYMENT, "sent": {"status": "sent"}}, None)
    assert prepare()["next"] == "done"


def opted_out(database: Database) -> None:
    database.run("INSERT INTO contacts (phone, bsuid, opted_out_at) VALUES (:p, 'ZW.1', now())", p=RUDO)


def handed_to_office(database: Database) -> None:
    ask_office(database, RUDO, "a")


def handed_to_office_by_user_id(database: Database) -> None:
    database.run("INSERT INTO contacts (phone, bsuid) VALUES (:p, 'ZW.1')", p=RUDO)
    ask_office(database, "ZW.1", "a")


@pytest.mark.usefixtures("sent")
@pytest.mark.parametrize("refuse", [opted_out, handed_to_office, handed_to_office_by_user_id])
def test_a_person_who_is_not_to_be_written_to_gets_no_template(
    stores: Database, refuse: Callable[[Database], None]
) -> None:
    refuse(stores)
    assert prepare()["next"] == "done"


@pytest.mark.usefixtures("sent")
def test_while_the_database_cannot_tell_nobody_is_written_to(environment: pytest.MonkeyPatch) -> None:
    without_primary(environment)
    assert prepare()["next"] == "done"


@pytest.mark.usefixtures("sent")
def test_one_failed_status_is_processed_once(cached: Cached) -> None:
    assert [prepare(run="run-1")["next"] for _ in range(2)] == ["send_receipts", "send_receipts"]
    assert prepare(run="run-2")["next"] == "busy"
    cached.claims.finish("expired:wamid.r")
    assert prepare(run="run-3")["next"] == "done"


@pytest.mark.usefixtures("sent")
def test_a_template_that_an_earlier_run_has_sent_is_not_sent_again(cached: Cached) -> None:
    assert prepare(run="run-1")["next"] == "send_receipts"
    record_delivery.handler(sqs_batch([status("sent", answer_to="expired:wamid.r:0")]), None)  # then the run died
    cached.claims.release("expired:wamid.r", "run-1")
    assert prepare(run="run-2")["next"] == "done"


@pytest.mark.parametrize(
    ("notice", "field"),
    [
        ({}, "expired_receipt"),
        ({"expired_receipt": "wamid.1", "id": "expired:r"}, "expired_receipt"),
        ({"expired_receipt": RECEIPT, "id": "r"}, "id"),
    ],
)
def test_a_notice_of_another_form_is_refused_by_name(notice: dict[str, str], field: str) -> None:
    with pytest.raises(InvalidRequest, match=field):
        prepare_expired_receipt.handler({"notice": notice}, None)
