"""Where the time of a run went."""

from typing import Any

import pytest

from local.console.waterfall import calls_of, covered
from tests.local.console.test_run_view import details, visit


def call(service: str, operation: str, start: float, end: float, **more: Any) -> dict[str, Any]:
    return {"service": service, "operation": operation, "start": start, "end": end, "status": 200, "detail": "", **more}


def test_calls_of_another_run_at_the_same_time_are_left_out() -> None:
    run = details(visit("Fetch", 1, 3, function="fetch_fees", arguments='{"student_ids": ["SSC1"]}'))
    mine = [
        call("graph", "typing", 0.1, 0.4, detail="m"),
        call("school", "billed-fees", 1.1, 2.9, detail="SSC1 2026-3"),
        call("graph", "send", 2.1, 2.4, detail="wamid.reply"),
    ]
    others = [
        call("graph", "typing", 0.1, 0.4, detail="another"),
        call("school", "billed-fees", 1.1, 2.9, detail="SSC2 2026-3"),
        call("graph", "send", 2.1, 2.4, detail="wamid.other"),
        call("openai", "responses", 4.0, 6.0),
    ]
    assert calls_of(run, mine + others, {"wamid.reply"}, 9.0) == mine


def test_the_floor_counts_calls_side_by_side_once_and_not_the_typing_indicator() -> None:
    calls = [
        call("graph", "typing", 0.0, 5.0),
        call("school", "billed-fees", 1.0, 2.5),
        call("school", "payments", 1.0, 2.0),
        call("graph", "send", 3.0, 9.0),
    ]
    assert covered(calls, 0.0, 4.0) == pytest.approx(1.5 + 1.0)
