"""Names, grades and fee types are written by people: every document prints them as they are, and they run nothing."""

import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from html.parser import HTMLParser

import pytest

from functions.adapters.documents.gate_pass import gate_pass_pdf
from functions.adapters.documents.pass_page import pass_page
from functions.adapters.documents.statement import statement_pdf
from functions.domain.accounts import Line, StudentAccount
from tests.adapters.documents.reading import assert_tidy, text_of
from tests.adapters.documents.test_gate_pass import PASS
from tests.adapters.documents.test_pass_page import CHECKED
from tests.adapters.documents.test_statement import STATEMENT, TENDAI

IMAGE = '<img src="http://127.0.0.1:9/x.png"/>'
# as written, and as it is printed
WRITTEN = {
    "Tariro & Co": "Tariro & Co",
    "AT&T levy": "AT&T levy",
    "S&P": "S&P",
    "A<B": "A<B",
    "0.1 <A <0.9": "0.1 <A <0.9",
    "<b>Tariro": "<b>Tariro",
    "</para>": "</para>",
    IMAGE: IMAGE,
    '<img src="file:///etc/hostname"/>': '<img src="file:///etc/hostname"/>',
    '<a href="http://127.0.0.1:9/">Tariro</a>': '<a href="http://127.0.0.1:9/">Tariro</a>',
    "&#0;": "&#0;",
    "&nbsp": "&nbsp",
    "&amp;lt;": "&amp;lt;",
    "Tariro\0Moyo": "TariroMoyo",
    "Tariro\tMoyo": "Tariro Moyo",
    "%s %d {0} ${name} #{7*7}": "%s %d {0} ${name} #{7*7}",
    "(Tariro) \\) Tj ET": "(Tariro) \\) Tj ET",  # the syntax of PDF itself
}


@pytest.fixture(autouse=True)
def no_connection(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing tries to connect, not even where the failure is caught."""
    tried: list[object] = []

    def connect(self: socket.socket, address: object) -> None:
        tried.append(address)
        raise OSError

    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, connect)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *address, **_: connect(None, address))  # type: ignore[arg-type]
    yield
    assert tried == []


def assert_plain(pdf: bytes, words: str) -> None:
    """The words are there, without their blanks, since a long line is broken; nothing in the file is more than text."""
    assert "".join(words.split()) in "".join(text_of(pdf).split())
    for more in (b"/Subtype /Image", b"/URI", b"/Annots", b"/JavaScript", b"/EmbeddedFile"):
        assert more not in pdf


@pytest.mark.parametrize(("written", "printed"), WRITTEN.items())
def test_a_gate_pass_prints_it(written: str, printed: str) -> None:
    pdf = gate_pass_pdf(replace(PASS, child_name=written, grade=written))
    assert_plain(pdf, printed)


@pytest.mark.parametrize(("written", "printed"), WRITTEN.items())
def test_a_statement_prints_it(written: str, printed: str) -> None:
    account = StudentAccount((Line(written, Decimal(5), date(2026, 9, 7)),), (Line(written, Decimal(5), None),))
    child = replace(TENDAI, name=written, grade=written, account=account)
    pdf = statement_pdf(replace(STATEMENT, children=(child,)))
    assert_tidy(pdf, 36)
    assert_plain(pdf, printed)
    assert_plain(pdf, f"Payment: {printed}")


@pytest.mark.parametrize("written", WRITTEN)
def test_the_pass_page_shows_it(written: str) -> None:
    plain, odd = _Tags(), _Tags()
    plain.feed(pass_page(CHECKED))
    odd.feed(pass_page(replace(CHECKED, child_name=written, grade=written, pass_number=written)))
    assert odd.found == plain.found
    assert written in odd.text


@pytest.mark.parametrize("written", ["x" * 3000, "Tariro " * 500, "<b>" * 1000, "&" * 3000])
def test_an_endless_name_stays_in_its_place(written: str) -> None:
    assert_tidy(gate_pass_pdf(replace(PASS, child_name=written, grade=written)), 17.5)
    child = replace(TENDAI, name=written, grade=written)
    assert_tidy(statement_pdf(replace(STATEMENT, children=(child,))), 36)


class _Tags(HTMLParser):
    """The tags of a page in their order, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append(f"{tag} {sorted(name for name, _ in attrs)}")

    def handle_data(self, data: str) -> None:
        self.text += data
