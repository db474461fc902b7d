"""The documents as their readers get them: text that is really there, inside its place, and a code that decodes."""

import hashlib
import os
import re
import subprocess
import sys
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from html.parser import HTMLParser
from io import BytesIO
from itertools import combinations
from pathlib import Path

import pypdfium2
import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from functions.adapters.documents.drawing import printable, tint
from functions.adapters.documents.gate_pass import gate_pass_pdf
from functions.adapters.documents.pass_page import HEADERS, pass_page
from functions.adapters.documents.statement import statement_pdf
from functions.domain.accounts import Line, StudentAccount
from functions.domain.documents import (
    GatePassDocument,
    Letterhead,
    PassPage,
    StatementChild,
    StatementDocument,
    hide_middle,
)
from functions.domain.gate_passes import PassState
from functions.domain.money import Currency
from functions.domain.terms import Term

LETTERHEAD = Letterhead(
    school_name="Shining Smiles College",
    motto="Learn. Lead. Shine.",
    colour="#123a73",
    accent="#f2b134",
    crest_text="SS",
    address="39 Winson Road, Hatfield, Harare",
    phone="+263 242 570 000",
    email="info@shiningsmilescollege.ac.zw",
    website="",
)
DOLLARS = Currency.of("USD", "US dollars", "$1,250.00")
URL = "https://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com/passes/Zk3v9Q1xW7bT2mR8pL5sYg"
PASS = GatePassDocument(
    letterhead=LETTERHEAD,
    child_name="Tendai Rutendo Moyo",
    student_id="SSC20257279",
    grade="Form 2",
    pass_number="GP-2026-3-000123",
    issued=date(2026, 11, 23),
    valid_until=date(2026, 12, 3),
    share_paid="75 % of Term 3 fees",
    parent_phone="+263771234567",
    verify_url=URL,
)
LONG_NAME = "Tinotendaishe Nyasha-Mufaro Anotidaishe Chikwanhanga-Mutambirwa wekwa Zvimba"
MILLIMETRE = 72 / 25.4
ROOT = Path(__file__).parents[2]


def text_of(pdf: bytes) -> str:
    """All text, with line breaks as spaces."""
    return " ".join(" ".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages).split())


Box = tuple[float, float, float, float]  # left, bottom, right, top in points


def pieces(page: pypdfium2.PdfPage) -> list[tuple[Box, str]]:
    """Where each piece of text stands."""
    text = page.get_textpage()
    boxes: list[Box] = [text.get_rect(number) for number in range(text.count_rects())]
    return [(box, text.get_text_bounded(*box).strip()) for box in boxes]


def text_boxes(pdf: bytes) -> list[list[Box]]:
    """For each page the boxes of its pieces of text."""
    return [[box for box, _ in pieces(page)] for page in pypdfium2.PdfDocument(pdf)]


def assert_tidy(pdf: bytes, margin: float) -> None:
    """Nothing leaves the page's margin, and no piece of text lies on another."""
    sizes = [page.mediabox for page in PdfReader(BytesIO(pdf)).pages]
    for size, boxes in zip(sizes, text_boxes(pdf), strict=True):
        for left, bottom, right, top in boxes:
            assert margin <= left <= right <= float(size.width) - margin
            assert margin <= bottom <= top <= float(size.height) - margin
        for one, other in combinations(boxes, 2):
            across = min(one[2], other[2]) - max(one[0], other[0])
            down = min(one[3], other[3]) - max(one[1], other[1])
            assert across <= 0.5 or down <= 0.5, f"{one} lies on {other}"


def scan(pdf: bytes, dots_per_inch: int) -> list[str]:
    document = pypdfium2.PdfDocument(pdf)
    picture = document[0].render(scale=dots_per_inch / 72, grayscale=True).to_pil()
    document.close()
    return [code.text for code in zxingcpp.read_barcodes(picture)]


class TestGatePass:
    def test_is_one_a5_page_that_says_everything(self) -> None:
        pdf = gate_pass_pdf(PASS)
        pages = PdfReader(BytesIO(pdf)).pages
        assert len(pages) == 1
        assert float(pages[0].mediabox.width) == pytest.approx(148 * MILLIMETRE, abs=0.1)
        assert float(pages[0].mediabox.height) == pytest.approx(210 * MILLIMETRE, abs=0.1)
        text = text_of(pdf)
        for part in (
            "Shining Smiles College",
            "Learn. Lead. Shine.",
            "GATE PASS",
            "Tendai Rutendo Moyo",
            "SSC20257279 · Form 2",
            "GP-2026-3-000123",
            "23 November 2026",
            "VALID UNTIL",
            "3 December 2026",
            "75 % of Term 3 fees",
            "+263 77 *** **67",
            "Scan to verify",
            "39 Winson Road, Hatfield, Harare +263 242 570 000 · info@shiningsmilescollege.ac.zw",
        ):
            assert part in text

    def test_keeps_the_parents_number_and_the_token_out_of_text_and_repr(self) -> None:
        assert "771234567" not in text_of(gate_pass_pdf(PASS)).replace(" ", "")
        assert "771234567" not in repr(PASS)
        assert "Zk3v9Q1xW7bT2mR8pL5sYg" not in repr(PASS)

    @pytest.mark.parametrize("dots_per_inch", [75, 150, 300])
    def test_code_decodes_to_the_link(self, dots_per_inch: int) -> None:
        assert scan(gate_pass_pdf(PASS), dots_per_inch) == [URL]

    def test_code_has_its_white_margin(self) -> None:
        """Four modules on every side, as the standard asks: cheap scanners give up without."""
        document = pypdfium2.PdfDocument(gate_pass_pdf(PASS))
        picture = document[0].render(scale=4, grayscale=True).to_pil()
        document.close()
        code = zxingcpp.read_barcodes(picture)[0].position
        left, top, right, bottom = code.top_left.x, code.top_left.y, code.bottom_right.x, code.bottom_right.y
        margin = 4 * (right - left) / 37 - 2  # version 5 has 37 modules; less the soft edge
        around = picture.crop((left - margin, top - margin, right + margin, bottom + margin))
        around.paste(
            255, (int(margin) - 2, int(margin) - 2, around.width - int(margin) + 2, around.height - int(margin) + 2)
        )
        assert around.getextrema() == (255, 255)

    def test_code_of_a_long_link_decodes(self) -> None:
        url = "https://gate.a-rather-long-name-of-a-group-of-schools.example.org/production/passes/" + "x" * 43
        assert scan(gate_pass_pdf(replace(PASS, verify_url=url)), 150) == [url]

    def test_is_small(self) -> None:
        assert len(gate_pass_pdf(PASS)) < 40_000

    def test_same_pass_is_the_same_bytes_in_any_process(self) -> None:
        program = (
            "import hashlib, tests.adapters.test_documents as t;"
            "print(hashlib.sha256(t.gate_pass_pdf(t.PASS)).hexdigest())"
        )
        other = subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": "7", "TZ": "Pacific/Auckland"},
            capture_output=True,
            text=True,
            check=True,
        )
        assert other.stdout.strip() == hashlib.sha256(gate_pass_pdf(PASS)).hexdigest()
        assert gate_pass_pdf(replace(PASS, child_name="Tendai Moya")) != gate_pass_pdf(PASS)

    def test_carries_title_and_author(self) -> None:
        about = PdfReader(BytesIO(gate_pass_pdf(PASS))).metadata
        assert about is not None
        assert about.title == "Gate pass GP-2026-3-000123"
        assert about.author == "Shining Smiles College"

    def test_long_values_stay_inside_and_whole(self) -> None:
        document = replace(
            PASS,
            letterhead=replace(
                LETTERHEAD, school_name="Saint Bartholomew-in-the-Fields High School and Sixth Form College"
            ),
            child_name=LONG_NAME,
            grade="Form 5 Pure Sciences (Cambridge International, morning stream)",
            share_paid="100 % of the fees of Term 3 of the year 2026",
            valid_until=date(2026, 9, 30),
        )
        pdf = gate_pass_pdf(document)
        assert_tidy(pdf, 17.5)
        text = text_of(pdf)
        for value in (document.letterhead.school_name, LONG_NAME, document.grade, document.share_paid):
            assert value in text

    @pytest.mark.parametrize(
        ("name", "shown"),
        [
            ("Zoë Łukasz Nguyễn", "Zoë Łukasz Nguyễn"),
            ("Γιάννης Алексей", "Γιάννης Алексей"),
            ("Rudo 😀 Moyo 👨‍👩‍👧", "Rudo Moyo"),
            ("𝓣𝓮𝓷𝓭𝓪𝓲 Moyo", "Tendai Moyo"),
            ("李小龙 Lee", "? Lee"),
            ("李小龙", "SSC20257279"),  # rather the id than a name that nobody can read
            ("", "SSC20257279"),
            ("Ru\x00do\n\tMoyo", "Rudo Moyo"),
        ],
    )
    def test_names_in_any_script(self, name: str, shown: str) -> None:
        assert printable(name, otherwise="SSC20257279") == shown
        assert shown in text_of(gate_pass_pdf(replace(PASS, child_name=name)))

    @settings(max_examples=25, deadline=None)
    @given(name=st.text(max_size=200), grade=st.text(max_size=60), share=st.text(max_size=80))
    def test_no_text_breaks_it(self, name: str, grade: str, share: str) -> None:
        pdf = gate_pass_pdf(replace(PASS, child_name=name, grade=grade, share_paid=share))
        assert len(PdfReader(BytesIO(pdf)).pages) == 1
        for left, bottom, right, top in text_boxes(pdf)[0]:
            assert left >= 17.5
            assert right <= 148 * MILLIMETRE - 17.5
            assert bottom >= 17.5
            assert top <= 210 * MILLIMETRE - 17.5

    def test_without_a_parents_number(self) -> None:
        assert "PARENT" not in text_of(gate_pass_pdf(replace(PASS, parent_phone=None)))

    @pytest.mark.parametrize("colour", ["#ffffff", "#ffe14d", "#000000"])
    def test_any_school_colour_can_be_read(self, colour: str) -> None:
        """Words differ from the band, and headings from the paper, as a black-and-white printer sees them."""
        pdf = gate_pass_pdf(replace(PASS, letterhead=replace(LETTERHEAD, colour=colour)))
        document = pypdfium2.PdfDocument(pdf)
        picture = document[0].render(scale=2, grayscale=True).to_pil()
        document.close()
        height = picture.height
        band = picture.crop((70, height - 2 * 484, 310, height - 2 * 456))
        heading = picture.crop((340, height - 2 * 190, 620, height - 2 * 160))
        for part in (band, heading):
            darkest, lightest = part.getextrema()
            assert lightest - darkest > 100


@pytest.mark.parametrize(
    ("phone", "hidden"),
    [
        ("+263771234567", "+263 77 *** **67"),
        ("+27821234567", "+27 82 *** **67"),
        ("+12025550143", "+1 20 *** ***43"),
        ("+447911123456", "+44 79 *** ***56"),
        ("+2631234", ""),
        ("0771234567", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_hide_middle(phone: str | None, hidden: str) -> None:
    assert hide_middle(phone) == hidden


def test_tint_thins_towards_white() -> None:
    assert tint("#000000", 1) == "#000000"
    assert tint("#000000", 0) == "#ffffff"
    assert tint("#ff0000", 0.5) == "#ff8080"


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


class TestStatement:
    def test_says_whose_when_and_how_much(self) -> None:
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

    def test_lines_oldest_first_then_totals(self) -> None:
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

    @pytest.mark.parametrize("charges", [*range(12, 32), 60])
    def test_nothing_is_cut_off_over_many_pages(self, charges: int) -> None:
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

    def test_amounts_stay_in_their_columns(self) -> None:
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

    def test_a_kind_as_long_as_a_page_still_fits(self) -> None:
        account = StudentAccount((line("fee " * 2000, "1.00", None), line("x" * 3000, "1.00", None)), ())
        assert_tidy(statement_pdf(replace(STATEMENT, children=(replace(TENDAI, account=account),))), 36)

    def test_same_statement_is_the_same_bytes(self) -> None:
        assert statement_pdf(STATEMENT) == statement_pdf(STATEMENT)


class _Page(HTMLParser):
    """What a browser would find in the page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


LOOKED_UP = PassPage(
    LETTERHEAD,
    PassState.VALID,
    datetime(2026, 11, 23, 10, 32),
    "Tendai Rutendo Moyo",
    "Form 2",
    "GP-2026-3-000123",
    date(2026, 12, 3),
)


def contrast(one: str, other: str) -> float:
    """As WCAG 2 defines it: 1 to 21; 7 is its strictest demand."""

    def luminance(colour: str) -> float:
        digits = colour.removeprefix("#")
        full = digits if len(digits) == 6 else "".join(2 * digit for digit in digits)
        parts = [value / 255 for value in bytes.fromhex(full)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


class TestPassPage:
    @pytest.mark.parametrize("state", PassState)
    def test_one_huge_word_and_no_other_state(self, state: PassState) -> None:
        html = pass_page(replace(LOOKED_UP, state=state))
        assert re.findall(r"<h1>(.*)</h1>", html) == [state.name]
        assert len(html.encode()) < 6_000
        page = _Page(html)
        assert not [other for other in PassState if other is not state and other.name in page.text]

    @pytest.mark.parametrize("state", [state for state in PassState if state is not PassState.UNKNOWN])
    def test_names_the_child_and_the_pass(self, state: PassState) -> None:
        text = " ".join(_Page(pass_page(replace(LOOKED_UP, state=state))).text.split())
        for part in (
            "Tendai Rutendo Moyo Form 2",
            "Valid until",
            "Thu 3 December 2026",
            "GP-2026-3-000123",
            "checked 10:32, 23 Nov 2026",
            "Shining Smiles College",
        ):
            assert part in text

    def test_unknown_pass_names_nobody(self) -> None:
        page = PassPage(LETTERHEAD, PassState.UNKNOWN, datetime(2026, 11, 23, 10, 32))
        text = _Page(pass_page(page)).text
        assert "Valid until" not in text
        assert "None" not in text

    def test_can_be_read_in_sunlight_and_by_the_colour_blind(self) -> None:
        looks = {}
        for state in PassState:
            html = pass_page(replace(LOOKED_UP, state=state))
            found = re.search(r"\.state\{background:(#\w+);color:(#\w+)\}", html)
            assert found
            assert contrast(found[1], found[2]) >= 7
            looks[state] = (found[1], re.search(r'path d="([^"]+)"', html)[1])  # type: ignore[index]
        assert len({colour for colour, _ in looks.values()}) == len(PassState)
        assert len({sign for _, sign in looks.values()}) == len(PassState)
        # what is good and what is withdrawn must differ without any sense of colour, too
        assert contrast(looks[PassState.VALID][0], looks[PassState.REVOKED][0]) > 2.5
        assert contrast(looks[PassState.VALID][0], looks[PassState.EXPIRED][0]) > 4

    def test_escapes_every_value(self) -> None:
        evil = "<script>alert('x')</script>\"><img src=x onerror=y>&"
        html = pass_page(
            replace(
                LOOKED_UP,
                letterhead=replace(LETTERHEAD, school_name=evil, phone=evil, email=evil),
                child_name=evil,
                grade=evil,
                pass_number=evil,
            )
        )
        page = _Page(html)
        assert not {"script", "img"} & {tag for tag, _ in page.tags}
        assert not [name for _, values in page.tags for name in values if name.startswith("on")]
        assert page.text.count(evil) == 7  # title, header, name, grade, number, phone, e-mail

    @pytest.mark.parametrize("state", PassState)
    def test_loads_and_runs_nothing(self, state: PassState) -> None:
        page = _Page(pass_page(replace(LOOKED_UP, state=state)))
        assert not {"script", "link", "img", "iframe", "form", "object"} & {tag for tag, _ in page.tags}
        links = [values["href"] for _, values in page.tags if "href" in values]
        assert links == ["tel:+263242570000", "mailto:info@shiningsmilescollege.ac.zw"]
        assert not [values for _, values in page.tags if "src" in values]
        assert "url(" not in pass_page(replace(LOOKED_UP, state=state))
        assert ("html", {"lang": "en"}) in page.tags
        assert ("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}) in page.tags

    def test_headers_keep_it_out_of_caches_and_indexes(self) -> None:
        assert HEADERS["Cache-Control"] == "no-store"
        assert HEADERS["Content-Security-Policy"].startswith("default-src 'none'; style-src 'unsafe-inline'")
        assert "noindex" in HEADERS["X-Robots-Tag"]
        assert HEADERS["Content-Type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("gate_pass", {"reportlab.platypus", "reportlab.graphics", "sqlalchemy", "boto3", "asyncio"}),
        ("statement", {"reportlab.platypus", "reportlab.graphics", "qrcode", "sqlalchemy", "boto3", "asyncio"}),
        ("pass_page", {"reportlab", "qrcode", "PIL", "sqlalchemy", "boto3", "asyncio"}),
    ],
)
def test_loads_no_more_than_it_draws_with(module: str, heavy: set[str]) -> None:
    program = f"import sys, functions.adapters.documents.{module}; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = run.stdout.split()
    assert f"functions.adapters.documents.{module}" in loaded
    assert not heavy & set(loaded)
