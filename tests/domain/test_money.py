"""Money survives every form in which the school writes it, to the cent."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.domain.errors import InvalidRequest
from functions.domain.money import Currency, parse

DOLLARS = Currency.of("USD", "US dollars", "$1,250.00")
SHILLINGS = Currency.of("KES", "Kenyan shillings", "KSh 1,250")
EUROS = Currency.of("EUR", "euros", "1.250,00\u00a0€")
FRANCS = Currency.of("CHF", "Swiss francs", "Fr. 1'250.00")
AMOUNTS = st.decimals(min_value=-(10**9), max_value=10**9, places=2)


@given(AMOUNTS)
def test_an_amount_survives_json_as_a_string(amount: Decimal) -> None:
    assert parse(str(amount)) == amount


@given(AMOUNTS, st.sampled_from([DOLLARS, SHILLINGS, EUROS, FRANCS]))
def test_an_amount_shown_to_people_reads_back(amount: Decimal, currency: Currency) -> None:
    assert parse(currency.show(amount), currency=currency) == amount


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
    found = parse(written, currency=DOLLARS)
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
    assert DOLLARS.show(Decimal(amount)) == shown


@pytest.mark.parametrize(
    ("currency", "amount", "shown", "number"),
    [
        (SHILLINGS, "1250", "KSh 1,250", "1,250"),
        (SHILLINGS, "1250.5", "KSh 1,250.50", "1,250.50"),
        (SHILLINGS, "-20", "-KSh 20", "-20"),
        (EUROS, "1250", "1.250,00\u00a0€", "1.250,00"),
        (EUROS, "-1234567.891", "-1.234.567,89\u00a0€", "-1.234.567,89"),
        (EUROS, "-0.004", "0,00\u00a0€", "0,00"),
        (FRANCS, "1250", "Fr. 1'250.00", "1'250.00"),
    ],
)
def test_another_school_writes_its_own_currency(currency: Currency, amount: str, shown: str, number: str) -> None:
    assert currency.show(Decimal(amount)) == shown
    assert currency.number(Decimal(amount)) == number


@pytest.mark.parametrize(
    ("example", "written"),
    [("R1 250,00", "R20,50"), ("1250 FCFA", "20.50 FCFA"), ("1’250.00 CHF", "20.50 CHF"), ("Rs.1,250", "Rs.20.50")],
)
def test_the_way_of_writing_is_read_from_the_example(example: str, written: str) -> None:
    currency = Currency.of("XXX", "coins", example)
    assert currency.show(Decimal(1250)) == example
    assert currency.show(Decimal("20.5")) == written


@pytest.mark.parametrize(
    "example", ["", "$", "1,250.00", "$1,250.00 USD", "$1.250.00", "$12.50", "$ 1,250.5", "- 1,250"]
)
def test_an_example_that_tells_nothing_is_refused(example: str) -> None:
    with pytest.raises(ValueError, match="the amount 1250"):
        Currency.of("USD", "US dollars", example)


@pytest.mark.parametrize("written", ["€20", "20 €", "KSh 20", "R20"])
def test_an_amount_of_another_currency_is_not_read_as_ours(written: str) -> None:
    with pytest.raises(InvalidRequest):
        parse(written, currency=DOLLARS)
    with pytest.raises(InvalidRequest):
        parse("$20")
