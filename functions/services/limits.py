"""What people without a registered number may ask for in a day. Parents are not counted."""

from dataclasses import dataclass, replace
from datetime import datetime

from functions.adapters.cache.rate_limit import DailyCounter, RateLimit
from functions.domain.conversation import NextStep, Plan, ReplyType
from functions.domain.intents import Intent
from functions.domain.people import Kind, Person
from functions.domain.school import School
from functions.services.message_history import MessageHistory

LOOK_UPS_A_DAY = 5


@dataclass(frozen=True)
class Limits:
    """Counts in the cache; in the message log while the cache is down."""

    counter: DailyCounter
    rate_limit: RateLimit
    history: MessageHistory
    school: School

    def limit_questions(self, plan: Plan, person: Person, now: datetime) -> Plan:
        """The plan, or a polite refusal past the day's limit of questions to the model."""
        if person.kind not in (Kind.VISITOR, Kind.NO_NUMBER):
            return plan
        asked = self.counter.add("questions", person.key, now.date().isoformat())
        if asked is None:
            asked = self.history.count_today(person.key, Intent.QUESTION, now) + 1
        if asked > self.school.visitor_daily_limit:
            return replace(plan, reply_type=ReplyType.QUESTION_LIMIT, next=NextStep.SEND_REPLY)
        return plan

    def limit_look_ups(self, plan: Plan, person: Person, now: datetime) -> tuple[Plan, str | None]:
        """The plan and a problem, if any. Past the limit the reply is the same as for an unknown student.

        So nobody finds a student by trying numbers.
        """
        count = len(plan.look_up)
        named = self.counter.add("look-ups", person.key, now.date().isoformat(), count)
        if named is None:
            named = self.history.count_today(person.key, Intent.LOOK_UP, now) + count
        if named > LOOK_UPS_A_DAY:
            return replace(plan, next=NextStep.SEND_REPLY), None
        if self.rate_limit.reserve(count, max_wait=0) is None:
            return replace(plan, next=NextStep.SEND_REPLY), "school_busy"
        return plan, None
