"""One look at everything we know: claims the message, and decides what it asks for."""

import time
from dataclasses import dataclass, replace
from functools import cache as once
from typing import Any

from functions.adapters import accounts, clock, limits, memory, observe, warm
from functions.adapters.cache import ANSWER_LIFE, TAKEN, Cache, Claim, Kept
from functions.adapters.common_questions import question_key
from functions.adapters.school_config import school
from functions.adapters.settings import from_environment
from functions.domain import intents
from functions.domain.conversation import Next, Pending, Plan, Say, decide, nothing_known
from functions.domain.deliveries import WINDOW
from functions.domain.inbound import PAYMENT, UNDELIVERED, Message
from functions.domain.intents import Intent
from functions.domain.people import Kind, Person


@dataclass(frozen=True)
class Settings:
    cache_url: str
    cache_name: str
    cache_auth: str
    database_reader_url: str
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
    """`{"message", "run"}` -> `{"status": new | answered | busy | quiet | too late, "person", "plan", "fetch", …}`.

    `run` names the execution: its own second try finds its own claim, and goes on.
    After a look-up at the school once more, with `"again": true` (the claim is ours already) and `"written"`, the WAL
    position that the records must have.
    """
    message = Message.read(event.get("message"))
    run = str(event.get("run") or "")
    if sent := event.get("sent"):
        observe.took("QueueWait", time.time() - int(sent) / 1000)
    is_late = bool(message.timestamp) and time.time() - message.timestamp > WINDOW.total_seconds()
    if message.type == UNDELIVERED or (is_late and not intents.is_wish(message.text)):  # STOP counts however late
        return too_late(message, run)
    return look(message, run, again=bool(event.get("again")), written=event.get("written"))


def too_late(message: Message, run: str) -> dict[str, Any]:
    """24 hours are over: what may still be sent is an approved template, once, and to those who want to be written to.

    A week's messages may arrive in one minute after an outage: one template answers all of them.
    """
    found = nothing_known()
    if message.type != UNDELIVERED:
        observe.count("TooLate")
        observe.log().warning("too late for an answer", message_id=message.id)
    is_receipt, templates = (message.about or "").startswith(PAYMENT), school().templates
    approved = templates.receipt if is_receipt else templates.reopen
    if not approved or not memory.may_be_written_to(message):
        return found | {"status": "too late"}
    if status := TAKEN.get(cache().claim(message.id, run)):
        return found | {"status": status}
    if is_receipt:
        kept = cache().kept("receipt", message.about or "")
        return found | (receipt_again(message, kept.value) if kept else {"status": "too late"})
    if cache().claim(f"reopen:{message.sender}", run) in TAKEN:
        return found | {"status": "too late"}
    plan, person = Plan(Intent.UNDELIVERED, Say.REOPEN), Person(Kind.UNSURE, message.phone, message.bsuid)
    return found | {"plan": plan.as_json(), "person": person.as_json()}


def receipt_again(message: Message, kept: dict[str, Any]) -> dict[str, Any]:
    """The receipt that WhatsApp gave up, as the template that it has approved, with the same figures."""
    plan = Plan.read(kept["plan"])
    to = message.as_json() | {"id": f"{message.id}:0", "details": kept["payment"]}
    recipient = {"message": to, "person": kept["person"], "template": True}
    account = accounts.known_or_to_fetch(cache(), plan, settings().school_api_calls_per_minute)
    return {"plan": plan.as_json(), "person": None, "recipients": [recipient], **account, "problem": None}


def look(message: Message, run: str = "", *, again: bool = False, written: str | None = None) -> dict[str, Any]:
    """Everything the state machine needs to know about one message."""
    found, now = nothing_known(), clock.now(school().timezone)
    question = question_key(message.text or "", now.date())
    seen = cache().first_look(message.id, message.sender, question, run)
    if again:
        seen = replace(seen, claim=Claim.NEW, written=written or seen.written)
    if status := TAKEN.get(seen.claim):
        return found | {"status": status}
    if seen.claim == Claim.UNKNOWN and memory.was_answered(message.id):
        return found | {"status": "answered"}
    person = replace(memory.person(cache(), message, seen), profile_name=message.profile_name)
    pending = Pending.read(seen.pending.value) if seen.pending else None
    plan = decide(message, person, pending, school(), now.date(), looked_up=again)
    quiet = seen.is_quiet or (seen.claim == Claim.UNKNOWN and memory.is_quiet(message))
    if quiet and person.phone != school().office.whatsapp and plan.intent not in (Intent.OPT_OUT, Intent.OPT_IN):
        verdict = plan.as_json() if plan.intent == Intent.FEEDBACK else None  # recorded, not answered
        return found | {"status": "quiet", "person": person.as_json(), "plan": verdict}
    if plan.next == Next.LOOK_UP:
        plan, found["problem"] = limits.look_up(cache(), plan, person, now, settings().school_api_calls_per_minute)
    if plan.next == Next.AI and not plan.personal:
        found["question_key"] = question or None
        found["answer"], found["answer_anew"] = common_answer(seen.answer)
        plan = limits.questions(cache(), plan, person, now, school(), answered=bool(found["answer"]))
    if plan.term and (plan.needs_account or plan.fetch_ahead):
        found |= accounts.known_or_to_fetch(cache(), plan, settings().school_api_calls_per_minute)
    observe.log().info("understood", message_id=message.id, intent=plan.intent.value, say=plan.say.value)
    return found | {"person": person.as_json(), "plan": plan.as_json()}


def common_answer(kept: Kept | None) -> tuple[str | None, bool]:
    """An answer that someone else got today; and whether it is over ten minutes old: then it is made anew behind it."""
    observe.count("CacheHits" if kept else "CacheMisses")
    return (str(kept.value), not kept.is_fresh(ANSWER_LIFE)) if kept else (None, False)


warm.ahead(school, lambda: cache().ready(), memory.ready)
