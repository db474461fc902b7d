"""Money survives every form in which the school writes it, to the cent."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.domain.errors import InvalidRequest
from functions.domain.money import parse, show

AMOUNTS = st.decimals(min_value=-(10**9), max_value=10**9, places=2)


@given(AMOUNTS)
def test_an_amount_survives_json_as_a_string(amount: Decimal) -> None:
    assert parse(str(amount)) == amount


@given(AMOUNTS)
def test_an_amount_shown_to_people_reads_back(amount: Decimal) -> None:
    assert parse(show(amount)) == amount


@given(st.integers(min_value=-(10**11), max_value=10**11))
def test_a_json_number_is_read_to_the_cent(cents: int) -> None:
    assert parse(cents / 100) == Decimal(cents) / 100


@pytest.mark.parametrize(
    ("written", "amount"),
    [
        (400, "400.00"),
        (400.0, "400.00"),
        ("250.00", "250.00"),
        ("1,250.5", "1250.50"),
        (" $20 ", "20.00"),
        ("-20", "-20.00"),
        (0.1 + 0.2, "0.30"),
        ("0.005", "0.01"),
        ("2.675", "2.68"),
    ],
)
def test_ways_of_writing(written: object, amount: str) -> None:
    found = parse(written)
    assert found == Decimal(amount)
    assert str(found) == amount


@pytest.mark.parametrize(
    "written",
    [
        None,
        True,
        [],
        {},
        "",
        " ",
        "four hundred",
        "NaN",
        "nan",
        "Infinity",
        "-inf",
        float("nan"),
        float("inf"),
        "1.2.3",
    ],
)
def test_what_is_no_amount_is_named(written: object) -> None:
    with pytest.raises(InvalidRequest) as error:
        parse(written, "bills[0].amount")
    assert error.value.field == "bills[0].amount"


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        ("1250", "$1,250.00"),
        ("-20", "-$20.00"),
        ("0", "$0.00"),
        ("-0.004", "$0.00"),
        ("0.005", "$0.01"),
        ("1234567.891", "$1,234,567.89"),
    ],
)
def test_shown_with_cents_and_thousands(amount: str, shown: str) -> None:
    assert show(Decimal(amount)) == shown


def test_another_school_has_another_currency() -> None:
    assert show(Decimal(20), "ZAR ") == "ZAR 20.00"
