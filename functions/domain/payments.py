"""A payment that the school's system tells us of: who may tell, and what it must say."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from functions.domain import money
from functions.domain.errors import InvalidRequest
from functions.domain.inbound import PAYMENT, Message

OLDEST = 300  # seconds that a signature holds: an overheard request is worth nothing later


@dataclass(frozen=True)
class Notice:
    """One payment, as `POST /events/payment` takes it."""

    id: str  # of the school's system, one for each payment
    student_id: str
    term: str
    amount: Decimal
    kind: str
    day: date | None = None

    @classmethod
    def read(cls, value: object) -> "Notice":
        """From `{"id", "student_id", "term", "amount", "fee_type", "date"}`; InvalidRequest names the field."""
        if not isinstance(value, Mapping):
            raise InvalidRequest("body", "an object with id, student_id, term and amount")
        for name, most in (("id", 100), ("student_id", 32), ("term", 8)):
            if not isinstance(value.get(name), str) or not 0 < len(value[name]) <= most:
                raise InvalidRequest(name, f"a text of at most {most} characters")
        amount = money.parse(value.get("amount"))
        if amount <= 0:
            raise InvalidRequest("amount", "more than 0")
        raw = value.get("date")
        try:
            day = date.fromisoformat(str(raw)) if raw else None
        except ValueError:
            raise InvalidRequest("date", "a date such as 2026-09-07") from None
        kind = value.get("fee_type")
        return cls(value["id"], value["student_id"], value["term"], amount, str(kind) if kind else "Payment", day)

    def as_message(self, now: int) -> Message:
        """What the conversation's queue carries; nobody's message, so without a sender."""
        details = {"student_id": self.student_id, "term": self.term, "amount": str(self.amount), "fee_type": self.kind}
        return Message(
            id=f"payment:{self.id}",
            type=PAYMENT,
            timestamp=now,
            phone=None,
            bsuid=None,
            phone_number_id="",
            details=details,
        )


def is_signed(raw: bytes, header: str | None, secret: str, now: float) -> bool:
    """Whether `t=<Unix seconds>,v1=<hex>` signs these bytes, and is not old. `v1`: HMAC-SHA256 of `<t>.<body>`."""
    parts = dict(part.strip().partition("=")[::2] for part in (header or "").split(","))
    stamp, given = parts.get("t", ""), parts.get("v1", "")
    if not secret or not stamp.isdigit() or abs(now - int(stamp)) > OLDEST:
        return False
    return hmac.compare_digest(_digest(raw, stamp, secret).encode(), given.encode("ascii", "replace"))


def sign(raw: bytes, secret: str, now: float) -> str:
    """The header's value for these bytes at this moment."""
    stamp = str(int(now))
    return f"t={stamp},v1={_digest(raw, stamp, secret)}"


def _digest(raw: bytes, stamp: str, secret: str) -> str:
    return hmac.new(secret.encode(), stamp.encode() + b"." + raw, hashlib.sha256).hexdigest()
