"""Money: `Decimal` in Python, a decimal string in JSON, dollars and cents for people."""

from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

from functions.domain.errors import InvalidRequest

CENT = Decimal("0.01")


def parse(value: object, field: str = "amount") -> Decimal:
    """Read an amount that came as a number or a string, to the cent.

    Raises InvalidRequest for anything that is not a finite amount.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        raise InvalidRequest(field, f"an amount, not {type(value).__name__}")
    try:
        amount = Decimal(str(value).replace(",", "").replace("$", "").strip()).quantize(CENT, rounding=ROUND_HALF_UP)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite():
        raise InvalidRequest(field, "an amount such as 400.00")
    return amount


def show(amount: Decimal, currency: str = "$") -> str:
    """For people: `$1,250.00`, `-$20.00`; whole cents always."""
    cents = amount.quantize(CENT, rounding=ROUND_HALF_UP)
    sign = "-" if cents < 0 else ""
    return f"{sign}{currency}{abs(cents):,.2f}"
