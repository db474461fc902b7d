"""Gate passes asked for and looked at, for the tests of both functions."""

from typing import Any

from functions import gate_pass, verify_pass
from tests.conftest import Database

TARIRO = {"id": "SSC20259001", "first_name": "Tariro", "last_name": "Moyo", "grade": "Grade 3"}


def account(paid: str, billed: str = "400.00", **more: Any) -> dict[str, Any]:
    """Tariro's account with one bill and one payment; "" for none."""

    def lines(amount: str) -> list[dict[str, str]]:
        return [{"fee_type": "Tuition", "amount": amount, "date": "2026-09-07"}] if amount else []

    bills, payments = {TARIRO["id"]: lines(billed)}, {TARIRO["id"]: lines(paid)}
    return {"term": "2026-3", "as_of": "", "stale": False, "bills": bills, "payments": payments} | more


def ask(figures: dict[str, Any], message_id: str = "wamid.1", phone: str | None = "+263771234567") -> dict[str, Any]:
    """Ask for Tariro's pass."""
    event = {"message_id": message_id, "student": TARIRO, "account": figures, "phone": phone}
    return gate_pass.handler(event, None)


def scan(token: str) -> dict[str, Any]:
    """The answer to the guard's phone."""
    event = {
        "requestContext": {"http": {"method": "GET"}},
        "pathParameters": {"token": token},
        "headers": {},
    }
    return verify_pass.handler(event, None)


def token_of(records: Database, pass_id: int) -> str:
    return str(records.value("SELECT token FROM gate_passes WHERE id = :id", id=pass_id))
