"""The date that the school goes by, and the age of what is cached: time that passes while everything runs."""

import json
from datetime import date, datetime, timedelta
from typing import Final

from functions.domain.school import School
from local.stack_client import Refused, StackClient

DAY: Final = 86_400  # seconds


def today(running: StackClient) -> date:
    return date.fromisoformat(running.world("GET", "/today")["today"])


def change_today(running: StackClient, day: date | None) -> str:
    """All functions start anew and go by that date; the school bills up to it. None: the real date again."""
    value = day.isoformat() if day else None
    found = running.world("PUT", "/today", {"today": value})["today"]
    running.lambdas("PUT", "/environment", {"SCHOOL_TODAY": value})
    age_accounts(running, DAY)
    return f"Today at school: {found}. Every function starts a new process."


def day_inside_a_term(school: School, day: date) -> date | None:
    """If `day` is in the holidays, when there are no gate passes: a day on which there are."""
    calendar = school.calendar
    return None if calendar.current(day) else calendar.billing(day).ends - timedelta(days=10)


def real_date(school: School) -> date:
    return datetime.now(school.timezone).date()


def age_accounts(running: StackClient, seconds: int) -> int:
    """Make the accounts in the cache older, as if that time had passed: they are then fetched anew. How many."""
    import redis

    cache = redis.Redis(port=running.plan.ports.redis, socket_timeout=2, decode_responses=True)
    aged = 0
    try:
        for name in cache.scan_iter("*:account:*"):
            value = json.loads(str(cache.get(name) or "{}"))
            if isinstance(value.get("at"), int | float):
                cache.set(name, json.dumps(value | {"at": value["at"] - seconds}), keepttl=True)
                aged += 1
    except redis.RedisError as error:
        raise Refused("Redis does not answer: there is no cache whose figures could grow old.") from error
    finally:
        cache.close()
    return aged
