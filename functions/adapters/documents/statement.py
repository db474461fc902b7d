"""The statement of a family's term: every charge and payment on paper, when a message is too short for them."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from functions.adapters.documents.drawing import (
    BOLD,
    INK,
    LEADING,
    QUIET,
    REGULAR,
    Sheet,
    dark,
    fit,
    on,
    printable,
    tint,
)
from functions.domain.accounts import Balance, Standing, StudentAccount
from functions.domain.documents import StatementChild, StatementDocument, chronological, long_date
from functions.domain.money import Currency

A4 = (595.28, 841.89)
LEFT, RIGHT = 48.0, A4[0] - 48.0
WIDTH = RIGHT - LEFT
# Columns: date and kind begin here, amounts end here.
DATE, KIND, CHARGE, PAYMENT, BALANCE = LEFT + 8, LEFT + 82, RIGHT - 180, RIGHT - 94, RIGHT - 8
KIND_WIDTH, AMOUNT_WIDTH = CHARGE - 84 - KIND, 78.0
SIZE = 10.0
PADDING = 9.0  # of a row, above and below together
LONGEST_KIND = 12 * SIZE * LEADING  # a row must fit on a page, whatever the school writes into it
HEADING = 22.0  # the table's head
TOTALS = 30.0
TOP_OF_FIRST, TOP_OF_NEXT = A4[1] - 262, A4[1] - 172  # where the table begins
BOTTOM = 74.0

BALANCE_WORDS = {
    Standing.OWED: "Still to pay",
    Standing.PAID: "Fully paid",
    Standing.CREDIT: "In credit",
    Standing.NO_FEES: "No fees recorded",
}


@dataclass(frozen=True)
class _Row:
    """One line of the table, ready to draw."""

    day: str
    kind: tuple[str, ...]
    charge: str
    payment: str
    balance: str

    @property
    def height(self) -> float:
        return len(self.kind) * SIZE * LEADING + PADDING


@dataclass(frozen=True)
class _Page:
    child: StatementChild
    rows: tuple[_Row, ...]
    first: bool
    last: bool


def statement_pdf(document: StatementDocument) -> bytes:
    """Draw the statement, each child from a new page; the same document gives the same bytes."""
    title = f"Statement of fees, {document.term.title}"
    sheet = Sheet(A4, document.letterhead, title, ", ".join(printable(child.name) for child in document.children))
    pages = [page for child in document.children for page in _pages(child, document.currency)]
    for number, page in enumerate(pages, 1):
        if number > 1:
            sheet.canvas.showPage()
        _letterhead(sheet)
        top = _title(sheet, document, page)
        _table(sheet, document, page, top)
        _footer(sheet, number, len(pages))
    return sheet.bytes()


def _rows(child: StatementChild, currency: Currency) -> Iterator[_Row]:
    running = Decimal(0)
    for line, is_payment in chronological(child.account):
        if not line.currency:
            running += -line.amount if is_payment else line.amount
        kind = printable(line.kind, otherwise="Other")
        if is_payment:
            kind = f"{'Payment' if line.amount >= 0 else 'Payment reversed'}: {kind}"
        amount = currency.show_other(line.amount, line.currency) if line.currency else currency.number(line.amount)
        yield _Row(
            day=f"{line.day.day} {line.day:%b %Y}" if line.day else "no date",
            kind=tuple(fit(kind, REGULAR, SIZE, KIND_WIDTH, LONGEST_KIND, SIZE)[1]),
            charge="" if is_payment else amount,
            payment=amount if is_payment else "",
            balance=currency.number(running),
        )


def _pages(child: StatementChild, currency: Currency) -> list[_Page]:
    """The rows dealt to pages; the totals never stand on a page without a row before them."""
    dealt: list[list[_Row]] = [[]]
    room = TOP_OF_FIRST - HEADING - BOTTOM
    rows = list(_rows(child, currency))
    for place, row in enumerate(rows):
        needed = row.height + (TOTALS if place == len(rows) - 1 else 0)
        if needed > room and dealt[-1]:
            dealt.append([])
            room = TOP_OF_NEXT - HEADING - BOTTOM
        dealt[-1].append(row)
        room -= row.height
    last = len(dealt) - 1
    return [_Page(child, tuple(rows), number == 0, number == last) for number, rows in enumerate(dealt)]


def _letterhead(sheet: Sheet) -> None:
    letterhead = sheet.letterhead
    sheet.heading(LEFT, A4[1] - 68, 300, 56, 19)
    top = A4[1] - 68 + len(letterhead.contacts) * 6
    for contact in letterhead.contacts:
        top -= sheet.paragraph(RIGHT, top, printable(contact), 9, 190, colour=QUIET, align="right")
    sheet.box(LEFT, A4[1] - 110, WIDTH, 2.4, sheet.colour)
    sheet.box(LEFT, A4[1] - 112.4, WIDTH, 1.6, letterhead.accent)


def _title(sheet: Sheet, document: StatementDocument, page: _Page) -> float:
    """What the page is about; where its table begins."""
    child, term = page.child, document.term
    name = printable(child.name, otherwise=child.student_id)
    facts = " · ".join(part for part in (printable(child.student_id), printable(child.grade)) if part)
    if not page.first:
        sheet.paragraph(LEFT, A4[1] - 122, f"{name} (continued)", 13, WIDTH, font=BOLD)
        sheet.paragraph(LEFT, A4[1] - 141, f"{facts} · {term.title}", 10, WIDTH, colour=QUIET)
        return TOP_OF_NEXT
    sheet.text(LEFT, A4[1] - 143, "Statement of fees", 20, font=BOLD, colour=dark(sheet.colour))
    period = f"{term.title}: {long_date(term.begins)} – {long_date(term.ends)}"
    top = A4[1] - 160
    top -= sheet.paragraph(LEFT, top, name, 15, 290, height=40, smallest=8, font=BOLD) + 5
    for text in (facts, period, f"Figures of {long_date(document.as_of)}"):
        top -= sheet.paragraph(LEFT, top, text, 10.5, 290, colour=QUIET) + 3
    _result(sheet, child.account.balance, document.currency)
    return TOP_OF_FIRST


def _result(sheet: Sheet, balance: Balance, currency: Currency) -> None:
    """The one figure that a parent opens the statement for."""
    x, y, width, height = RIGHT - 190, A4[1] - 244, 190.0, 84.0
    sheet.box(x, y, width, height, tint(sheet.colour, 0.07), radius=6)
    sheet.frame(x, y, width, height, dark(sheet.colour), 0.9, radius=6)
    words = BALANCE_WORDS[balance.standing]
    sheet.text(x + 14, y + 60, words.upper(), 9.5, font=BOLD, colour=dark(sheet.colour), spacing=0.8)
    amount = printable(currency.show(abs(balance.owed)))
    sheet.paragraph(x + 14, y + 53, amount, 26, width - 28, smallest=9, font=BOLD)
    if balance.billed > 0:
        of_all = printable(f"{balance.percent_paid} % of {currency.show(balance.billed)} paid")
        sheet.paragraph(x + 14, y + 21, of_all, 9.5, width - 28, colour=QUIET)


def _table(sheet: Sheet, document: StatementDocument, page: _Page, top: float) -> None:
    unit = f" ({document.currency.symbol})"
    sheet.box(LEFT, top - HEADING, WIDTH, HEADING, sheet.colour)
    for x, heading, align in (
        (DATE, "Date", "left"),
        (KIND, "Kind", "left"),
        (CHARGE, "Charge" + unit, "right"),
        (PAYMENT, "Payment" + unit, "right"),
        (BALANCE, "Balance" + unit, "right"),
    ):
        sheet.text(x, top - 15, printable(heading), 9.5, font=BOLD, colour=on(sheet.colour), align=align)
    top -= HEADING
    for number, row in enumerate(page.rows):
        if number % 2:
            sheet.box(LEFT, top - row.height, WIDTH, row.height, tint(sheet.colour, 0.05))
        base = top - PADDING / 2 - SIZE
        sheet.text(DATE, base, row.day, SIZE)
        for line, text in enumerate(row.kind):
            sheet.text(KIND, base - line * SIZE * LEADING, text, SIZE)
        for x, amount in ((CHARGE, row.charge), (PAYMENT, row.payment), (BALANCE, row.balance)):
            _amount(sheet, x, base, amount, colour=QUIET if x == BALANCE else INK)
        top -= row.height
        sheet.rule(LEFT, top, WIDTH, thickness=0.4)
    if not page.rows:
        sheet.text(DATE, top - 18, "No charges or payments are recorded for this term.", SIZE, colour=QUIET)
    elif page.last:
        _totals(sheet, page.child.account, document.currency, top)
    else:
        sheet.text(RIGHT, top - 14, "continued on the next page", 8.5, colour=QUIET, align="right")


def _totals(sheet: Sheet, account: StudentAccount, currency: Currency, top: float) -> None:
    balance = account.balance
    sheet.rule(LEFT, top, WIDTH, dark(sheet.colour), 1.4)
    base = top - 18
    sheet.text(DATE, base, "Total", SIZE + 0.5, font=BOLD)
    for x, amount in ((CHARGE, balance.billed), (PAYMENT, balance.paid), (BALANCE, balance.owed)):
        _amount(sheet, x, base, currency.number(amount), font=BOLD)
    sheet.rule(LEFT, top - 26, WIDTH, dark(sheet.colour), 1.4)
    if account.others:
        others = "; ".join(
            f"in {code}: charges {currency.number(other.billed)}, payments {currency.number(other.paid)}"
            for code, other in account.others.items()
        )
        sheet.paragraph(LEFT + 8, top - 28, printable(f"Not counted, {others}"), 9, WIDTH - 16, colour=QUIET)


def _amount(sheet: Sheet, x: float, y: float, amount: str, *, font: str = REGULAR, colour: str = INK) -> None:
    """Right-aligned, and smaller rather than into the next column."""
    amount = printable(amount)
    size, _ = fit(amount, font, SIZE, AMOUNT_WIDTH, SIZE, 4)
    sheet.text(x, y, amount, size, font=font, colour=colour, align="right")


def _footer(sheet: Sheet, number: int, pages: int) -> None:
    sheet.rule(LEFT, 52, WIDTH)
    note = "A positive balance is still to be paid; a negative one is credit, which is carried forward."
    sheet.text(LEFT, 39, note, 8, colour=QUIET)
    sheet.text(RIGHT, 39, f"Page {number} of {pages}", 8, colour=QUIET, align="right")
