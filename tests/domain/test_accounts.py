"""What a child owes, from whatever the school's API and the state machine hand over."""

from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.domain.account_request import AccountRequest
from functions.domain.accounts import Account, Balance, Line, Standing, StudentAccount, read_lines
from functions.domain.errors import InvalidRequest
from functions.domain.money import Currency
from tests.domain.a_school import balance

CENTS = st.integers(min_value=1, max_value=10**8).map(lambda cents: Decimal(cents) / 100)
DOLLARS = Currency.of("USD", "US dollars", "$1,250.00")
LINE = {"fee_type": "Tuition", "amount": "400.00", "date": "2026-09-07"}


@pytest.mark.parametrize(
    ("billed", "paid", "standing", "owed", "percent"),
    [
        ("400", "0", Standing.OWED, "400", 0),
        ("400", "399.99", Standing.OWED, "0.01", 99),
        ("400", "400", Standing.PAID, "0", 100),
        ("400", "450", Standing.CREDIT, "-50", 112),
        ("0", "20", Standing.CREDIT, "-20", 0),
        ("0", "0", Standing.NO_FEES, "0", 0),
        ("10000", "6999", Standing.OWED, "3001", 69),
        ("100", "69.99", Standing.OWED, "30.01", 69),
        ("100", "70", Standing.OWED, "30", 70),
        ("400", "-20", Standing.OWED, "420", 0),  # a payment of last term that was taken back
        ("-50", "0", Standing.CREDIT, "-50", 0),  # a discount that stands before its charge
        ("-50", "-50", Standing.PAID, "0", 0),
    ],
)
def test_balance_has_one_of_four_standings(billed: str, paid: str, standing: Standing, owed: str, percent: int) -> None:
    found = balance(billed, paid)
    assert (found.standing, found.owed, found.percent_paid) == (standing, Decimal(owed), percent)


@given(CENTS, st.integers(min_value=0, max_value=100))
def test_a_share_is_never_rounded_up(billed: Decimal, percent: int) -> None:
    needed = billed * percent / 100
    assert Balance(billed, needed - Decimal("0.0001")).percent_paid < max(percent, 1)
    assert Balance(billed, needed).percent_paid == percent


@given(st.lists(CENTS), st.lists(CENTS))
def test_a_balance_is_the_sum_of_its_lines(bills: list[Decimal], payments: list[Decimal]) -> None:
    account = StudentAccount(
        tuple(Line("Tuition", amount, None) for amount in bills),
        tuple(Line("Tuition", amount, None) for amount in payments),
    )
    assert account.balance == Balance(sum(bills, Decimal(0)), sum(payments, Decimal(0)))
    assert str(StudentAccount((), ()).balance.owed) == "0.00"


@pytest.mark.parametrize(
    ("written", "zone", "day"),
    [
        ("2026-05-01T00:30:00+02:00", "Africa/Harare", date(2026, 5, 1)),
        ("2026-04-30T22:30:00Z", "Africa/Harare", date(2026, 5, 1)),  # the same moment
        ("2026-04-30T21:59:59.999Z", "Africa/Harare", date(2026, 4, 30)),
        ("2026-05-01T00:30:00", "Africa/Harare", date(2026, 5, 1)),  # without a zone: the school's
        ("2026-05-01 00:30:00", "Africa/Harare", date(2026, 5, 1)),
        ("2026-05-01", "Africa/Harare", date(2026, 5, 1)),
        ("2026-04-30T22:30:00Z", "America/Lima", date(2026, 4, 30)),
        ("2026-05-01T02:30:00Z", "America/Lima", date(2026, 4, 30)),
    ],
)
def test_a_moment_is_booked_on_the_day_at_the_school(written: str, zone: str, day: date) -> None:
    line = Line.read(LINE | {"date": written}, "bills[0]", DOLLARS, ZoneInfo(zone))
    assert line.day == day
    assert Line.read(line.as_json(), "again") == line


# --- currencies


@pytest.mark.parametrize("own", [None, "", "USD", "usd", " USD ", "$"])
def test_the_schools_own_currency_needs_no_name(own: object) -> None:
    line = Line.read(LINE | {"currency": own}, "bills[0]", DOLLARS)
    assert line == Line.read(LINE, "bills[0]", DOLLARS)
    assert line.as_json() == LINE  # as the release before writes and reads it


def test_amounts_of_two_currencies_are_never_added() -> None:
    zwg = read_lines([LINE | {"amount": "5000", "currency": "zwg"}], "payments", DOLLARS)
    account = StudentAccount(read_lines([LINE], "bills", DOLLARS), zwg)
    assert account.balance == balance("400", "0")
    assert account.others == {"ZWG": balance("0", "5000")}
    assert Line.read(zwg[0].as_json(), "again") == zwg[0]


@pytest.mark.parametrize("written", ["dollars", "U$", "12", "US1", 5, ["USD"], {"code": "USD"}])
def test_a_currency_that_cannot_be_read_is_named(written: object) -> None:
    with pytest.raises(InvalidRequest) as error:
        read_lines([LINE | {"currency": written}], "bills", DOLLARS)
    assert error.value.field == "bills[0].currency"


# --- JSON


def test_a_line_survives_json() -> None:
    line = Line.read(LINE, "bills[0]")
    assert line.as_json() == LINE
    assert Line.read(line.as_json(), "again") == line


@pytest.mark.parametrize(
    ("written", "kind", "day"),
    [
        ({"amount": 5}, "Other", None),
        ({"fee_type": None, "amount": 5, "date": None}, "Other", None),
        ({"fee_type": "  ", "amount": 5, "date": ""}, "Other", None),
        ({"fee_type": " Food ", "amount": 5, "date": "2026-09-07T10:00:00Z"}, "Food", "2026-09-07"),
    ],
)
def test_missing_type_and_date_have_defaults(written: object, kind: str, day: str | None) -> None:
    line = Line.read(written, "bills[0]")
    assert (line.kind, line.day and line.day.isoformat()) == (kind, day)


@pytest.mark.parametrize(
    ("written", "field"),
    [
        ("Tuition", "bills[0]"),
        (None, "bills[0]"),
        ({"fee_type": "Tuition"}, "bills[0].amount"),
        (LINE | {"amount": "soon"}, "bills[0].amount"),
        (LINE | {"date": "7 September"}, "bills[0].date"),
        (LINE | {"date": 7}, "bills[0].date"),
        (LINE | {"date": "2026-09-07T25:00:00"}, "bills[0].date"),
        (LINE | {"date": "9999-12-31T23:00:00Z"}, "bills[0].date"),
    ],
)
def test_an_unreadable_line_is_named(written: object, field: str) -> None:
    with pytest.raises(InvalidRequest) as error:
        read_lines([written], "bills", DOLLARS, ZoneInfo("Africa/Harare"))
    assert error.value.field == field


@pytest.mark.parametrize("written", ["<html>", None, 5, {"bills": []}])
def test_anything_but_a_list_is_refused_and_no_empty_account(written: object) -> None:
    with pytest.raises(InvalidRequest):
        read_lines(written, "bills")


def test_account_is_read_from_the_state_machine() -> None:
    account = Account.read(
        {
            "term": "2026-3",
            "as_of": "2026-11-23T08:32:00Z",
            "stale": True,
            "bills": {"SSC1": [LINE], "SSC2": None, "SSC3": [], "SSC4": [LINE]},
            "payments": {"SSC1": [], "SSC2": None, "SSC3": []},
        }
    )
    assert (account.term, account.as_of, account.stale) == ("2026-3", "2026-11-23T08:32:00Z", True)
    assert account.students["SSC1"] == StudentAccount((Line.read(LINE, ""),), ())
    assert account.students["SSC2"] is None  # unknown at the school
    assert account.students["SSC3"] == StudentAccount((), ())
    assert account.students["SSC4"] is None  # half of the figures is no figures


@pytest.mark.parametrize("written", [{}, {"bills": None, "payments": {}}, {"bills": {}, "payments": []}])
def test_an_account_without_figures_is_refused(written: dict[str, object]) -> None:
    with pytest.raises(InvalidRequest):
        Account.read(written)


def test_account_request_names_the_wrong_field() -> None:
    request = AccountRequest.read({"student_ids": ["SSC1", "SSC2"], "term": "2026-3"})
    assert request == AccountRequest(("SSC1", "SSC2"), "2026-3")
    for ids in (None, [], "SSC1", [""], [7]):
        with pytest.raises(InvalidRequest, match="student_ids"):
            AccountRequest.read({"student_ids": ids, "term": "2026-3"})
    for term in (None, "", 2026):
        with pytest.raises(InvalidRequest, match="term"):
            AccountRequest.read({"student_ids": ["SSC1"], "term": term})
