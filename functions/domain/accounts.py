"""What a child has been billed and what has been paid, for one term."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum

from functions.domain.errors import InvalidRequest
from functions.domain.money import Currency, parse


class Standing(Enum):
    """The four things a balance can be."""

    OWED = "owed"
    PAID = "fully paid"
    CREDIT = "credit"
    NO_FEES = "no fees recorded"


@dataclass(frozen=True)
class Line:
    """One charge or one payment."""

    kind: str  # "Tuition"
    amount: Decimal
    day: date | None  # the school leaves it out at times

    @classmethod
    def read(cls, value: object, field: str, currency: Currency | None = None) -> "Line":
        """From a JSON object `{"fee_type", "amount", "date"}`; `currency`: whose symbol the amount may bear.

        InvalidRequest names the field.
        """
        if not isinstance(value, Mapping):
            raise InvalidRequest(field, "an object with fee_type, amount and date")
        amount = parse(value.get("amount"), f"{field}.amount", currency)
        kind = value.get("fee_type")
        raw = value.get("date")
        try:
            day = date.fromisoformat(str(raw)[:10]) if raw else None
        except ValueError:
            raise InvalidRequest(f"{field}.date", "a date such as 2026-09-07") from None
        return cls(str(kind or "").strip() or "Other", amount, day)

    def as_json(self) -> dict[str, str | None]:
        return {"fee_type": self.kind, "amount": str(self.amount), "date": self.day.isoformat() if self.day else None}


@dataclass(frozen=True)
class Balance:
    """Totals of one child or of several."""

    billed: Decimal
    paid: Decimal

    @property
    def owed(self) -> Decimal:
        """Positive: owed; negative: credit."""
        return self.billed - self.paid

    @property
    def standing(self) -> Standing:
        if self.billed == 0 and self.paid == 0:
            return Standing.NO_FEES
        if self.owed > 0:
            return Standing.OWED
        return Standing.CREDIT if self.owed < 0 else Standing.PAID

    @property
    def percent_paid(self) -> int:
        """Whole percent, rounded down, so that 69.99 % never reads as 70 %."""
        return int(self.paid * 100 // self.billed) if self.billed > 0 else 0


@dataclass(frozen=True)
class StudentAccount:
    """One child's charges and payments of one term."""

    bills: tuple[Line, ...]
    payments: tuple[Line, ...]

    @property
    def balance(self) -> Balance:
        return Balance(total(self.bills), total(self.payments))


def total(lines: Iterable[Line]) -> Decimal:
    return sum((line.amount for line in lines), Decimal("0.00"))


@dataclass(frozen=True)
class Account:
    """The accounts of some children for one term, as the state machine carries them.

    JSON: `{"term", "as_of": ISO time, "stale": bool, "bills": {student id: [line] or null}, "payments": {…}}`;
    `as_of` is when the fetch began; null means that the school does not know the student.
    """

    term: str
    as_of: str
    stale: bool
    students: Mapping[str, StudentAccount | None]

    @classmethod
    def read(cls, value: Mapping[str, object]) -> "Account":
        """From the state machine's JSON; InvalidRequest names the field."""
        bills, payments = value.get("bills"), value.get("payments")
        if not isinstance(bills, Mapping) or not isinstance(payments, Mapping):
            raise InvalidRequest("account", "bills and payments by student id")
        students = {
            student: None
            if bills[student] is None or payments.get(student) is None
            else StudentAccount(
                read_lines(bills[student], f"bills.{student}"), read_lines(payments[student], f"payments.{student}")
            )
            for student in bills
        }
        return cls(str(value.get("term", "")), str(value.get("as_of", "")), bool(value.get("stale")), students)


def read_lines(value: object, field: str, currency: Currency | None = None) -> tuple[Line, ...]:
    """Lines from a JSON list; InvalidRequest names the one that cannot be read."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise InvalidRequest(field, "a list of charges or payments")
    return tuple(Line.read(item, f"{field}[{place}]", currency) for place, item in enumerate(value))
