"""After the parent has the answer: keep what was fetched and said, and mark the message done."""

from dataclasses import dataclass
from datetime import datetime
from functools import cache as once
from typing import Any

from functions.adapters import accounts, observe, promises, warm
from functions.adapters.cache import Cache
from functions.adapters.settings import from_environment
from functions.domain.conversation import Next, Plan
from functions.domain.errors import DataUnavailable
from functions.domain.inbound import PAYMENT, Message
from functions.domain.intents import Intent

MUST_BE_LOGGED = ("opt_out", "opt_in", "feedback")  # nothing else holds what they say


@dataclass(frozen=True)
class Settings:
    cache_url: str
    cache_name: str
    cache_auth: str
    database_writer_url: str
    database_auth: str


@once
def settings() -> Settings:
    return from_environment(Settings)


@once
def cache() -> Cache:
    return Cache(settings().cache_url, settings().cache_auth == "iam")


@observe.measured
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """`{"message", "person", "plan", "account", "answer", "gate_pass", "sent", …}`; `{"message", "let_go": true}` only
    gives the claim back, `{"message", "plan", "wish": true}` only writes STOP or START down.

    Raises DataUnavailable when neither store could be written, or not the one that a wish or a verdict is kept in.
    """
    message = Message.read(event.get("message"))
    if event.get("wish"):
        promises.honour(cache(), message, Plan.read(event["plan"]))
        return {"cached": False, "logged": True}
    if event.get("let_go"):
        promises.let_go(cache(), message, event.get("request") or {})
        return {"cached": True, "logged": False}
    if lost := event.get("receipts_lost"):
        observe.count("ReceiptsLost", lost)
        observe.log().error("receipts lost", message_id=message.id, lost=lost)
    cached = keep(message, event)
    logged = log(message, event)
    if not logged and (not cached or (event.get("plan") or {}).get("intent") in MUST_BE_LOGGED):
        raise DataUnavailable("it could not be remembered")
    return {"cached": cached, "logged": logged}


def keep(message: Message, event: dict[str, Any]) -> bool:
    """Into the cache: the claim as done, the accounts, a common answer, what we asked back."""
    account = event.get("account") or {}
    values = accounts.to_keep(account) if event.get("fetched") else {}
    if event.get("question_key") and event.get("cacheable"):
        values["answer", event["question_key"]] = event["answer"]
    plan = event.get("plan") or {}
    if message.type == PAYMENT and message.details and event.get("person"):  # in case WhatsApp gives the receipt up
        values["receipt", message.id] = {"person": event["person"], "plan": plan, "payment": dict(message.details)}
    if (event.get("request") or {}).get("told"):
        cache().keep_quiet(message.sender, quiet=True)
    as_of = account.get("as_of")
    fetched_at = datetime.fromisoformat(as_of).timestamp() if as_of else None
    sender = message.sender if message.is_of_a_person else ""  # a receipt closes no question of ours
    return cache().finish(message.id, sender, plan.get("pending"), values, fetched_at)


def log(message: Message, event: dict[str, Any]) -> bool:
    """Into the database: the message log, the contact, the pass's upload. The next read of this sender sees it."""
    from functions.adapters import database, message_log, office_requests, passes

    plan = Plan.read(event["plan"]) if event.get("plan") else None
    person, sent, given = event.get("person") or {}, event.get("sent") or {}, event.get("gate_pass") or {}
    request, is_told, learnt = event.get("request") or {}, False, False
    phone = message.shared_phone or message.phone
    try:
        with database.writer() as connection:
            message_log.record(connection, message, message_log.outcome(plan, sent, apology=bool(event.get("problem"))))
            if message.is_of_a_person:
                learnt = message_log.record_contact(connection, message, phone)
            if request.get("told"):
                is_told = office_requests.told(connection, message.id, request.get("notice_id"))
            if plan and plan.intent == Intent.FEEDBACK:
                message_log.record_verdict(connection, message, plan.entry)
            if sent.get("media_id") and given.get("pass_id"):
                passes.uploaded(connection, given["pass_id"], sent["media_id"])
        written = database.position()
    except DataUnavailable as error:
        observe.log().error("message not logged", message_id=message.id, error=str(error))
        return False
    cache().note_written(message.sender, written)
    if learnt and person.get("phone") != phone:
        cache().forget_person(message.sender)
    if plan and plan.next == Next.OFFICE and not is_told:
        promises.break_off(cache(), message, request)
    return True


def ready() -> None:
    """Connected to the primary."""
    from functions.adapters import database, message_log, passes  # noqa: F401

    database.ready(settings().database_writer_url)


warm.ahead(lambda: cache().ready(), ready)
