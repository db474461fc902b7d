"""A payment has arrived: forgets the account in the cache, and finds out who gets a receipt."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache as once
from typing import Any

from sqlalchemy import Connection

from functions.adapters import clock, message_log, observe, people
from functions.adapters.cache import TAKEN, Cache
from functions.adapters.database import writer
from functions.adapters.school_config import school
from functions.adapters.settings import from_environment
from functions.domain.conversation import Next, Plan, Say, nothing_known
from functions.domain.deliveries import WINDOW
from functions.domain.inbound import Message
from functions.domain.intents import Intent
from functions.domain.people import Kind, Person, Student

LONGEST_WAIT = 30  # seconds for a turn at the school's API: nobody is waiting
SILENT = Plan(Intent.PAYMENT, Say.RECEIPT)  # nobody is to be told


@dataclass(frozen=True)
class Settings:
    cache_url: str
    cache_auth: str
    cache_name: str
    database_writer_url: str
    database_auth: str
    school_api_calls_per_minute: int


@once
def settings() -> Settings:
    return from_environment(Settings)


@once
def cache() -> Cache:
    return Cache(settings().cache_url, settings().cache_auth == "iam")


@observe.measured
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """`{"message" of type payment, "run"}` -> as `understand`, with `recipients`: one entry for each receipt to send.

    `run` names the execution: its own second try finds its own claim, and goes on.
    """
    message = Message.read(event.get("message"))
    found = nothing_known() | {"recipients": [], "plan": SILENT.as_json(), "person": None}
    if status := TAKEN.get(cache().claim(message.id, str(event.get("run") or ""))):
        return found | {"status": status}
    observe.count("PaymentNotices")
    student_id, term = str(message.details["student_id"]), str(message.details["term"])
    cache().forget_account(student_id, term)
    with writer() as connection:  # the primary: an opt-out of this very second counts
        student = people.student(connection, student_id)
        if student is None or not (recipients := receipts(connection, message, student)):
            return found
    plan = replace(SILENT, next=Next.RECEIPTS, students=(student,), term=term)
    found |= {"plan": plan.as_json(), "recipients": recipients}
    if (known := school().calendar.find(term)) and known.begins <= clock.now(school().timezone).date():
        wait = cache().take_turn(1, settings().school_api_calls_per_minute, LONGEST_WAIT)
        found["fetch"] = None if wait is None else {"student_ids": [student_id], "term": term}
        found["wait"] = int(wait or 0)
    return found


def receipts(connection: Connection, message: Message, student: Student) -> list[dict[str, Any]]:
    """One for each guardian who may hear of it, without those whose receipt is out: a notice may come again."""
    found = []
    free = datetime.now(UTC) - WINDOW
    for contact in people.who_may_hear(connection, student.id):
        late = contact.last_message_at is None or contact.last_message_at < free
        name = f"{message.id}:{contact.id}"
        if (late and not school().templates.receipt) or message_log.was_answered(connection, name):
            continue
        to = {"type": message.type, "phone": contact.phone, "bsuid": None if contact.phone else contact.bsuid}
        person = Person(Kind.REGISTERED, contact.phone, contact.bsuid, (student,), contact.profile_name)
        receipt = {"id": name, "timestamp": message.timestamp, **to}
        found.append({"message": receipt, "person": person.as_json(), "template": late})
    return found
