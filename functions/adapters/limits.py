"""What strangers may ask in a day; parents are not counted."""

from dataclasses import replace
from datetime import datetime

from functions.adapters import memory
from functions.adapters.cache import Cache
from functions.domain.conversation import Next, Plan, Say
from functions.domain.people import Kind, Person
from functions.domain.school import School

LOOK_UPS_A_DAY = 5


def questions(cache: Cache, plan: Plan, person: Person, now: datetime, school: School, *, answered: bool) -> Plan:
    """Strangers may ask the AI some questions a day; an answer from the cache costs nothing and does not count."""
    if answered or person.kind not in (Kind.VISITOR, Kind.NO_NUMBER):
        return plan
    asked = cache.count_question(person.key, now.date().isoformat())
    if asked is None:
        asked = memory.questions_today(person.key, now) + 1
    if asked > school.visitor_daily_limit:
        return replace(plan, say=Say.QUESTION_LIMIT, next=Next.REPLY)
    return plan


def look_up(cache: Cache, plan: Plan, person: Person, now: datetime, calls_per_minute: int) -> tuple[Plan, str | None]:
    """Strangers may name a few students a day, so that none is found by trying; past that the answer is the same."""
    count = len(plan.look_up)
    named = cache.count_look_ups(person.key, now.date().isoformat(), count)
    if named is None:
        named = memory.look_ups_today(person.key, now) + count
    if named > LOOK_UPS_A_DAY:
        return replace(plan, next=Next.REPLY), None
    turn = cache.take_turn(count, calls_per_minute, 0)
    return plan, "school_busy" if turn is None else None
