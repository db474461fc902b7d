"""The page behind the QR code, as a browser finds it: one state, readable in sunlight, loading nothing."""

import re
from dataclasses import replace
from datetime import date, datetime
from html.parser import HTMLParser

import pytest

from functions.adapters.documents.pass_page import HEADERS, pass_page
from functions.domain.documents import PassPage
from functions.domain.gate_passes import PassState
from tests.adapters.documents.reading import LETTERHEAD


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


CHECKED = PassPage(
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


@pytest.mark.parametrize("state", PassState)
def test_state_is_the_one_heading_and_no_other_is_named(state: PassState) -> None:
    html = pass_page(replace(CHECKED, state=state))
    assert re.findall(r"<h1>(.*)</h1>", html) == [state.name]
    assert len(html.encode()) < 6_000
    page = _Page(html)
    assert not [other for other in PassState if other is not state and other.name in page.text]


@pytest.mark.parametrize("state", [state for state in PassState if state is not PassState.UNKNOWN])
def test_page_names_the_child_and_the_pass(state: PassState) -> None:
    text = " ".join(_Page(pass_page(replace(CHECKED, state=state))).text.split())
    for part in (
        "Tendai Rutendo Moyo Form 2",
        "Valid until",
        "Thu 3 December 2026",
        "GP-2026-3-000123",
        "checked 10:32, 23 Nov 2026",
        "Shining Smiles College",
    ):
        assert part in text


def test_unknown_pass_names_nobody() -> None:
    page = PassPage(LETTERHEAD, PassState.UNKNOWN, datetime(2026, 11, 23, 10, 32))
    text = _Page(pass_page(page)).text
    assert "Valid until" not in text
    assert "None" not in text


def test_states_can_be_told_apart_in_sunlight_and_without_colour() -> None:
    looks = {}
    for state in PassState:
        html = pass_page(replace(CHECKED, state=state))
        found = re.search(r"\.state\{background:(#\w+);color:(#\w+)\}", html)
        assert found
        assert contrast(found[1], found[2]) >= 7
        looks[state] = (found[1], re.search(r'path d="([^"]+)"', html)[1])  # type: ignore[index]
    assert len({colour for colour, _ in looks.values()}) == len(PassState)
    assert len({sign for _, sign in looks.values()}) == len(PassState)
    # what is good and what is withdrawn must differ without any sense of colour, too
    assert contrast(looks[PassState.VALID][0], looks[PassState.REVOKED][0]) > 2.5
    assert contrast(looks[PassState.VALID][0], looks[PassState.EXPIRED][0]) > 4


def test_every_value_is_escaped() -> None:
    evil = "<script>alert('x')</script>\"><img src=x onerror=y>&"
    html = pass_page(
        replace(
            CHECKED,
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
def test_page_loads_and_runs_nothing(state: PassState) -> None:
    page = _Page(pass_page(replace(CHECKED, state=state)))
    assert not {"script", "link", "img", "iframe", "form", "object"} & {tag for tag, _ in page.tags}
    links = [values["href"] for _, values in page.tags if "href" in values]
    assert links == ["tel:+263242570000", "mailto:info@shiningsmilescollege.ac.zw"]
    assert not [values for _, values in page.tags if "src" in values]
    assert "url(" not in pass_page(replace(CHECKED, state=state))
    assert ("html", {"lang": "en"}) in page.tags
    assert ("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}) in page.tags


def test_headers_keep_the_page_out_of_caches_and_indexes() -> None:
    assert HEADERS["Cache-Control"] == "no-store"
    assert HEADERS["Content-Security-Policy"].startswith("default-src 'none'; style-src 'unsafe-inline'")
    assert "noindex" in HEADERS["X-Robots-Tag"]
    assert HEADERS["Content-Type"] == "text/html; charset=utf-8"
