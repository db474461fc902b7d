"""The gate pass as guard and printer get it: text that is really there, and a code that decodes."""

import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from datetime import date
from io import BytesIO

import pypdfium2
import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from functions.adapters.documents.drawing import printable
from functions.adapters.documents.gate_pass import gate_pass_pdf
from functions.domain.documents import GatePassDocument
from tests.adapters.documents.reading import (
    LETTERHEAD,
    LONG_NAME,
    MILLIMETRE,
    ROOT,
    assert_tidy,
    scan,
    text_boxes,
    text_of,
)

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


def test_pass_is_one_a5_page_with_every_fact() -> None:
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


def test_parents_number_and_token_are_not_in_text_and_repr() -> None:
    assert "771234567" not in text_of(gate_pass_pdf(PASS)).replace(" ", "")
    assert "771234567" not in repr(PASS)
    assert "Zk3v9Q1xW7bT2mR8pL5sYg" not in repr(PASS)


@pytest.mark.parametrize("dots_per_inch", [75, 150, 300])
def test_code_decodes_to_the_link(dots_per_inch: int) -> None:
    assert scan(gate_pass_pdf(PASS), dots_per_inch) == [URL]


def test_code_has_its_white_margin() -> None:
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


def test_code_of_a_long_link_decodes() -> None:
    url = "https://gate.a-rather-long-name-of-a-group-of-schools.example.org/production/passes/" + "x" * 43
    assert scan(gate_pass_pdf(replace(PASS, verify_url=url)), 150) == [url]


def test_pass_is_a_small_file() -> None:
    assert len(gate_pass_pdf(PASS)) < 40_000


def test_same_pass_is_the_same_bytes_in_any_process() -> None:
    program = (
        "import hashlib, tests.adapters.documents.test_gate_pass as t;"
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


def test_pass_carries_title_and_author() -> None:
    about = PdfReader(BytesIO(gate_pass_pdf(PASS))).metadata
    assert about is not None
    assert about.title == "Gate pass GP-2026-3-000123"
    assert about.author == "Shining Smiles College"


def test_long_values_stay_inside_and_whole() -> None:
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
def test_names_are_shown_in_any_script_that_can_be_read(name: str, shown: str) -> None:
    assert printable(name, otherwise="SSC20257279") == shown
    assert shown in text_of(gate_pass_pdf(replace(PASS, child_name=name)))


@settings(max_examples=25, deadline=None)
@given(name=st.text(max_size=200), grade=st.text(max_size=60), share=st.text(max_size=80))
def test_any_text_stays_on_one_page_inside_the_margins(name: str, grade: str, share: str) -> None:
    pdf = gate_pass_pdf(replace(PASS, child_name=name, grade=grade, share_paid=share))
    assert len(PdfReader(BytesIO(pdf)).pages) == 1
    for left, bottom, right, top in text_boxes(pdf)[0]:
        assert left >= 17.5
        assert right <= 148 * MILLIMETRE - 17.5
        assert bottom >= 17.5
        assert top <= 210 * MILLIMETRE - 17.5


def test_parent_is_left_out_without_a_number() -> None:
    assert "PARENT" not in text_of(gate_pass_pdf(replace(PASS, parent_phone=None)))


@pytest.mark.parametrize("colour", ["#ffffff", "#ffe14d", "#000000"])
def test_text_can_be_read_with_any_school_colour(colour: str) -> None:
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
