"""The page behind the QR code on the smallest phone, and on paper."""

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pypdfium2
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page

from functions.adapters.documents.pass_page import pass_page
from functions.adapters.school_config import load
from functions.domain.documents import Letterhead
from functions.domain.gate_passes import PassState
from infra.node import MODULES
from tests.adapters.documents.reading import LETTERHEAD, LONG_NAME
from tests.adapters.documents.test_pass_page import CHECKED
from tests.browser.test_console import npm_packages  # noqa: F401  # a fixture

LINDEN = Letterhead.of(load(Path(__file__).parents[1] / "schools" / "linden"))
WIDTH = 320


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": WIDTH, "height": 568})
    yield page
    page.close()


@pytest.mark.parametrize("letterhead", [LETTERHEAD, LINDEN], ids=lambda letterhead: letterhead.school_name)
@pytest.mark.parametrize("state", PassState)
def test_the_word_fills_the_smallest_phone_and_nothing_leaves_it(
    phone: Page, state: PassState, letterhead: Letterhead
) -> None:
    phone.set_content(pass_page(replace(CHECKED, state=state, letterhead=letterhead, child_name=LONG_NAME)))
    assert phone.evaluate("document.documentElement.scrollWidth") == WIDTH
    word = phone.locator("h1").evaluate(
        "(heading) => { const range = document.createRange(); range.selectNodeContents(heading);"
        " const { left, right, bottom } = range.getBoundingClientRect(); return [left, right, bottom]; }"
    )
    assert 0 <= word[0] < word[1] <= WIDTH
    assert word[1] - word[0] > 0.75 * WIDTH
    assert word[2] < 568  # seen without scrolling
    assert letterhead.school_name in phone.locator("header").inner_text()


@pytest.mark.usefixtures("npm_packages")
@pytest.mark.parametrize("state", PassState)
def test_axe_finds_nothing_and_contrast_is_7_to_1(phone: Page, state: PassState) -> None:
    phone.set_content(pass_page(replace(CHECKED, state=state)))
    phone.evaluate((MODULES / "axe-core" / "axe.min.js").read_text("utf-8"))
    found = phone.evaluate(
        "axe.run({resultTypes: ['violations'], rules: {'color-contrast-enhanced': {enabled: true}}})"
    )
    assert [item["id"] for item in found["violations"] if item["impact"] in ("serious", "critical")] == []


@pytest.mark.parametrize("state", PassState)
def test_the_colour_and_the_sign_are_printed_too(phone: Page, state: PassState) -> None:
    phone.set_content(pass_page(replace(CHECKED, state=state)))
    screen = Image.open(io.BytesIO(phone.locator(".state").screenshot())).convert("RGB")
    paper = pypdfium2.PdfDocument(phone.pdf(format="A4"))[0].render().to_pil().convert("RGB")
    colour = screen.getpixel((4, screen.height // 2))
    printed = sum(count for count, found in paper.getcolors(2**24) or [] if found == colour)
    assert printed > paper.width * paper.height / 10
