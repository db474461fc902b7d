"""What is fuzzed: each target takes any bytes, and raises only when the product would have done something wrong."""

import json
import re
import time
from collections.abc import Callable
from datetime import datetime
from functools import cache
from html.parser import HTMLParser
from typing import Any, Final

from functions import school_graph
from functions.adapters.database.gate_passes import TOKEN
from functions.adapters.documents.pass_page import pass_page
from functions.adapters.graphql.figures import Figures
from functions.adapters.graphql.schema import answer
from functions.adapters.phrases_config import phrases
from functions.adapters.school_api import SchoolApi, _read_page, _read_profile, _reader
from functions.adapters.whatsapp import inbound
from functions.domain import answers, model_contract
from functions.domain.accounts import Line
from functions.domain.conversation import NextStep, decide
from functions.domain.documents import Letterhead, PassPage
from functions.domain.errors import InvalidModelReply, InvalidRequest, SchoolApiUnavailable
from functions.domain.gate_passes import PassState
from functions.domain.intents import read_tap
from functions.domain.messages import Message
from functions.domain.payments import PaymentNotice, is_signed
from tests.domain.a_school import FAMILY, PARENT, SCHOOL, TODAY, VISITOR, typed

OUR_NUMBER: Final = "106540352242922"
PLAIN_PAGE: Final = PassPage(
    Letterhead.of(SCHOOL), PassState.VALID, datetime(2026, 11, 23, 10, 32), "A", "B", "C", TODAY
)
OWN: Final = {student.id for student in FAMILY}


def webhook(raw: bytes) -> None:
    """Nothing is raised, and nobody is answered who does not stand in the body."""
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        return  # the receiver keeps it for inspection
    found = inbound.read(body).only_for(OUR_NUMBER)
    digits, text = _digits(body), json.dumps(body, ensure_ascii=False)
    for message in (*found.messages, *found.undelivered()):
        assert message.sender
        assert message.phone is None or message.phone.lstrip("+") in digits
        assert message.bsuid is None or message.bsuid in text
        assert Message.read(json.loads(json.dumps(message.as_json()))) == message
    for packed in inbound.pack_events(found.events()):
        json.dumps(packed)


def _digits(value: object) -> set[str]:
    """The digits of every text in a body, however it is written."""
    if isinstance(value, dict):
        return {found for item in value.values() for found in _digits(item)}
    if isinstance(value, list):
        return {found for item in value for found in _digits(item)}
    return {re.sub(r"\D", "", str(value), flags=re.ASCII)} if isinstance(value, str | int) else set()


def intents(raw: bytes) -> None:
    """Any text is something; it is about the sender's own children, and a visitor gets no figures."""
    text = raw.decode("utf-8", "replace")
    for person in (PARENT, VISITOR):
        plan = decide(typed(text), person, None, SCHOOL, TODAY, phrases=phrases())
        assert {student.id for student in plan.students} <= ({*OWN} if person is PARENT else set())
        assert person is PARENT or plan.next != NextStep.GATE_PASS
        assert type(plan).read(json.loads(json.dumps(plan.as_json()))) == plan
    read_tap(text)


def model_reply(raw: bytes) -> None:
    """What the model writes is checked or refused."""
    context = _context()
    try:
        found = model_contract.parse(raw.decode("utf-8", "replace"), context)
    except InvalidModelReply:
        return
    for part in (found.reply, found.also):
        if isinstance(part, model_contract.Wish):
            assert set(part.student_ids) <= OWN
        elif isinstance(part, model_contract.Answer | model_contract.QuestionBack):
            assert answers.is_safe(part.text, context.given, SCHOOL.currency)


@cache
def _context() -> model_contract.Context:
    return model_contract.Context.of(SCHOOL, FAMILY, TODAY)


def school_api(raw: bytes) -> None:
    """Every answer of the school is read or refused."""
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        return  # requests raises its own ValueError
    for read in (_reader("bills"), _reader("payments"), _read_page, _read_profile):
        try:
            found: Any = read(body)
        except InvalidRequest:
            continue
        for line in found if isinstance(found, tuple) else ():
            assert Line.read(json.loads(json.dumps(line.as_json())), "again") == line


def payment_event(raw: bytes) -> None:
    """A notice is read, or refused by name; and no bytes sign themselves."""
    assert not is_signed(raw, raw[:200].decode("latin-1"), "a secret", time.time())
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        return
    try:
        notice = PaymentNotice.read(body, SCHOOL.currency)
    except InvalidRequest:
        return
    assert notice.amount > 0
    assert PaymentNotice.read(json.loads(json.dumps(notice.as_json()))) == notice


class _Tags(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append(tag)


PLAIN_TAGS: Final = _Tags(pass_page(PLAIN_PAGE)).found


def pass_page_text(raw: bytes) -> None:
    """Whatever stands in the records, the page has the same elements; what is no token is not looked up."""
    text = raw.decode("utf-8", "replace") or "A"
    page = PassPage(PLAIN_PAGE.letterhead, PassState.VALID, PLAIN_PAGE.checked_at, text, text, text, TODAY)
    assert _Tags(pass_page(page)).found == PLAIN_TAGS
    if TOKEN.fullmatch(text):
        assert len(text) == 32
        assert text.isascii()


class _NoSchool(SchoolApi):
    """Counts what would be asked."""

    def __init__(self) -> None:
        self.calls = 0

    def bills_of(self, student_id: str, term: str, deadline: float) -> tuple[Line, ...] | None:
        self.calls += 1
        raise SchoolApiUnavailable("a test")

    payments_of = bills_of


def graphql(raw: bytes) -> None:
    """A query is answered or refused, never with words of ours, and asks the school a bounded number of times."""
    api = _NoSchool()
    try:
        answered = answer(school_graph.read(raw), Figures(api, time.monotonic() + 5))
    except InvalidRequest:
        return
    assert api.calls <= 40
    assert "Traceback" not in json.dumps(answered)
    assert {"INTERNAL"}.isdisjoint(str(error.get("extensions", {}).get("code")) for error in answered.get("errors", ()))


TARGETS: Final[dict[str, Callable[[bytes], None]]] = {
    "webhook": webhook,
    "intents": intents,
    "model_reply": model_reply,
    "school_api": school_api,
    "payment_event": payment_event,
    "pass_page": pass_page_text,
    "graphql": graphql,
}
