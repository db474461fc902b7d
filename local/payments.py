"""Payments at the simulated school: booked there, then announced to the product by a signed notice."""

import json
import secrets
import time
from typing import Any

from functions.domain import payments
from local.http_client import request
from local.stack_client import Refused, StackClient


def book_payment(
    running: StackClient, student_id: str, amount: str, term: str | None = None, event_id: str | None = None
) -> str:
    """Book a payment and send its notice; the id of the event. Refused if the product rejects the notice."""
    booked = running.world("POST", "/payments", {"student_id": student_id, "amount": amount, "term": term})
    notice = {"id": event_id or secrets.token_hex(8), **booked}
    status, content = post_notice(running, json.dumps(notice).encode())
    if status != 202:
        raise Refused(f"{status}: {content.decode()}")
    return str(notice["id"])


def post_notice(running: StackClient, raw: bytes, header: str | None = None) -> tuple[int, bytes]:
    """Send one notice to the webhook of payments; `header` replaces its signature."""
    signature = header if header is not None else payments.sign(raw, running.plan.payment_secret, time.time())
    headers: dict[str, Any] = {"Content-Type": "application/json", "X-Signature": signature}
    return request("POST", f"{running.plan.public_url}/events/payment", raw, headers)
