"""The time, in one place, so that the local stack can show any school day."""

import os
from datetime import date, datetime
from zoneinfo import ZoneInfo


def now(timezone: ZoneInfo) -> datetime:
    """This moment in the school's time zone. `SCHOOL_TODAY` (local stack only) replaces the date, not the time."""
    moment = datetime.now(timezone)
    if pretended := os.environ.get("SCHOOL_TODAY"):
        day = date.fromisoformat(pretended)
        return moment.replace(year=day.year, month=day.month, day=day.day)
    return moment
