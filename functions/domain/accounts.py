"""What a child has been billed and what has been paid, for one term."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
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
    day: date | None  # in the school's time zone; the school leaves it out at times
    currency: str = ""  # ISO 4217; empty: the school's own. Amounts of two currencies are never added

    @classmethod
    def read(
        cls, value: object, field: str, currency: Currency | None = None, timezone: tzinfo | None = None
    ) -> "Line":
        """From a JSON object `{"fee_type", "amount", "date", "currency"}`; the last is optional.

        `currency` and `timezone` are the school's; without them, the object is one of `as_json`. InvalidRequest names
        the field.
        """
        if not isinstance(value, Mapping):
            raise InvalidRequest(field, "an object with fee_type, amount and date")
        amount = parse(value.get("amount"), f"{field}.amount", currency)
        kind = value.get("fee_type")
        day = _day(value.get("date"), f"{field}.date", timezone)
        other = other_currency(value.get("currency"), f"{field}.currency", currency)
        return cls(str(kind or "").strip() or "Other", amount, day, other)

    def as_json(self) -> dict[str, str | None]:
        found = {"fee_type": self.kind, "amount": str(self.amount), "date": self.day.isoformat() if self.day else None}
        return found | ({"currency": self.currency} if self.currency else {})


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
        """Whole percent, rounded down, so that 69.99 % never reads as 70 %; 0 where more was reversed than paid."""
        return max(int(self.paid * 100 // self.billed), 0) if self.billed > 0 else 0


@dataclass(frozen=True)
class StudentAccount:
    """One child's charges and payments of one term."""

    bills: tuple[Line, ...]
    payments: tuple[Line, ...]

    @property
    def balance(self) -> Balance:
        """In the school's currency; lines in another do not count."""
        return self._balance("")

    @property
    def others(self) -> dict[str, Balance]:
        """The balance in each other currency that a line is in, by its code."""
        codes = {line.currency for line in (*self.bills, *self.payments)} - {""}
        return {code: self._balance(code) for code in sorted(codes)}

    def _balance(self, code: str) -> Balance:
        billed, paid = (
            sum((line.amount for line in lines if line.currency == code), Decimal("0.00"))
            for lines in (self.bills, self.payments)
        )
        return Balance(billed, paid)


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


def read_lines(
    value: object, field: str, currency: Currency | None = None, timezone: tzinfo | None = None
) -> tuple[Line, ...]:
    """Lines from a JSON list; InvalidRequest names the one that cannot be read."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise InvalidRequest(field, "a list of charges or payments")
    return tuple(Line.read(item, f"{field}[{place}]", currency, timezone) for place, item in enumerate(value))


def other_currency(value: object, field: str, currency: Currency | None) -> str:
    """The ISO 4217 code of an amount's currency; "" for the school's own (by code or symbol) and for none."""
    if value is None or value == "":
        return ""
    text = value.strip() if isinstance(value, str) else ""
    if currency and text.casefold() in (currency.code.casefold(), currency.symbol.casefold()):
        return ""
    if not (len(text) == 3 and text.isascii() and text.isalpha()):
        raise InvalidRequest(field, "an ISO 4217 code such as USD")
    return text.upper()


def _day(value: object, field: str, timezone: tzinfo | None) -> date | None:
    """A date, or the day at the school of a moment: 2026-04-30T22:30Z is 1 May in Harare. None where there is none."""
    if not value:
        return None
    try:
        moment = datetime.fromisoformat(str(value).strip())
        return (moment.astimezone(timezone) if moment.tzinfo and timezone else moment).date()
    except (ValueError, OverflowError):
        raise InvalidRequest(field, "a date such as 2026-09-07") from None
