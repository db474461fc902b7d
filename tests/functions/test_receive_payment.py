"""A payment notice: who gets a receipt, and that nobody else is written to."""

from typing import Any

import pytest

from functions import receive_payment
from functions.adapters.cache import Cache
from tests.conftest import Database

MOTHER, TARIRO = "+263771234567", "SSC20259001"


@pytest.fixture(autouse=True)
def _stores(database: Database, cache: Cache) -> None:
    """Real ones, empty."""
    database.add_student("Tariro Moyo", MOTHER, TARIRO)


def receive(student_id: str = TARIRO) -> dict[str, Any]:
    details = {"student_id": student_id, "term": "2026-3", "amount": "1.00"}
    return receive_payment.handler({"message": {"id": "payment:1", "type": "payment", "details": details}}, None)


@pytest.mark.parametrize(
    ("student_id", "contact"),
    [
        ("SSC1", "INSERT INTO contacts (phone, last_message_at) VALUES (:p, now())"),
        (TARIRO, "SELECT :p"),
        (TARIRO, "INSERT INTO contacts (phone, last_message_at) VALUES (:p, now() - interval '2 days')"),
        (TARIRO, "INSERT INTO contacts (phone, last_message_at, opted_out_at) VALUES (:p, now(), now())"),
    ],
    ids=["an unknown student", "never wrote", "wrote long ago", "opted out"],
)
def test_a_payment_that_nobody_may_hear_of_says_so(database: Database, student_id: str, contact: str) -> None:
    database.run(contact, p=MOTHER)
    found = receive(student_id)
    assert (found["status"], found["recipients"]) == ("new", [])
    assert (found["plan"]["intent"], found["plan"]["next"]) == ("payment", "reply")  # the state machine then ends


def test_who_wrote_today_gets_a_receipt(database: Database) -> None:
    database.run("INSERT INTO contacts (phone, last_message_at) VALUES (:p, now())", p=MOTHER)
    found = receive()
    assert [item["message"]["phone"] for item in found["recipients"]] == [MOTHER]
    assert found["plan"]["next"] == "receipts"
