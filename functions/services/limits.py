"""What one person may have in a day. What is over gets one sentence, and then nothing."""

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from functions.adapters import observability
from functions.adapters.cache.rate_limit import DailyCounter, RateLimit
from functions.domain.conversation import NextStep, Plan, ReplyType
from functions.domain.intents import Intent
from functions.domain.people import Kind, Person
from functions.domain.school import School
from functions.domain.voice_notes import NotHeard
from functions.services.message_history import MessageHistory

LOOK_UPS_A_DAY: Final = 5
VOICE_NOTES_A_DAY: Final = 20  # of anybody: each costs a transcription
ADDITIONS_A_DAY: Final = 50  # what one parent writes while the office has the conversation
DOCUMENTS: Final = frozenset({ReplyType.STATEMENT, ReplyType.GATE_PASS})
_OVER: Final = {
    ReplyType.QUESTION_LIMIT: "questions",
    ReplyType.DOCUMENT_LIMIT: "documents",
    ReplyType.REPLY_LIMIT: "replies",
}


@dataclass(frozen=True)
class Limits:
    """Counts in the cache; in the message log while the cache is down; in this process while both are."""

    counter: DailyCounter
    rate_limit: RateLimit
    history: MessageHistory
    school: School
    _own: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    def limit_replies(self, plan: Plan, person: Person, message_id: str, replies: int | None, now: datetime) -> Plan:
        """The plan, or a refusal for someone who has had the day's replies. STOP and START are recorded all the same.

        `replies`: that this person has had today; None when the cache cannot tell.
        """
        if self.school.office.is_staff(person.phone):
            return plan
        if replies is None:
            own = self._count_here("replies", person, now, 1) - 1
            replies = max(self.history.replies_today(person.key, now), own)
        over = replies - self.school.daily_limits.replies
        return plan if over < 0 else self._refuse(plan, ReplyType.REPLY_LIMIT, person, message_id, over, now)

    def limit_questions(self, plan: Plan, person: Person, message_id: str, now: datetime) -> Plan:
        """The plan, or a refusal past the day's calls of the model."""
        over = self._question_number(person, now) - self._questions(person) - 1
        return plan if over < 0 else self._refuse(plan, ReplyType.QUESTION_LIMIT, person, message_id, over, now)

    def may_ask_model(self, person: Person, now: datetime) -> bool:
        """Whether the model may be called once more for this person, where nobody is refused an answer: counted too."""
        return self._question_number(person, now) <= self._questions(person)

    def limit_documents(self, plan: Plan, person: Person, message_id: str, now: datetime) -> Plan:
        """The plan, or a refusal past the day's statements and gate passes."""
        number = self._count("documents", person, now, (Intent.STATEMENT, Intent.GATE_PASS))
        over = number - self.school.daily_limits.documents - 1
        return plan if over < 0 else self._refuse(plan, ReplyType.DOCUMENT_LIMIT, person, message_id, over, now)

    def limit_voice_notes(self, plan: Plan, person: Person, now: datetime) -> Plan:
        """The plan, or a line that asks to type past the day's limit. Without the cache nobody is counted."""
        sent = self.counter.add("voice", person.key, now.date().isoformat())
        if sent is not None and sent > VOICE_NOTES_A_DAY:
            return replace(plan, kind=NotHeard.LIMIT.value, next=NextStep.SEND_REPLY)
        return plan

    def limit_look_ups(self, plan: Plan, person: Person, now: datetime) -> tuple[Plan, str | None]:
        """The plan and a problem, if any. Past the limit the reply is the same as for an unknown student.

        So nobody finds a student by trying numbers.
        """
        count = len(plan.look_up)
        if self._count("look-ups", person, now, (Intent.LOOK_UP,), count) > LOOK_UPS_A_DAY:
            return replace(plan, next=NextStep.SEND_REPLY), None
        if self.rate_limit.reserve(count, max_wait=0) is None:
            return replace(plan, next=NextStep.SEND_REPLY), "school_busy"
        return plan, None

    def may_add(self, person: Person, now: datetime) -> bool:
        """Whether the office is to read one more message of a conversation that it has."""
        return self._count("additions", person, now, (Intent.OFFICE,)) <= ADDITIONS_A_DAY

    def is_first_template(self, sender: str, message_id: str, now: datetime) -> bool:
        """Whether this message is the one of the day that is answered with a template."""
        return self.counter.is_first("reopen", sender, now.date().isoformat(), message_id) is not False

    def _questions(self, person: Person) -> int:
        limits = self.school.daily_limits
        return limits.questions if person.kind in (Kind.REGISTERED, Kind.UNSURE) else limits.visitor_questions

    def _question_number(self, person: Person, now: datetime) -> int:
        return self._count("questions", person, now, (Intent.QUESTION,))

    def _count(self, name: str, person: Person, now: datetime, intents: tuple[Intent, ...], amount: int = 1) -> int:
        """How many there are today, with this one."""
        counted = self.counter.add(name, person.key, now.date().isoformat(), amount)
        if counted is not None:
            return counted
        own = self._count_here(name, person, now, amount)
        return max(self.history.count_today(person.key, intents, now) + amount, own)

    def _count_here(self, name: str, person: Person, now: datetime, amount: int) -> int:
        self._own[name, person.key, now.date().isoformat()] += amount
        return self._own[name, person.key, now.date().isoformat()]

    def _refuse(
        self, plan: Plan, reply_type: ReplyType, person: Person, message_id: str, over: int, now: datetime
    ) -> Plan:
        """One sentence, then nothing. `over`: how many of these were refused before, for when the cache is down."""
        name, day = _OVER[reply_type], now.date().isoformat()
        observability.count_by("DailyLimitReached", limit=name)
        is_first = self.counter.is_first(f"{name}-limit", person.key, day, message_id)
        quiet = over > 0 if is_first is None else not is_first
        if plan.next == NextStep.RECORD_CONSENT:
            return replace(plan, quiet=quiet)
        step = NextStep.RECORD_CONVERSATION if quiet else NextStep.SEND_REPLY
        return replace(
            plan, reply_type=reply_type, next=step, quiet=quiet, needs_account=False, prefetch=False, pending=None
        )
