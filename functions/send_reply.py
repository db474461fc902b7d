"""Turns the reply into WhatsApp's format and sends it. The only sender."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from functions.adapters import clock, files, observe, warm
from functions.adapters.school_config import school
from functions.adapters.settings import from_environment
from functions.adapters.whatsapp import Sent, WhatsApp
from functions.domain import wording
from functions.domain.accounts import Account
from functions.domain.conversation import Plan, Say
from functions.domain.errors import Undeliverable
from functions.domain.inbound import OFFICE_NOTICE, Message
from functions.domain.people import Kind, Person
from functions.domain.replies import Document, Reply, Template
from functions.domain.whatsapp_codes import WINDOW_CLOSED


@dataclass(frozen=True)
class Settings:
    whatsapp_api_url: str
    whatsapp_phone_number_id: str
    access_token_name: str
    documents_bucket: str


@cache
def settings() -> Settings:
    return from_environment(Settings)


@cache
def whatsapp() -> WhatsApp:
    return WhatsApp(settings().whatsapp_api_url, settings().whatsapp_phone_number_id, settings().access_token_name)


@observe.measured
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """`{"message", "person", "plan", "account", "gate_pass", "answer", "problem", …}` -> `{"status", "reply_id"}`.

    `undeliverable` where this person cannot be reached for good; every other failure is raised.
    """
    message = Message.read(event.get("message"))
    turn = turn_of(event, message)
    now = clock.now(school().timezone)
    reply = wording.template_for(turn, school()) if event.get("template") else wording.compose(turn, school(), now)
    try:
        sent = deliver(turn, reply, message)
    except Undeliverable as error:
        observe.count_by("Undeliverable", code=str(error.code))
        return {"status": "undeliverable", "code": error.code}
    measure(turn, message, sent)
    return {
        "status": "sent",
        "reply_id": sent.reply_id,
        "messages": sent.messages,
        "media_id": sent.media_id,
        "degraded": sent.degraded,
        "sent_at": int(time.time()),
    }


def deliver(turn: wording.Turn, reply: Reply | None, message: Message) -> Sent:
    """Send it where the message came from, or to the office; when 24 hours are over, what WhatsApp has approved."""
    to, about = Person(turn.person.kind, message.phone, message.bsuid), message.id
    if turn.plan.say == Say.OFFICE_NOTICE:
        to, about = Person(Kind.VISITOR, school().office.whatsapp, None), f"{message.id}{OFFICE_NOTICE}"
    template = wording.template_for(turn, school())
    if reply is None:
        raise Undeliverable("no approved template", WINDOW_CLOSED)
    try:
        return whatsapp().send(reply, to, about, lambda: file_of(reply))
    except Undeliverable as error:
        if error.code != WINDOW_CLOSED or template is None or isinstance(reply, Template):
            raise
        return whatsapp().send(template, to, about, lambda: file_of(template))


def measure(turn: wording.Turn, message: Message, sent: Sent) -> None:
    """How long the parent waited, by intent, and what it cost."""
    took = max(time.time() - message.timestamp, 0) if message.timestamp else 0
    if turn.plan.say not in (Say.OFFICE_NOTICE, Say.RECEIPT, Say.REOPEN):
        observe.took("ResponseTime", took, intent=turn.plan.intent.value)
    observe.count("Apologies" if wording.is_apology(turn) else "Replies")
    observe.count("RepliesAccepted", sent.messages)
    observe.log().info("answered", message_id=message.id, say=turn.plan.say.value, seconds=round(took, 2))


def turn_of(event: Mapping[str, Any], message: Message) -> wording.Turn:
    """All that was found out for this turn. Without a plan something broke before one was made: an apology."""
    account, problem, plan = event.get("account"), event.get("problem"), event.get("plan")
    return wording.Turn(
        plan=Plan.read(plan) if plan else wording.NO_PLAN,
        person=Person.read(event["person"])
        if event.get("person")
        else Person(Kind.UNSURE, message.phone, message.bsuid),
        account=Account.read(account) if account else None,
        gate_pass=event.get("gate_pass"),
        answer=event.get("answer"),
        problem=wording.Problem(problem) if problem else None,
        message_id=message.id,
        request=event.get("request"),
        payment=event.get("payment"),
    )


def file_of(reply: Reply) -> bytes:
    """The bytes of a document: stored by gate_pass, or drawn now."""
    if not isinstance(reply, Document):
        raise TypeError(f"a {type(reply).__name__} has no file")
    if reply.statement:
        from functions.adapters.documents.statement import statement_pdf

        return statement_pdf(reply.statement)
    return files.get(settings().documents_bucket, reply.file_key or "")


warm.ahead(school, lambda: whatsapp().ready())
