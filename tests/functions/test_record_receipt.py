"""A receipt that was sent, in the log and, with its content, in the cache."""

from typing import Any

import pytest

from functions import record_receipt
from functions.adapters.cache.redis_client import RedisClient
from functions.domain.errors import DataUnavailable
from tests.conftest import Database
from tests.functions.conftest import Cached
from tests.functions.examples import CHILD, PERSON, RUDO, SENT, TERM, log_row
from tests.functions.outages import without_cache, without_primary

NAME = "payment:b-1:7"
PAYMENT = {"student": CHILD, "term": TERM, "amount": "100.00"}
GUARDIAN = PERSON | {"bsuid": None}


def record(**sent: Any) -> dict[str, Any]:
    recipient = {"id": NAME, "person": GUARDIAN, "as_template": False}
    return record_receipt.handler({"recipient": recipient, "payment": PAYMENT, "sent": SENT | sent}, None)


def test_the_receipt_is_logged_and_its_content_kept_in_case_it_expires(redis: RedisClient, database: Database) -> None:
    assert record() == {}
    row = log_row(database, NAME)
    assert (row["sender"], row["type"], row["intent"]) == (RUDO, "payment", "payment")
    assert (row["outcome"], row["reply_id"]) == ("answered", "wamid.reply")
    stored = redis.get("receipt", NAME)
    assert stored is not None
    assert stored.value["payment"] == PAYMENT
    assert stored.value["person"]["phone"] == RUDO


def test_a_receipt_that_could_not_be_delivered_is_logged_with_the_code(cached: Cached, database: Database) -> None:
    record(status="undeliverable", code=131026, reply_id=None)
    row = log_row(database, NAME)
    assert (row["outcome"], row["delivery_error"]) == ("undeliverable", 131026)


def test_a_receipt_opens_no_24_hours_and_closes_no_question_of_ours(cached: Cached, database: Database) -> None:
    database.run("INSERT INTO contacts (phone, last_message_at) VALUES (:p, now() - interval '23 hours')", p=RUDO)
    cached.claims.finish("wamid.0", sender=RUDO, pending={"intent": "gate_pass"})
    before = database.value("SELECT last_message_at FROM contacts")
    record()
    assert database.value("SELECT last_message_at FROM contacts") == before
    assert cached.load(RUDO).pending is not None


def test_without_the_cache_the_receipt_is_logged(
    cached: Cached, database: Database, environment: pytest.MonkeyPatch
) -> None:
    without_cache(environment)
    record()
    assert log_row(database, NAME)["outcome"] == "answered"


def test_without_the_database_it_is_a_failure(
    cached: Cached, database: Database, environment: pytest.MonkeyPatch
) -> None:
    without_primary(environment)
    with pytest.raises(DataUnavailable):
        record()
