"""A payment has arrived: forgets the account in the cache, and finds out who gets a receipt."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache as once
from typing import Any

from functions.adapters import clock, observe, people
from functions.adapters.cache import Cache, Claim
from functions.adapters.database import writer
from functions.adapters.school_config import school
from functions.adapters.settings import from_environment
from functions.domain.conversation import Next, Plan, Say
from functions.domain.inbound import Message
from functions.domain.intents import Intent
from functions.domain.people import Kind, Person

WINDOW = timedelta(hours=24) - timedelta(minutes=5)  # in which WhatsApp lets us write freely
LONGEST_WAIT = 30  # seconds for a turn at the school's API: nobody is waiting


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
    """`{"message": of type payment}` -> as `understand`, with `recipients`: one entry for each receipt to send."""
    message = Message.read(event.get("message"))
    found: dict[str, Any] = dict.fromkeys(("fetch", "account", "last_account", "problem", "answer", "question_key"))
    found |= {"status": "new", "wait": 0, "recipients": [], "person": None}
    found["plan"] = Plan(Intent.PAYMENT, Say.RECEIPT).as_json()  # while nobody is found who wants to hear of it
    claim = cache().claim(message.id)
    if claim in (Claim.DONE, Claim.BUSY):
        return found | {"status": "answered" if claim == Claim.DONE else "busy"}
    observe.count("PaymentNotices")
    student_id, term = str(message.details["student_id"]), str(message.details["term"])
    cache().forget_account(student_id, term)
    with writer() as connection:  # the primary: an opt-out of this very second counts
        student = people.student(connection, student_id)
        guardians = people.who_may_hear(connection, student_id)
    if student is None or not guardians:
        return found
    free = datetime.now(UTC) - WINDOW
    plan = Plan(Intent.PAYMENT, Say.RECEIPT, Next.RECEIPTS, (student,), term)
    for place, contact in enumerate(guardians):
        late = contact.last_message_at is None or contact.last_message_at < free
        if late and not school().templates.receipt:
            continue
        to = {"type": message.type, "phone": contact.phone, "bsuid": None if contact.phone else contact.bsuid}
        person = Person(Kind.REGISTERED, contact.phone, contact.bsuid, (student,), contact.profile_name)
        recipient = {"id": f"{message.id}:{place}", "timestamp": message.timestamp, **to}
        found["recipients"].append({"message": recipient, "person": person.as_json(), "template": late})
    begun = (known := school().calendar.find(term)) and known.begins <= clock.now(school().timezone).date()
    if found["recipients"] and begun:
        wait = cache().take_turn(1, settings().school_api_calls_per_minute, LONGEST_WAIT)
        found["fetch"] = None if wait is None else {"student_ids": [student_id], "term": term}
        found["wait"] = int(wait or 0)
    return found | {"plan": plan.as_json()} if found["recipients"] else found
