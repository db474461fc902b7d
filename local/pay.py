"""A payment at the school: booked in its simulated system, which then tells the product, signed."""

import json
import secrets
import time
from typing import Any

from functions.domain import payments
from local.running import Refused, Running, request


def pay(running: Running, student_id: str, amount: str, term: str | None = None, event_id: str | None = None) -> str:
    """Book a payment and send its notice; the id of the event. Refused says what the product did not take."""
    booked = running.world("POST", "/payments", {"student_id": student_id, "amount": amount, "term": term})
    notice = {"id": event_id or secrets.token_hex(8), **booked}
    status, content = post(running, json.dumps(notice).encode())
    if status != 202:
        raise Refused(f"{status}: {content.decode()}")
    return str(notice["id"])


def post(running: Running, raw: bytes, header: str | None = None) -> tuple[int, bytes]:
    """One notice to the front door, signed unless a header is given."""
    signed = header if header is not None else payments.sign(raw, running.plan.payment_secret, time.time())
    headers: dict[str, Any] = {"Content-Type": "application/json", "X-Signature": signed}
    return request("POST", f"{running.plan.public_url}/events/payment", raw, headers)
