"""The statement as a parent gets it: every line, oldest first, inside its place on the page."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from io import BytesIO

import pypdfium2
import pytest
from pypdf import PdfReader

from functions.adapters.documents.statement import statement_pdf
from functions.domain.accounts import Line, StudentAccount
from functions.domain.documents import StatementChild, StatementDocument
from functions.domain.money import Currency
from functions.domain.terms import Term
from tests.adapters.documents.reading import LETTERHEAD, LONG_NAME, MILLIMETRE, assert_tidy, pieces, text_of


def line(kind: str, amount: str, day: str | None) -> Line:
    return Line(kind, Decimal(amount), date.fromisoformat(day) if day else None)


TENDAI = StatementChild(
    "Tendai Moyo",
    "SSC20257279",
    "Form 2",
    StudentAccount(
        bills=(line("Late pick-up", "10.00", None), line("Tuition", "650.00", "2026-09-07")),
        payments=(line("Tuition", "450.00", "2026-09-07"), line("Deposit", "1200.00", "2026-08-30")),
    ),
)
RUDO = StatementChild("Rudo Moyo", "SSC20257280", "Grade 4", StudentAccount((), ()))
DOLLARS = Currency.of("USD", "US dollars", "$1,250.00")
STATEMENT = StatementDocument(
    LETTERHEAD, Term(date(2026, 9, 7), date(2026, 12, 3), "2026-3"), date(2026, 11, 23), (TENDAI, RUDO), DOLLARS
)


def busy_child(charges: int) -> StatementChild:
    bills = tuple(
        line(
            f"Transport {number}, to the northern suburbs and back, with the late bus" if number % 3 else f"L{number}",
            "9999999.99",
            f"2026-10-{1 + number % 28:02}",
        )
        for number in range(charges)
    )
    return StatementChild(LONG_NAME, "SSC1", "ECD-A", StudentAccount(bills, (line("Tuition", "0.01", None),)))


def test_statement_names_child_term_date_and_balance() -> None:
    pages = PdfReader(BytesIO(statement_pdf(STATEMENT))).pages
    assert len(pages) == 2
    assert float(pages[0].mediabox.height) == pytest.approx(297 * MILLIMETRE, abs=0.1)
    first, second = (" ".join(page.extract_text().split()) for page in pages)
    for part in (
        "Shining Smiles College",
        "Tendai Moyo",
        "SSC20257279 · Form 2",
        "Term 3, 2026: 7 September 2026 – 3 December 2026",
        "Figures of 23 November 2026",
        "IN CREDIT $990.00",
        "Page 1 of 2",
    ):
        assert part in first
    for part in ("Rudo Moyo", "NO FEES RECORDED", "No charges or payments are recorded", "Page 2 of 2"):
        assert part in second


def test_lines_come_oldest_first_and_totals_last() -> None:
    text = text_of(statement_pdf(replace(STATEMENT, children=(TENDAI,))))
    rows = [
        "30 Aug 2026 Payment: Deposit 1,200.00 -1,200.00",
        "7 Sep 2026 Tuition 650.00 -550.00",
        "7 Sep 2026 Payment: Tuition 450.00 -1,000.00",
        "no date Late pick-up 10.00 -990.00",
        "Total 660.00 1,650.00 -990.00",
    ]
    assert [text.find(row) for row in rows] == sorted(text.find(row) for row in rows)
    assert all(row in text for row in rows)


def test_a_payment_taken_back_is_named_so_and_the_balance_is_the_sum_of_the_lines() -> None:
    account = StudentAccount(
        bills=(line("Tuition", "650.00", "2026-09-07"), line("Discount", "-50.00", "2026-09-09")),
        payments=(line("Tuition", "450.00", "2026-09-08"), line("Tuition", "-450.00", "2026-09-10")),
    )
    text = text_of(statement_pdf(replace(STATEMENT, children=(replace(TENDAI, account=account),))))
    for row in (
        "7 Sep 2026 Tuition 650.00 650.00",
        "8 Sep 2026 Payment: Tuition 450.00 200.00",
        "9 Sep 2026 Discount -50.00 150.00",
        "10 Sep 2026 Payment reversed: Tuition -450.00 600.00",
        "Total 600.00 0.00 600.00",
    ):
        assert row in text


def test_an_amount_in_another_currency_is_shown_and_not_added() -> None:
    zwg = replace(line("Tuition", "13500.00", "2026-09-08"), currency="ZWG")
    account = StudentAccount((line("Tuition", "650.00", "2026-09-07"),), (zwg,))
    pdf = statement_pdf(replace(STATEMENT, children=(replace(TENDAI, account=account),)))
    assert_tidy(pdf, 36)
    text = text_of(pdf)
    for row in (
        "8 Sep 2026 Payment: Tuition ZWG 13,500.00 650.00",
        "Total 650.00 0.00 650.00",
        "Not counted, in ZWG: charges 0.00, payments 13,500.00",
        "STILL TO PAY $650.00",
    ):
        assert row in text


@pytest.mark.parametrize("charges", [*range(12, 32), 60])
def test_nothing_is_cut_off_over_many_pages(charges: int) -> None:
    child = busy_child(charges)
    pdf = statement_pdf(replace(STATEMENT, children=(TENDAI, child)))
    assert_tidy(pdf, 36)
    for page in pypdfium2.PdfDocument(pdf):
        for (_, bottom, _, _), piece in pieces(page):
            assert bottom > 57 or 36 < bottom < 48, f"{piece!r} is between the table and the footer"
            assert bottom > 74 or piece != "Total"
    text = text_of(pdf)
    for bill in child.account.bills:
        assert bill.kind in text
    assert text.count("9,999,999.99") >= charges
    pages = PdfReader(BytesIO(pdf)).pages
    assert f"Page {len(pages)} of {len(pages)}" in text
    last = pages[-1].extract_text()
    assert "Total" in last
    assert "Payment: Tuition" in last  # the totals never stand alone
    assert f"{LONG_NAME} (continued)" in text or len(pages) == 2


def test_amounts_stay_in_their_columns() -> None:
    amount = "1234567890123.45"
    account = StudentAccount((line("Tuition", amount, None),), (line("Tuition", amount, None),))
    pdf = statement_pdf(replace(STATEMENT, children=(replace(TENDAI, account=account),)))
    columns = {"Charge ($)": 0.0, "Payment ($)": 0.0, "Balance ($)": 0.0}
    amounts = []
    for (left, _, right, _), piece in pieces(pypdfium2.PdfDocument(pdf)[0]):
        if piece in columns:
            columns[piece] = right
        elif piece == "1,234,567,890,123.45":
            amounts.append((left, right))
    ends = list(columns.values())
    assert len(amounts) == 5  # charge, balance, payment, and the first two totals
    for left, right in amounts:
        column = min(range(3), key=lambda place: abs(ends[place] - right))
        assert right == pytest.approx(ends[column], abs=1.5)
        assert column == 0 or left > ends[column - 1] + 3


def test_fee_type_as_long_as_a_page_still_fits() -> None:
    account = StudentAccount((line("fee " * 2000, "1.00", None), line("x" * 3000, "1.00", None)), ())
    assert_tidy(statement_pdf(replace(STATEMENT, children=(replace(TENDAI, account=account),))), 36)


def test_same_statement_is_the_same_bytes() -> None:
    assert statement_pdf(STATEMENT) == statement_pdf(STATEMENT)
