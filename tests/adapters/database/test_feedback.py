"""Ratings: the last one of each person about each reply counts, once."""

import json

import pytest

from functions import dependencies
from functions.adapters import observability
from functions.adapters.database.feedback import Feedback
from tests.adapters.database.conftest import BSUID, MOMENT
from tests.conftest import Database as Tables


def rate(event_id: str, rating: str | None, timestamp: int = MOMENT, about: str = "wamid.reply") -> None:
    with dependencies.primary().writer() as connection:
        Feedback(connection).record(event_id, about=about, sender=BSUID, rating=rating, timestamp=timestamp)


def counted(capsys: pytest.CaptureFixture[str]) -> dict[str, float]:
    """What was counted of each metric since the last look."""
    observability.flush()
    totals: dict[str, float] = {}
    for line in capsys.readouterr().out.splitlines():
        for name, value in json.loads(line).items():
            if name.startswith("Feedback"):
                totals[name] = totals.get(name, 0) + sum(value)
    return totals


def test_rating_is_recorded_once_however_often_it_is_delivered(
    tables: Tables, capsys: pytest.CaptureFixture[str]
) -> None:
    rate("wamid.1", "up")
    rate("wamid.1", "up")
    rows = tables.run("SELECT about, sender, verdict FROM feedback")
    assert [dict(row) for row in rows] == [{"about": "wamid.reply", "sender": BSUID, "verdict": "up"}]
    assert counted(capsys) == {"FeedbackUp": 1, "FeedbackDown": 0}


def test_changed_rating_moves_the_count(tables: Tables, capsys: pytest.CaptureFixture[str]) -> None:
    rate("wamid.1", "up")
    rate("wamid.2", "down", MOMENT + 1)
    assert counted(capsys) == {"FeedbackUp": 0, "FeedbackDown": 1}
    rate("wamid.3", None, MOMENT + 2)  # taken back
    assert counted(capsys) == {"FeedbackUp": 0, "FeedbackDown": -1}
    assert tables.value("SELECT count(*) FROM feedback") == 3


def test_earlier_rating_that_arrives_late_counts_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    rate("wamid.2", "down", MOMENT + 1)
    rate("wamid.1", "up")
    assert counted(capsys) == {"FeedbackUp": 0, "FeedbackDown": 1}


def test_replies_are_rated_separately(capsys: pytest.CaptureFixture[str]) -> None:
    rate("wamid.1", "up")
    rate("wamid.2", "up", about="wamid.another reply")
    assert counted(capsys) == {"FeedbackUp": 2, "FeedbackDown": 0}
