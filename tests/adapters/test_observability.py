"""Logs and metrics of a function."""

import json
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
    assert counts().values["ColdStarts", ""] == [cold, 0, 0]


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
    assert counts().values["ColdStarts", ""] == [0]  # nobody waited for the start


def test_only_what_is_published_is_a_metric_of_cloudwatch(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    observability.flush()
    capsys.readouterr()
    observability.record_duration("ResponseTime", 0.8, intent="balance")
    observability.record_duration("QueueWait", 0.02)
    observability.count("ColdStarts", 0)
    observability.flush()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    described = [item for line in lines for item in line.get("_aws", {}).get("CloudWatchMetrics", [])]
    metrics = {metric["Name"]: item["Dimensions"] for item in described for metric in item["Metrics"]}
    assert metrics == {"ResponseTime": [["service"]], "ColdStarts": [[]]}
    assert [line["measured"] for line in lines if "measured" in line] == [{"ResponseTime": 800.0}, {"QueueWait": 20.0}]
    assert [line["intent"] for line in lines if "intent" in line] == ["balance"]
