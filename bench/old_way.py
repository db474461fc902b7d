"""The replaced bot's way of working, on our own adapters and against the same simulated services.

For every message: both secrets' worth of waiting, a new engine and connection, then every call after the one before,
for one child after the other. Three sends a message: blue ticks, an hourglass, the answer. Which calls an intent makes
was found from the delays: with these sequences the sums agree with what was measured of the old code (`floor.old_way`).
"""

import os
import secrets
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import cache
from multiprocessing import get_context
from random import Random
from typing import TYPE_CHECKING, Final, Self

from bench.floor import Ask
from bench.stage import TERM, TODAY, Family
from infra.catalog import FUNCTIONS
from local.child import die_with_parent
from local.parent import new_message_id
from local.plan import BUCKET, Plan

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from functions.adapters.openai_api import LanguageModel
    from functions.adapters.secret_store import SecretStore

AT_ONCE: Final = 12  # messages side by side, each in a process of its own: nearly all of each is waiting
QUESTION: Final = "Which hours is the school open?"


@dataclass(frozen=True)
class Times:
    """Seconds from the message to what the parent sees first, and to the answer; and the calls that it took."""

    first_sign: float
    reply: float
    calls: Counter[str]


class OldWay:
    """Processes that answer as the old bot did. They are up, and everything is imported, before anything is timed."""

    def __init__(self, plan: Plan, family: Family, at_once: int = AT_ONCE) -> None:
        """Begin where there are no delays yet: each process answers two messages of that family at first."""
        environment = {name: value for function in FUNCTIONS for name, value in plan.environment(function).items()}
        self._plan = plan
        self._processes = ProcessPoolExecutor(at_once, get_context("spawn"), _prepare, (environment,))
        list(self._processes.map(_warm_up, [plan] * at_once, [family] * at_once))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._processes.shutdown()

    def answer(self, jobs: Sequence[tuple[Ask, Family]]) -> Iterator[tuple[Ask, Family, Times]]:
        """One message of each, in mixed order, so that the same work is not done by all at the same instant."""
        jobs = Random(1).sample(jobs, len(jobs))
        asks, families = zip(*jobs, strict=True)
        times = self._processes.map(_answer, [self._plan] * len(jobs), asks, families)
        return zip(asks, families, times, strict=True)


def _prepare(environment: dict[str, str]) -> None:
    die_with_parent()
    os.environ.update(environment)
    os.environ["LOG_LEVEL"] = "CRITICAL"


def _warm_up(plan: Plan, family: Family) -> None:
    """Everything imported and done once: the old bot's figures are those of a warm one."""
    _answer(plan, Ask.GATE_PASS, family)
    _answer(plan, Ask.QUESTION, family)
    time.sleep(2)  # so that every process gets one of these


def _answer(plan: Plan, ask: Ask, family: Family) -> Times:
    """One message from start to end, nothing kept from the one before."""
    from functions.adapters.aws import AwsClient
    from functions.adapters.http_client import session
    from functions.adapters.school_api import SchoolApi
    from functions.adapters.secret_store import SecretStore
    from functions.adapters.whatsapp.client import WhatsAppClient
    from functions.domain.people import Kind, Person
    from functions.domain.replies import Text

    message_id = new_message_id()
    store = SecretStore(AwsClient(session()))
    whatsapp = WhatsAppClient(session(), store, plan.whatsapp_api_url, plan.whatsapp_phone_number_id, "ACCESS")
    school_api = SchoolApi(session(), store, plan.school_api_url, "SCHOOL")
    person = Person(Kind.REGISTERED, family.parent.phone, None)
    calls: Counter[str] = Counter()
    started = time.monotonic()
    # All secrets lay in one: one fetch.
    store.get("school/local/whatsapp-access-token")
    store.put("ACCESS", plan.access_token)
    store.put("SCHOOL", plan.school_api_key)
    calls["secrets"] += 1
    _find_person(family)
    calls["database"] += 1
    whatsapp._post(
        "messages",
        (2, 10),
        time.monotonic() + 12,
        json={"messaging_product": "whatsapp", "status": "read", "message_id": message_id},
    )
    calls["graph"] += 3  # this, the hourglass and the answer
    first_sign = time.monotonic() - started
    hourglass = {"message_id": message_id, "emoji": "⏳"}
    whatsapp._post(
        "messages",
        (2, 10),
        time.monotonic() + 12,
        json={"messaging_product": "whatsapp", "to": person.phone, "type": "reaction", "reaction": hourglass},
    )
    words = ["Hello, this is the menu"]
    if ask is Ask.QUESTION:
        words = [_ask_model(plan)]
        calls["openai"] += 1
    elif ask is not Ask.MENU:
        for child in family.children:
            deadline = time.monotonic() + 60
            if ask is Ask.GATE_PASS:
                school_api.profiles([child.id])
                calls["school"] += 1
            calls["school"] += 2
            bills = school_api.bills_of(child.id, TERM, deadline)
            payments = school_api.payments_of(child.id, TERM, deadline)
            if ask in (Ask.STATEMENT, Ask.GATE_PASS):
                query = {"student_id_number": child.id, "term": TERM}
                school_api._get("student-account-statement/", query, deadline, lambda body: body)
                calls["school"] += 1
            if ask is Ask.GATE_PASS:
                calls.update(database=1, s3=1, graph=1)
                _give_pass(whatsapp, person, child.id, f"{child.first_name} {child.last_name}", message_id)
            words.append(f"{child.first_name}: {len(bills or ())} bills, {len(payments or ())} payments")
    whatsapp.send(Text("\n".join(words)), person, message_id, lambda: b"")
    reply = time.monotonic() - started
    session.cache_clear()
    return Times(first_sign, reply, calls)


def _ask_model(plan: Plan) -> str:
    """One answer. The client is the process's, as it was in the old bot."""
    store, model = _language_model(plan.openai_api_url, plan.openai_model)
    store.put("AI", plan.openai_api_key)
    return model.understand("You answer for a school.", QUESTION, {"format": {"type": "text"}}).text


@cache
def _language_model(url: str, name: str) -> "tuple[SecretStore, LanguageModel]":
    from functions.adapters.aws import AwsClient
    from functions.adapters.http_client import session
    from functions.adapters.openai_api import LanguageModel
    from functions.adapters.secret_store import SecretStore

    store = SecretStore(AwsClient(session()))
    return store, LanguageModel(store, url, "AI", name)


@contextmanager
def _new_connection() -> "Iterator[Connection]":
    """A new engine and connection. They are closed again, which the old bot did not do: there would be too many."""
    from functions.adapters.database.connection import Database

    database = Database(os.environ["DATABASE_WRITER_URL"])
    try:
        with database.writer() as connection:
            yield connection
    finally:
        database.dispose()


def _find_person(family: Family) -> None:
    """Who is writing."""
    from functions.adapters.database.senders import Senders

    with _new_connection() as connection:
        Senders(connection).find(family.parent.phone, None)


def _give_pass(whatsapp: object, person: object, student_id: str, name: str, message_id: str) -> None:
    """Another connection, the PDF drawn and stored, and sent by its link: one call."""
    from sqlalchemy import text

    from functions.adapters.aws import AwsClient
    from functions.adapters.document_store import DocumentStore
    from functions.adapters.documents.gate_pass import gate_pass_pdf
    from functions.adapters.http_client import session
    from functions.adapters.school_config import school
    from functions.adapters.whatsapp.client import WhatsAppClient
    from functions.domain.documents import GatePassDocument, Letterhead
    from functions.domain.people import Person

    assert isinstance(whatsapp, WhatsAppClient)
    assert isinstance(person, Person)
    with _new_connection() as connection:
        connection.execute(text("SELECT 1"))
    token = secrets.token_urlsafe(16)
    document = GatePassDocument(
        letterhead=Letterhead.of(school()),
        child_name=name,
        student_id=student_id,
        grade="Form 1",
        pass_number=f"OLD-{token[:6]}",
        issued=TODAY,
        valid_until=date(2026, 12, 3),
        share_paid="100 %",
        parent_phone=person.phone,
        verify_url=f"http://127.0.0.1/passes/{token}",
    )
    DocumentStore(AwsClient(session()), BUCKET).put(f"old/{token}.pdf", gate_pass_pdf(document), "application/pdf")
    media = {"link": f"http://127.0.0.1/old/{token}.pdf", "filename": "gate-pass.pdf"}
    body = {"messaging_product": "whatsapp", "to": person.phone, "type": "document", "document": media}
    whatsapp._post("messages", (2, 10), time.monotonic() + 12, json={**body, "biz_opaque_callback_data": message_id})
