"""One day everywhere: the school's, not the server's."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from functions.adapters import clock


@pytest.fixture(autouse=True)
def _real_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SCHOOL_TODAY", raising=False)


def at(monkeypatch: pytest.MonkeyPatch, moment: datetime) -> None:
    """The moment that the machine's clock shows."""

    class Clock(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return moment.astimezone(tz)  # type: ignore[arg-type]

    monkeypatch.setattr(clock, "datetime", Clock)


@pytest.mark.parametrize(
    ("zone", "day"),
    [("Africa/Harare", date(2026, 5, 1)), ("Europe/Berlin", date(2026, 5, 1)), ("UTC", date(2026, 4, 30))],
)
def test_an_hour_before_midnight_in_greenwich_is_the_next_day_in_harare(
    monkeypatch: pytest.MonkeyPatch, zone: str, day: date
) -> None:
    at(monkeypatch, datetime(2026, 4, 30, 23, 0, tzinfo=UTC))
    assert clock.now(ZoneInfo(zone)).date() == day


def test_a_day_that_is_set_keeps_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    at(monkeypatch, datetime(2026, 4, 30, 23, 0, tzinfo=UTC))
    monkeypatch.setenv("SCHOOL_TODAY", "2026-11-23")
    now = clock.now(ZoneInfo("Africa/Harare"))
    assert (now.date(), now.hour, now.utcoffset()) == (date(2026, 11, 23), 1, timedelta(hours=2))
