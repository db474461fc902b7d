"""Money: `Decimal` in Python, a decimal string in JSON, and the school's own way of writing it for people."""

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Self

from functions.domain.errors import InvalidRequest

CENT = Decimal("0.01")
EXAMPLE_EXPECTED = "the amount 1250 as the school writes it, such as $1,250.00, KSh 1,250 or 1.250,00 €"
_SPACE = " \u00a0\u202f"
_EXAMPLE = re.compile(
    rf"(?:(?P<before>[^\d\s-]{{1,8}})(?P<gap>[{_SPACE}]?))?"
    rf"1(?P<thousands>[.,'’{_SPACE}]?)250(?:(?P<point>[.,])00)?"
    rf"(?:(?P<gap_after>[{_SPACE}]?)(?P<after>[^\d\s.,-][^\d\s]{{0,7}}))?"
)


@dataclass(frozen=True)
class Currency:
    """The school's currency, and how people write an amount of it."""

    code: str  # ISO 4217: "USD"
    name: str  # plural: "US dollars"
    symbol: str  # "$"
    is_before: bool = True  # whether the symbol stands before the number
    gap: str = ""  # between the symbol and the number
    thousands: str = ","
    point: str = "."
    always_cents: bool = True  # False: cents are written only where there are some

    @classmethod
    def of(cls, code: str, name: str, example: str) -> Self:
        """From the amount 1250 as it is written, such as `$1,250.00` or `1.250,00 €`; ValueError for anything else."""
        found = _EXAMPLE.fullmatch(example)
        if not found or bool(found["before"]) == bool(found["after"]) or found["thousands"] == found["point"]:
            raise ValueError(f"expected {EXAMPLE_EXPECTED}")
        return cls(
            code=code,
            name=name,
            symbol=found["before"] or found["after"],
            is_before=bool(found["before"]),
            gap=found["gap"] or found["gap_after"] or "",
            thousands=found["thousands"],
            point=found["point"] or ("," if found["thousands"] == "." else "."),
            always_cents=found["point"] is not None,
        )

    def show(self, amount: Decimal) -> str:
        """For people: `$1,250.00`, `-$20.00`, `1.250,00 €`."""
        sign = "-" if _to_the_cent(amount) < 0 else ""
        number = self.number(abs(amount))
        return sign + (f"{self.symbol}{self.gap}{number}" if self.is_before else f"{number}{self.gap}{self.symbol}")

    def number(self, amount: Decimal) -> str:
        """The same without the symbol, for a column that names it above."""
        cents = _to_the_cent(amount)
        places = 2 if self.always_cents or cents % 1 else 0
        written = f"{cents if cents else abs(cents):,.{places}f}"
        return written.translate({ord(","): self.thousands, ord("."): self.point})

    def show_other(self, amount: Decimal, code: str) -> str:
        """An amount in the currency of that code, for people: `ZWG 5,000.00`; "" is this currency."""
        return f"{code} {self.number(amount)}" if code else self.show(amount)

    def plain(self, written: str) -> str | None:
        """`1.250,00 €` as `1250.00`; None for an amount without the currency's symbol or code."""
        sign, text = ("-", written[1:].strip()) if written.startswith("-") else ("", written)
        for mark in (self.symbol, self.code):
            if text.startswith(mark) or text.endswith(mark):
                number = text.removeprefix(mark).removesuffix(mark).strip()
                return sign + number.replace(self.thousands or ",", "").replace(self.point, ".")
        return None


def parse(value: object, field: str = "amount", currency: Currency | None = None) -> Decimal:
    """Read an amount that came as a number or a string, to the cent; `currency`: whose symbol or code it may bear.

    Raises InvalidRequest for anything that is not a finite amount.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        raise InvalidRequest(field, f"an amount, not {type(value).__name__}")
    text = str(value).strip()
    digits = currency.plain(text) if currency else None
    try:
        amount = _to_the_cent(Decimal(text.replace(",", "") if digits is None else digits))
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite():
        raise InvalidRequest(field, "an amount such as 400.00")
    return amount


def _to_the_cent(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, rounding=ROUND_HALF_UP)
