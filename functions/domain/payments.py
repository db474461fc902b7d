"""Payment notices of the school's system: their signature, their form, and the receipts that follow."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from functions.domain import money
from functions.domain.accounts import Account, other_currency
from functions.domain.errors import InvalidRequest
from functions.domain.money import Currency
from functions.domain.people import Student

MAX_AGE = 300  # seconds that a signature is valid: a recorded request cannot be replayed later
PREFIX = "payment:"  # of the ids of notices and receipts
EXPIRED = "expired:"  # of the ids of receipts that are sent again as a template


@dataclass(frozen=True)
class PaymentNotice:
    """One payment, as `POST /events/payment` takes it."""

    id: str  # of the school's system, one for each payment
    student_id: str
    term: str
    amount: Decimal
    kind: str
    day: date | None = None

    @classmethod
    def read(cls, value: object, currency: Currency | None = None) -> "PaymentNotice":
        """From `{"id", "student_id", "term", "amount", "fee_type", "date", "currency"}`.

        InvalidRequest names the field.

        `currency`: the school's; a payment in another is refused, since a receipt adds it to what was paid.
        """
        if not isinstance(value, Mapping):
            raise InvalidRequest("body", "an object with id, student_id, term and amount")
        for name, most in (("id", 100), ("student_id", 32), ("term", 8)):
            if not isinstance(value.get(name), str) or not 0 < len(value[name]) <= most:
                raise InvalidRequest(name, f"a text of at most {most} characters")
        amount = money.parse(value.get("amount"))
        if amount <= 0:
            raise InvalidRequest("amount", "more than 0")
        if other_currency(value.get("currency"), "currency", currency):
            raise InvalidRequest("currency", "the school's own currency, or none")
        raw = value.get("date")
        try:
            day = date.fromisoformat(str(raw)) if raw else None
        except ValueError:
            raise InvalidRequest("date", "a date such as 2026-09-07") from None
        kind = value.get("fee_type")
        return cls(value["id"], value["student_id"], value["term"], amount, str(kind) if kind else "Payment", day)

    @property
    def message_id(self) -> str:
        """The id under which the notice is claimed and logged."""
        return f"{PREFIX}{self.id}"

    def as_json(self) -> dict[str, object]:
        """As the payment queue carries it; `read` takes it back."""
        return {
            "id": self.id,
            "student_id": self.student_id,
            "term": self.term,
            "amount": str(self.amount),
            "fee_type": self.kind,
            "date": self.day.isoformat() if self.day else None,
        }


@dataclass(frozen=True)
class ExpiredReceipt:
    """A receipt that WhatsApp could not deliver within 24 hours: it is sent again as a template."""

    status_id: str  # wamid of the receipt that failed
    receipt_id: str  # `payment:<notice>:<contact>`

    @property
    def id(self) -> str:
        """The id under which it is claimed and logged."""
        return f"{EXPIRED}{self.status_id}"

    def as_json(self) -> dict[str, object]:
        """As the payment queue carries it."""
        return {"id": self.id, "expired_receipt": self.receipt_id}

    @classmethod
    def read(cls, value: Mapping[str, object]) -> "ExpiredReceipt":
        """From `as_json`; InvalidRequest names the field."""
        name, receipt = value.get("id"), value.get("expired_receipt")
        if not isinstance(receipt, str) or not receipt.startswith(PREFIX):
            raise InvalidRequest("expired_receipt", "the id of a receipt")
        if not isinstance(name, str) or not name.startswith(EXPIRED):
            raise InvalidRequest("id", f"{EXPIRED}<wamid>")
        return cls(name.removeprefix(EXPIRED), receipt)


@dataclass(frozen=True)
class Receipt:
    """What a guardian is told about a payment."""

    student: Student
    term: str
    amount: Decimal
    account: Account | None = None  # with the payment in it; None where the school does not answer
    proof: int | None = None  # number of the request with a proof of payment that it closes

    def as_json(self) -> dict[str, object]:
        """Without the account."""
        proof = {"proof": self.proof} if self.proof else {}
        return {"student": self.student.as_json(), "term": self.term, "amount": str(self.amount), **proof}

    @classmethod
    def read(cls, value: Mapping[str, object], account: Account | None = None) -> "Receipt":
        """From `as_json`; InvalidRequest names the field."""
        student, amount, proof = (
            Student.read(value.get("student")),
            money.parse(value.get("amount")),
            value.get("proof"),
        )
        return cls(student, str(value["term"]), amount, account, proof if isinstance(proof, int) else None)


def is_signed(raw: bytes, header: str | None, secret: str, now: float) -> bool:
    """Whether `t=<Unix seconds>,v1=<hex>` signs these bytes, and is not old. `v1`: HMAC-SHA256 of `<t>.<body>`."""
    parts = dict(part.strip().partition("=")[::2] for part in (header or "").split(","))
    stamp, given = parts.get("t", ""), parts.get("v1", "")
    if not secret or not stamp.isdigit() or abs(now - int(stamp)) > MAX_AGE:
        return False
    return hmac.compare_digest(_digest(raw, stamp, secret).encode(), given.encode("ascii", "replace"))


def sign(raw: bytes, secret: str, now: float) -> str:
    """The header's value for these bytes at this moment."""
    stamp = str(int(now))
    return f"t={stamp},v1={_digest(raw, stamp, secret)}"


def _digest(raw: bytes, stamp: str, secret: str) -> str:
    return hmac.new(secret.encode(), stamp.encode() + b"." + raw, hashlib.sha256).hexdigest()
