"""The first look at a message: claims it, finds out who is writing, and decides what comes next."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from functions.adapters import clock, observability
from functions.adapters.cache.message_claims import Claim, Loaded, MessageClaims
from functions.domain import intents, memory
from functions.domain.conversation import (
    NextStep,
    Pending,
    Plan,
    ReplyType,
    add_to_request,
    decide,
    hand_over_urgently,
    wish_of,
)
from functions.domain.deliveries import WINDOW
from functions.domain.errors import DataUnavailable
from functions.domain.intents import Intent, Request
from functions.domain.memory import Turn
from functions.domain.messages import NOT_TOLD, REPEAT_AGE, Message
from functions.domain.people import Kind, Person
from functions.domain.phrases import Phrases
from functions.domain.school import School
from functions.services.account_lookup import MAX_WAIT, AccountLookup
from functions.services.common_questions import question_key
from functions.services.limits import DOCUMENTS, Limits
from functions.services.message_history import MessageHistory
from functions.services.sender_lookup import SenderLookup

ANSWER_LIFE = 600  # seconds after which the answer to a common question is made anew
CLOCK_SKEW = 60  # seconds that WhatsApp's clock may be ahead of ours
CLAIM_STEPS = {Claim.DONE: NextStep.DONE, Claim.BUSY: NextStep.BUSY}


@dataclass(frozen=True)
class IncomingMessage:
    """One message with what the state machine knows of it."""

    message: Message
    run: str  # name of the execution: its own second try finds its own claim
    queued_at: float | None = None  # Unix seconds
    looked_up: bool = False  # the school has just been asked about the students that the message names
    min_wal: str | None = None  # WAL position that the records of that look-up have
    receive_count: int = 1  # how often the queue has delivered it
    understood: Request | None = None  # what the model made of the words
    transcribed: bool = False  # the message is a voice note whose words are now known
    account: Mapping[str, Any] | None = None  # that this run has fetched already

    @classmethod
    def parse(cls, event: Mapping[str, Any]) -> "IncomingMessage":
        """From the state machine's JSON; InvalidRequest names the field."""
        sent_at = event.get("sent_at")
        return cls(
            Message.read(event.get("message")),
            str(event.get("run") or ""),
            int(sent_at) / 1000 if sent_at else None,
            bool(event.get("looked_up")),
            event.get("min_wal"),
            int(event.get("receive_count") or 1),
            Request.read(event.get("understood")),
            bool(event.get("transcribed")),
            event.get("account"),
        )


@dataclass(frozen=True)
class Understood:
    """What the state machine does next, and with what."""

    next: NextStep
    person: Person | None = None
    plan: Plan | None = None
    account: dict[str, Any] | None = None
    last_account: dict[str, Any] | None = None  # for when the school does not answer
    fetch: dict[str, Any] | None = None  # before the reply
    prefetch: dict[str, Any] | None = None  # after it, or beside the model's call
    answer: str | None = None  # to a common question
    refresh_answer: bool = False  # it is to be made anew after the reply
    question_key: str | None = None
    turns: tuple[Turn, ...] = ()  # the last of the conversation, the oldest first
    problem: str | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            **vars(self),
            "next": self.next.value,
            "person": self.person.as_json() if self.person else None,
            "plan": self.plan.as_json() if self.plan else None,
            "turns": [turn.as_json() for turn in self.turns],
        }


@dataclass(frozen=True)
class MessageHandler:
    """Every message passes here once; once more after a look-up at the school, and after the model named a wish."""

    claims: MessageClaims
    senders: SenderLookup
    accounts: AccountLookup
    limits: Limits
    history: MessageHistory
    school: School
    phrases: Phrases

    def handle(self, incoming: IncomingMessage) -> Understood:
        """What to do with the message."""
        message = incoming.message
        if incoming.queued_at:
            observability.record_duration("QueueWait", time.time() - incoming.queued_at)
        is_late = message.age(time.time()) > WINDOW.total_seconds()
        if is_late:
            is_late = not intents.is_consent_change(message.text, message.tap, self.phrases)
        if message.type == NOT_TOLD:
            return self._take_promise_back(incoming)
        if message.is_delivery_failure or is_late:
            return self._reopen(incoming)
        return self._understand(incoming)

    def _claimed(self, loaded: Loaded, incoming: IncomingMessage) -> NextStep | None:
        """DONE for a message that was answered, BUSY for one that another run has; None: it is this run's.

        The message log is asked whenever the claim does not prove that the message is new: it was delivered before, or
        it is older than what the cache holds, because the cache was emptied or is down. A message that was delivered
        before waits in the queue while neither can tell.
        """
        if step := CLAIM_STEPS.get(loaded.claim):
            return step
        message = incoming.message
        is_older = bool(message.timestamp) and message.timestamp < loaded.complete_since + CLOCK_SKEW
        is_unclaimed = is_older or loaded.claim == Claim.UNKNOWN  # no claim proves nothing
        is_repeated = incoming.receive_count > 1
        if not is_repeated and not is_unclaimed:
            return None
        was_answered = self.history.was_answered(message.id)
        if was_answered:
            self.claims.mark_done([message.id])
            return NextStep.DONE
        if was_answered is None and is_repeated and is_unclaimed:
            raise DataUnavailable("neither the cache nor the message log can tell whether it was answered")
        return None

    def _take_promise_back(self, incoming: IncomingMessage) -> Understood:
        """The office could not be notified after all: the parent is told how to reach it."""
        message = incoming.message
        promised = self.history.promised_in_vain(message.about or "")
        if promised is None:
            return Understood(NextStep.DONE)
        loaded = self.claims.claim_and_load(message.id, message.sender, "", incoming.run)
        if step := self._claimed(loaded, incoming):
            return Understood(step)
        person, urgent = promised
        return Understood(NextStep.SEND_REPLY, person, Plan(Intent.OFFICE, ReplyType.OFFICE_TOLD, urgent=urgent))

    def _reopen(self, incoming: IncomingMessage) -> Understood:
        """After 24 hours only an approved template may be sent: one, to those who want to be written to.

        After an outage a week's messages may arrive within a minute; one template a day answers all of them.
        """
        message, run = incoming.message, incoming.run
        if not message.is_delivery_failure:
            observability.count("TooLate")
            observability.logger().warning("message older than 24 hours", digest=observability.digest(message.id))
        if not self.school.templates.reopen or not self.history.may_be_written_to(message):
            return Understood(NextStep.DONE)
        loaded = self.claims.claim_and_load(message.id, message.sender, "", run)
        if step := self._claimed(loaded, incoming):
            return Understood(step)
        if not self.limits.is_first_template(message.sender, message.id, clock.now(self.school.timezone)):
            return Understood(NextStep.DONE)
        person = Person(Kind.UNSURE, message.phone, message.bsuid)
        return Understood(NextStep.SEND_REPLY, person, Plan(Intent.UNDELIVERED, ReplyType.REOPEN))

    def _understand(self, incoming: IncomingMessage) -> Understood:
        message, now = incoming.message, clock.now(self.school.timezone)
        question = question_key(message.text or "", now.date())
        loaded = self.claims.claim_and_load(message.id, message.sender, question, incoming.run, message.phone)
        if incoming.looked_up or incoming.understood or incoming.transcribed:  # the claim is ours since the first time
            loaded = replace(loaded, claim=Claim.NEW, min_wal=incoming.min_wal or loaded.min_wal)
        elif step := self._claimed(loaded, incoming):
            return Understood(step)
        person = replace(self.senders.find(message, loaded), profile_name=message.profile_name)
        pending = Pending.read(loaded.pending.value) if loaded.pending else None
        turns = memory.recall(loaded.turns, person)
        plan = decide(
            message,
            person,
            pending,
            self.school,
            now.date(),
            phrases=self.phrases,
            looked_up=incoming.looked_up,
            understood=incoming.understood,
            earlier=turns[-1] if turns else None,
            age=message.age(time.time()),
        )
        if self._is_for_the_office(message, person, plan, loaded):
            if not self._must_be_told_again(message, plan):
                return self._pass_on(message, person, plan, now)
            plan = hand_over_urgently(message)
        continues = bool(turns) and memory.may_continue(message.text or "", self.phrases)
        if not plan.urgent and not plan.sounds_urgent:
            is_own = continues and plan.intent == Intent.QUESTION  # the same words can mean something else after others
            if not is_own and self._was_answered_together(message, plan):
                return Understood(NextStep.RECORD_CONVERSATION, person, plan)
            plan = self.limits.limit_replies(plan, person, message.id, loaded.replies, now)
        observability.logger().info(
            "understood",
            digest=observability.digest(message.id),
            execution=incoming.run.rpartition(":")[2],
            intent=plan.intent.value,
            reply_type=plan.reply_type.value,
        )
        if plan.quiet:
            return Understood(plan.next, person, plan)
        if continues:  # to someone else it means something else
            question, loaded = "", replace(loaded, answer=None)
        # A whole question is answered as if it came first: its answer is then good for everyone.
        found = Understood(plan.next, person, plan, turns=turns if continues else ())
        return self._complete(found, plan, person, question, loaded, incoming, now)

    def _is_for_the_office(self, message: Message, person: Person, plan: Plan, loaded: Loaded) -> bool:
        """Whether a person at the office answers this; STOP, START and staff are obeyed all the same."""
        is_office = person.phone is not None and person.phone == self.school.office.whatsapp
        if is_office or plan.intent in (Intent.OPT_OUT, Intent.OPT_IN, Intent.STAFF):
            return False
        unknown = loaded.claim == Claim.UNKNOWN
        return loaded.is_handed_to_office or (unknown and self.history.is_handed_to_office(message))

    def _pass_on(self, message: Message, person: Person, plan: Plan, now: datetime) -> Understood:
        """No answer; to an office with a number of its own the words are passed on."""
        if plan.intent == Intent.FEEDBACK:
            return Understood(NextStep.RECORD_CONVERSATION, person, plan)
        office = self.school.office
        if office.coexistence or not office.whatsapp or not self.limits.may_add(person, now):
            return Understood(NextStep.RECORD_CONVERSATION, person)
        plan = add_to_request(message)
        return Understood(plan.next, person, plan)

    def _must_be_told_again(self, message: Message, plan: Plan) -> bool:
        """Whether the office hears of a danger now, in a conversation that it has for something else."""
        sounds_urgent = plan.sounds_urgent or plan.urgent
        return sounds_urgent and not self.history.has_urgent_request(message)

    def _was_answered_together(self, message: Message, plan: Plan) -> bool:
        """Whether it waited while an earlier message was answered that wants the same: five "hi" get one menu."""
        wish = wish_of(plan) if message.age(time.time()) > REPEAT_AGE else None
        answered_at = self.claims.answered_at(message.sender, wish) if wish else None
        if answered_at is None or message.age(answered_at) <= REPEAT_AGE:
            return False
        observability.count("AnsweredTogether")
        return True

    def _complete(
        self,
        found: Understood,
        plan: Plan,
        person: Person,
        question: str,
        loaded: Loaded,
        incoming: IncomingMessage,
        now: datetime,
    ) -> Understood:
        """Add what the next step needs: a place in the day's limits, a common answer, the account."""
        if plan.next == NextStep.FIND_STUDENT:
            plan, problem = self.limits.limit_look_ups(plan, person, now)
            found = replace(found, next=plan.next, plan=plan, problem=problem)
        if plan.next == NextStep.TRANSCRIBE:
            plan = self.limits.limit_voice_notes(plan, person, now)
            found = replace(found, next=plan.next, plan=plan)
        if plan.sounds_urgent:
            if not self.limits.may_ask_model(person, now):
                plan = hand_over_urgently(incoming.message)
            return replace(found, next=plan.next, plan=plan)
        if plan.next == NextStep.AI_REPLY:
            found = self._with_common_answer(found, plan, person, question, loaded, now)
            if not found.answer:
                plan = self.limits.limit_questions(plan, person, incoming.message.id, now)
                found = replace(found, next=plan.next, plan=plan)
            if found.next == NextStep.AI_REPLY and person.kind == Kind.REGISTERED and not plan.personal:
                found = replace(found, prefetch=self._fetch_beside(person, now))
        elif plan.reply_type in DOCUMENTS:
            plan = self.limits.limit_documents(plan, person, incoming.message.id, now)
            found = replace(found, next=plan.next, plan=plan)
        if plan.needs_account:
            found = self._with_account(found, plan, incoming.account)
        elif plan.prefetch:
            found = replace(found, prefetch=self.accounts.find(_ids(plan), plan.term or "", max_wait=0).fetch)
        return found

    def _fetch_beside(self, person: Person, now: datetime) -> dict[str, Any] | None:
        """What to fetch while the model reads, in case it understands a balance; None where all of it is cached."""
        ids = [student.id for student in person.students]
        return self.accounts.find(ids, self.school.calendar.billing(now.date()).code, max_wait=0).fetch

    def _with_common_answer(
        self, found: Understood, plan: Plan, person: Person, question: str, loaded: Loaded, now: datetime
    ) -> Understood:
        """The answer to one of the school's own questions, or one that someone else got today, where there is one."""
        if plan.personal:
            return found
        if question and (entry := self.school.knowledge.asked_exactly(plan.question or "")):
            observability.count("AnsweredWithoutModel")
            return replace(found, next=NextStep.SEND_REPLY, answer=entry.answer)
        found = replace(found, question_key=question or None)
        cached = loaded.answer
        observability.count("CacheHits" if cached else "CacheMisses")
        if not cached:
            return found
        is_old = not cached.is_fresh(ANSWER_LIFE) and self.limits.may_ask_model(person, now)
        return replace(found, next=NextStep.SEND_REPLY, answer=str(cached.value), refresh_answer=is_old)

    def _with_account(self, found: Understood, plan: Plan, known: Mapping[str, Any] | None) -> Understood:
        """The account, or the fetch to make first, or a dated one, or an apology.

        A gate pass is never decided on old figures. A question is answered without figures, as when the school is down.
        """
        if known and known.get("term") == plan.term and set(_ids(plan)) <= set(known.get("bills") or ()):
            return replace(found, account=dict(known))
        result = self.accounts.find(_ids(plan), plan.term or "", MAX_WAIT)
        last = None if plan.next == NextStep.GATE_PASS else result.last
        if result.account or result.fetch:
            return replace(found, account=result.account, fetch=result.fetch, last_account=last)
        if last or plan.next == NextStep.AI_REPLY:
            return replace(found, account=last)
        return replace(found, next=NextStep.SEND_REPLY, problem="school_busy")


def _ids(plan: Plan) -> list[str]:
    return [student.id for student in plan.students]
