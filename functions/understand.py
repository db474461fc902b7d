"""One look at everything we know: claims the message, and decides what it asks for."""

import time
from dataclasses import dataclass, replace
from functools import cache as once
from typing import Any

from functions.adapters import accounts, clock, limits, memory, observe, warm
from functions.adapters.cache import ANSWER_LIFE, Cache, Claim, Kept
from functions.adapters.school_config import school
from functions.adapters.settings import from_environment
from functions.domain.conversation import Next, Pending, Plan, Say, decide
from functions.domain.inbound import UNDELIVERED, Message
from functions.domain.intents import Intent
from functions.domain.knowledge import normalise_question
from functions.domain.people import Kind, Person

TOO_LATE = 24 * 3600 - 300  # seconds: WhatsApp refuses an answer after 24 hours


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
    if sent := event.get("sent"):
        observe.took("QueueWait", time.time() - int(sent) / 1000)
    return look(message, str(event.get("run") or ""), again=bool(event.get("again")), written=event.get("written"))


def look(message: Message, run: str = "", *, again: bool = False, written: str | None = None) -> dict[str, Any]:
    """Everything the state machine needs to know about one message."""
    found: dict[str, Any] = dict.fromkeys(("fetch", "account", "last_account", "problem", "answer", "question_key"))
    found |= {"status": "new", "wait": 0}
    if message.timestamp and time.time() - message.timestamp > TOO_LATE:
        return found | {"status": "too late"}
    question = normalise_question(message.text or "")
    seen = cache().first_look(message.id, message.sender, question, run)
    if again:
        seen = replace(seen, claim=Claim.NEW, written=written or seen.written)
    if seen.claim in (Claim.DONE, Claim.BUSY):
        return found | {"status": "answered" if seen.claim == Claim.DONE else "busy"}
    if seen.claim == Claim.UNKNOWN and memory.was_answered(message.id):
        return found | {"status": "answered"}
    if message.type == UNDELIVERED:
        plan = Plan(Intent.UNDELIVERED, Say.REOPEN)
        status = "new" if school().templates.reopen else "answered"
        return found | {"status": status, "plan": plan.as_json(), "person": stranger(message).as_json()}
    person = replace(memory.person(cache(), message, seen), profile_name=message.profile_name)
    if seen.is_quiet and person.phone != school().office.whatsapp:
        return found | {"status": "quiet", "person": person.as_json()}
    pending = Pending.read(seen.pending.value) if seen.pending else None
    now = clock.now(school().timezone)
    plan = decide(message, person, pending, school(), now.date(), looked_up=again)
    if plan.next == Next.LOOK_UP:
        plan, found["problem"] = limits.look_up(cache(), plan, person, now, settings().school_api_calls_per_minute)
    if plan.next == Next.AI and not plan.personal:
        found["question_key"] = question or None
        found["answer"] = common_answer(seen.answer)
        plan = limits.questions(cache(), plan, person, now, school(), answered=bool(found["answer"]))
    if plan.term and (plan.needs_account or plan.fetch_ahead):
        found |= accounts.known_or_to_fetch(cache(), plan, settings().school_api_calls_per_minute)
    observe.log().info("understood", message_id=message.id, intent=plan.intent.value, say=plan.say.value)
    return found | {"person": person.as_json(), "plan": plan.as_json()}


def stranger(message: Message) -> Person:
    """Someone we need not know to answer."""
    return Person(Kind.UNSURE, message.phone, message.bsuid)


def common_answer(kept: Kept | None) -> str | None:
    """An answer that someone else got within the last ten minutes."""
    observe.count("CacheHits" if kept and kept.is_fresh(ANSWER_LIFE) else "CacheMisses")
    return str(kept.value) if kept and kept.is_fresh(ANSWER_LIFE) else None


warm.ahead(school, lambda: cache().ready(), memory.ready)
