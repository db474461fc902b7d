"""After the reply: the cache, the message log, the contact, and the claim."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from functions.adapters import observability
from functions.adapters.cache.message_claims import MessageClaims
from functions.adapters.cache.sender_cache import SenderCache
from functions.adapters.database.connection import Database
from functions.adapters.database.contacts import Contacts
from functions.adapters.database.feedback import Feedback
from functions.adapters.database.gate_passes import GatePasses
from functions.adapters.database.message_log import MessageLog, outcome
from functions.adapters.database.office_requests import OfficeRequests
from functions.adapters.database.staff_actions import StaffActions
from functions.domain import memory
from functions.domain.conversation import NextStep, Plan, ReplyType, wish_of
from functions.domain.errors import DataUnavailable
from functions.domain.intents import Intent
from functions.domain.memory import Turn
from functions.domain.messages import REPEAT_AGE, Message
from functions.domain.people import Person
from functions.domain.phrases import Phrases
from functions.services.account_lookup import fetched_at, to_cache

NOT_REMEMBERED = (Intent.OFFICE, Intent.OPT_OUT, Intent.FEEDBACK, Intent.STAFF, Intent.UNDELIVERED)
MUST_BE_LOGGED = (Intent.OPT_OUT, Intent.OPT_IN, Intent.FEEDBACK)  # only the database holds what they say


@dataclass(frozen=True)
class Conversation:
    """One message and all that its run found, sent and learnt."""

    message: Message
    plan: Plan | None
    person: Mapping[str, Any]
    sent: Mapping[str, Any]
    account: Mapping[str, Any] | None  # only one that was fetched in this run
    gate_pass: Mapping[str, Any]
    request: Mapping[str, Any]  # to the office; or what a command of staff has done
    answer: str | None  # of the model or the knowledge
    common_answer: tuple[str, str] | None  # key of a common question and its answer
    is_apology: bool

    @property
    def is_notified(self) -> bool:
        """Whether the office has been told of a request with this message."""
        return bool(self.request.get("notified")) and not (self.plan and self.plan.addition)

    @property
    def is_handed_over(self) -> bool:
        """Whether a person at the office answers from now on. With a proof of payment the assistant goes on."""
        return self.is_notified and not (self.plan and self.plan.intent == Intent.PROOF)

    @classmethod
    def parse(cls, event: Mapping[str, Any]) -> "Conversation":
        """From the state machine's variables; InvalidRequest names the field."""
        is_common = event.get("question_key") and event.get("cacheable")
        return cls(
            message=Message.read(event.get("message")),
            plan=Plan.read(event["plan"]) if event.get("plan") else None,
            person=event.get("person") or {},
            sent=event.get("sent") or {},
            account=event.get("account") if event.get("fetched") else None,
            gate_pass=event.get("gate_pass") or {},
            request=event.get("request") or {},
            answer=event.get("answer"),
            common_answer=(event["question_key"], event["answer"]) if is_common else None,
            is_apology=bool(event.get("problem")),
        )


@dataclass(frozen=True)
class ConversationRecorder:
    """Writes both stores; one of them may be down."""

    claims: MessageClaims
    senders: SenderCache
    database: Database
    phrases: Phrases

    def record(self, conversation: Conversation) -> dict[str, bool]:
        """`{"cached", "logged"}`.

        Raises DataUnavailable when neither store could be written, or not the one that alone holds what was said.
        """
        cached = self._cache(conversation)
        logged = self._log(conversation)
        plan = conversation.plan
        if not logged and (not cached or (plan and plan.intent in MUST_BE_LOGGED)):
            raise DataUnavailable("the conversation could not be recorded")
        return {"cached": cached, "logged": logged}

    def _cache(self, conversation: Conversation) -> bool:
        """The claim as done, the account, a common answer, what we asked back, what is remembered of it."""
        plan, account, answer = conversation.plan, conversation.account, conversation.common_answer
        turn = turn_of(conversation, self.phrases)
        if conversation.is_handed_over:
            self.senders.set_handed_to_office(conversation.message.sender, handed=True)
        return self.claims.finish(
            conversation.message.id,
            sender=conversation.message.sender,
            pending=plan.pending.as_json() if plan and plan.pending else None,
            turn=turn.as_json() if turn else None,
            forget_turns=is_forgotten(conversation),
            values=({("answer", answer[0]): answer[1]} if answer else {}) | _answered_wish(conversation),
            term=str(account["term"]) if account else "",
            accounts=to_cache(account) if account else None,
            fetched_at=fetched_at(account),
            replies=int(conversation.sent.get("messages") or 0),
        )

    def _log(self, conversation: Conversation) -> bool:
        """The message log, the contact, the pass's upload. The sender's next read sees them."""
        message, plan, request = conversation.message, conversation.plan, conversation.request
        phone = message.shared_phone or message.phone
        is_notified, learnt = False, False
        try:
            with self.database.writer() as connection:
                self._log_message(MessageLog(connection), conversation)
                if not message.is_delivery_failure:
                    learnt = Contacts(connection).record(message, phone)
                if conversation.is_notified:
                    requests = OfficeRequests(connection)
                    is_notified = requests.record_notified(message.id, request.get("notification_id"))
                if request.get("delivered"):
                    StaffActions(connection).record_delivered(message.id, request["delivered"])
                if plan and plan.intent == Intent.FEEDBACK:
                    Feedback(connection).record(
                        message.id,
                        about=message.about,
                        sender=message.sender,
                        rating=plan.entry,
                        timestamp=message.timestamp,
                    )
                if conversation.sent.get("media_id") and conversation.gate_pass.get("pass_id"):
                    passes = GatePasses(connection)
                    passes.record_upload(conversation.gate_pass["pass_id"], conversation.sent["media_id"])
            position = self.database.wal_position()
        except DataUnavailable as error:
            digest = observability.digest(message.id)
            observability.logger().error("message not logged", digest=digest, error=str(error))
            return False
        self.senders.require_wal(message.sender, position)
        if learnt and conversation.person.get("phone") != phone:
            self.senders.forget_person(message.sender)
        if plan and plan.next == NextStep.OPEN_OFFICE_REQUEST and not plan.addition and not is_notified:
            self._take_back(message, request)
        return True

    def _log_message(self, log: MessageLog, conversation: Conversation) -> None:
        message, plan = conversation.message, conversation.plan
        values = outcome(plan.intent.value if plan else None, conversation.sent, apology=conversation.is_apology)
        log.record(message.id, values, sender=message.sender, type=message.type, timestamp=message.timestamp)

    def _take_back(self, message: Message, request: Mapping[str, Any]) -> None:
        """The office was not notified: an operator must see to it that it can be."""
        observability.count("OfficeNotTold")
        if request.get("notified"):  # WhatsApp accepted the notification and failed to deliver it meanwhile
            self.senders.set_handed_to_office(message.sender, handed=False)


def is_forgotten(conversation: Conversation) -> bool:
    """Whether nothing may be kept of what was said: after STOP, and of someone handed to the office."""
    plan = conversation.plan
    return plan is None or plan.intent == Intent.OPT_OUT or plan.addition or conversation.is_handed_over


def turn_of(conversation: Conversation, phrases: Phrases) -> Turn | None:
    """What is kept of a message that was answered; None for nothing.

    The text of an answer is kept unless figures of a child were given for it.
    """
    plan, asked = conversation.plan, memory.shortened(conversation.message.text or "")
    was_answered = conversation.sent.get("status") == "sent" and not conversation.is_apology
    if plan is None or not asked or not was_answered or plan.intent in NOT_REMEMBERED or not conversation.person:
        return None
    if memory.has_code(asked, phrases):
        return None
    is_text = plan.reply_type == ReplyType.ANSWER and not plan.personal
    answer = memory.shortened(conversation.answer or "") if is_text else ""
    return Turn(
        asked,
        memory.QUESTION_BACK if answer.endswith("?") else plan.reply_type.value,
        answer,
        tuple(student.id for student in plan.students),
        plan.term,
        memory.family_of(Person.read(conversation.person)),
    )


def _answered_wish(conversation: Conversation) -> dict[tuple[str, ...], object]:
    """For messages that want the same and wait behind this one: only one that waited itself can have any."""
    message, plan, sent = conversation.message, conversation.plan, conversation.sent
    wish = wish_of(plan) if plan and sent.get("status") == "sent" else None
    sent_at = float(sent.get("sent_at") or 0)
    if not wish or message.age(sent_at) <= REPEAT_AGE:
        return {}
    return {("answered", message.sender, wish): sent_at}
