"""Composes the reply to the person who wrote, and sends it."""

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from functions.adapters import clock, observability
from functions.adapters.document_store import DocumentStore
from functions.domain import wording
from functions.domain.accounts import Account
from functions.domain.conversation import Plan, ReplyType
from functions.domain.errors import ReplyNotComposed
from functions.domain.messages import Message
from functions.domain.people import Kind, Person
from functions.domain.replies import Document, Reply
from functions.domain.school import School
from functions.services.outbound import Outbound


@dataclass(frozen=True)
class ReplyRequest:
    """All that was found out for one reply. Without a plan something failed before one was made: an apology."""

    message: Message
    turn: wording.Turn
    parts_sent: int = 0  # of a long text, by an earlier try
    reply_id: str | None = None  # of the first of them

    @classmethod
    def parse(cls, event: Mapping[str, Any]) -> "ReplyRequest":
        """From `{"message", "person", "plan", "account", "gate_pass", "answer", "problem", "heard", "sent", …}`.

        `sent`: what an earlier try returned, if the reply was not sent whole.
        """
        message = Message.read(event.get("message"))
        account, problem, plan, person = (event.get(name) for name in ("account", "problem", "plan", "person"))
        turn = wording.Turn(
            plan=Plan.read(plan) if plan else wording.NO_PLAN,
            person=Person.read(person) if person else Person(Kind.UNSURE, message.phone, message.bsuid),
            account=Account.read(account) if account else None,
            gate_pass=event.get("gate_pass"),
            answer=event.get("answer"),
            problem=wording.Problem(problem) if problem else None,
            message_id=message.id,
            heard=event.get("heard"),
            request=event.get("request"),
            age=message.age(time.time()),
        )
        sent = event.get("sent") or {}
        return cls(message, turn, int(sent.get("parts_sent") or 0), sent.get("reply_id"))


@dataclass(frozen=True)
class ReplySender:
    """The words are in `domain/wording.py`."""

    outbound: Outbound
    documents: DocumentStore
    school: School

    def send(self, request: ReplyRequest) -> dict[str, Any]:
        """Answer the person; returns what `Outbound.send` does.

        Raises ReplyNotComposed when something of ours failed before anything was sent. After WhatsApp has accepted the
        reply nothing is raised: the reply would be sent again.
        """
        turn, message = request.turn, request.message
        try:
            reply = wording.compose(turn, self.school, clock.now(self.school.timezone))
            template = wording.reply_template(turn, self.school)
        except Exception as error:
            raise ReplyNotComposed(type(error).__name__) from error
        to = Person(turn.person.kind, message.phone, message.bsuid)
        if message.is_delivery_failure:  # of another message: its person is to be told
            to = turn.person
        sent = self.outbound.send(
            reply, template, to, message.id, file=lambda: self._file(reply), parts_sent=request.parts_sent
        )
        if request.reply_id:
            sent["reply_id"] = request.reply_id
        if sent["status"] == "sent":
            with suppress(Exception):
                _record_reply(turn, message)
        return sent

    def _file(self, reply: Reply) -> bytes:
        """The bytes of a document: stored by `gate_pass`, or drawn now."""
        if not isinstance(reply, Document):
            raise TypeError(f"a {type(reply).__name__} has no file")
        if reply.statement:
            from functions.adapters.documents.statement import statement_pdf

            try:
                return statement_pdf(reply.statement)
            except Exception as error:
                raise ReplyNotComposed(type(error).__name__) from error
        return self.documents.get(reply.file_key or "")

    def prewarm(self) -> None:
        """Fetch the access token."""
        self.outbound.prewarm()


def _record_reply(turn: wording.Turn, message: Message) -> None:
    """How long the parent waited, by intent."""
    waited = message.age_in_seconds(time.time())
    if turn.plan.reply_type != ReplyType.REOPEN:
        observability.record_duration("ResponseTime", waited, intent=turn.plan.intent.value)
    observability.count("Apologies" if wording.is_apology(turn) else "Replies")
    observability.logger().info(
        "answered",
        digest=observability.digest(message.id),
        reply_type=turn.plan.reply_type.value,
        seconds=round(waited, 2),
    )
