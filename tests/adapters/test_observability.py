"""Logs and metrics of a function."""

from typing import Any

import pytest

from functions.adapters import observability
from functions.domain.deployment import WAKE_UP
from tests.conftest import Counts


@pytest.mark.parametrize(("kind", "cold"), [("on-demand", 1), ("provisioned-concurrency", 0), ("snap-start", 1)])
def test_a_start_that_nobody_waited_for_is_not_counted_as_cold(
    counts: Counts, environment: pytest.MonkeyPatch, kind: str, cold: int
) -> None:
    environment.setattr(observability, "_is_cold", True)
    environment.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", kind)
    handler = observability.instrumented(lambda event, context: {})
    for _ in range(3):
        handler({}, None)
    assert (counts().total("Invocations"), counts().total("ColdStarts")) == (3, cold)


def test_metrics_are_written_whatever_the_log_level(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "quiet")
    monkeypatch.setenv("LOG_LEVEL", "ERROR")
    monkeypatch.setenv("AWS_LAMBDA_LOG_LEVEL", "INFO")  # set by Lambda
    logger = observability.logger.__wrapped__()
    logger.warning("below the level")
    logger.error("at the level")
    observability.count("Replies")
    observability.flush()
    printed = capsys.readouterr().out
    assert "below the level" not in printed
    assert "at the level" in printed
    assert "Replies" in printed


def test_a_wake_up_reaches_no_handler_and_counts_nothing(counts: Counts, environment: pytest.MonkeyPatch) -> None:
    environment.setattr(observability, "_is_cold", True)
    events: list[object] = []

    def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
        events.append(event)
        return {}

    wrapped = observability.instrumented(handler)
    assert wrapped({WAKE_UP: True}, None) == {}
    assert events == []
    wrapped({"message": {}}, None)
    assert (counts().total("Invocations"), counts().total("ColdStarts")) == (1, 0)  # nobody waited for the start
