"""From a message id to its execution, the state that failed and what the functions logged, out of AWS's own logs."""

import io
import json
import time
from typing import Any

import boto3
import pytest
from rich.console import Console

from functions.domain.digests import digest
from infra.operations import trace
from infra.operations.cloud_logs import CloudLogs, execution_of, names_in_logs
from infra.operations.found import Found
from infra.operations.log_lines import parse
from tests.infra.operations.conftest import KnownEnvironment

ID = "wamid.HBgMMjYzNzcyMTAwMDAxFQIAEhgUM0E="
KEY = "arn:aws:cloudformation:eu-west-1:123456789012:stack/school-dev-bot/1"
DIGEST = digest(ID, KEY)
ARN = "arn:aws:states:eu-west-1:123456789012:express:school-dev-conversation:7f1c:0a2b"
FETCH = "arn:aws:lambda:eu-west-1:123456789012:function:school-dev-fetch-fees:live"


def event(number: int, before: int, type: str, moment: float, **details: Any) -> dict[str, Any]:
    """One line of the log of an Express machine."""
    return {
        "id": str(number),
        "previous_event_id": str(before),
        "type": type,
        "event_timestamp": str(round(moment * 1000)),
        "execution_arn": ARN,
        "details": details,
    }


def failed_execution(start: float) -> list[dict[str, Any]]:
    """Two branches side by side; one of them fails."""
    parameters = json.dumps({"FunctionName": FETCH, "Payload": {}})
    return [
        event(1, 0, "ExecutionStarted", start, input=json.dumps([{"body": json.dumps({"id": ID})}])),
        event(2, 1, "ParallelStateEntered", start, name="Fetch both"),
        event(3, 2, "TaskStateEntered", start + 0.1, name="Fetch fees"),
        event(4, 2, "TaskStateEntered", start + 0.1, name="Fetch payments"),
        event(5, 3, "TaskScheduled", start + 0.1, resource="invoke", resourceType="lambda", parameters=parameters),
        event(6, 4, "TaskStateExited", start + 0.2, name="Fetch payments"),
        event(7, 5, "TaskFailed", start + 0.5, error="SchoolApiUnavailable", cause="{}"),
        event(8, 7, "ExecutionFailed", start + 0.6, error="SchoolApiUnavailable", cause="no answer"),
    ]


def put(group: str, messages: list[tuple[float, str]]) -> None:
    logs = boto3.client("logs")
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="stream")
    # In the order of time, as the service demands.
    events = [{"timestamp": round(moment * 1000), "message": message} for moment, message in sorted(messages)]
    logs.put_log_events(logGroupName=group, logStreamName="stream", logEvents=events)


def line(level: str, message: str, moment: float, **more: Any) -> tuple[float, str]:
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment)) + "+00:00"
    return moment, json.dumps({"level": level, "message": message, "timestamp": stamp, "service": "x", **more})


def test_the_events_of_parallel_branches_are_told_apart() -> None:
    found = execution_of(ARN, failed_execution(1000.0), "eu-west-1")
    assert (found.machine, found.status, found.error) == ("school-dev-conversation", "FAILED", "SchoolApiUnavailable")
    states = {state.name: state for state in found.states}
    assert states["Fetch payments"].error == ""
    assert states["Fetch payments"].stop == pytest.approx(1000.2)
    assert states["Fetch fees"].error == "SchoolApiUnavailable"
    assert states["Fetch fees"].function == "school-dev-fetch-fees"
    assert "#/express-executions/details/" + ARN in found.link


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize("id", [ID, DIGEST])
def test_a_message_is_found_with_its_failing_state_and_the_lines_of_that_function(id: str) -> None:
    now = float(int(time.time()) - 60)
    states = [(int(item["event_timestamp"]) / 1000, json.dumps(item)) for item in failed_execution(now)]
    another = {"execution_arn": ARN.replace("7f1c", "ffff")}
    other = json.dumps(event(1, 0, "ExecutionStarted", now, input="another") | another)
    put("/aws/vendedlogs/states/school-dev-conversation", [*states, (now, other)])
    put(
        "/aws/lambda/school-dev-understand",
        [
            line("INFO", "understood", now, digest=DIGEST, execution="7f1c:0a2b"),
            line("INFO", "understood", now, digest="0" * 16),
        ],
    )
    put(
        "/aws/lambda/school-dev-fetch-fees",
        [line("ERROR", "no answer", now), line("ERROR", "an hour ago", now - 3600), line("INFO", "fine", now)],
    )
    put("/aws/lambda/school-prod-understand", [line("INFO", "understood", now, digest=DIGEST)])
    found = CloudLogs(KnownEnvironment("dev", [], {"bot": {"StackId": KEY}})).find(id)
    assert [execution.name for execution in found.executions] == [ARN]
    assert sorted((item.function, item.message.split()[0]) for item in found.lines) == [
        ("fetch-fees", "no"),
        ("understand", "understood"),
    ]


@pytest.mark.usefixtures("account")
def test_an_unknown_message_is_said_to_be_unknown() -> None:
    output = io.StringIO()
    found = CloudLogs(KnownEnvironment("dev", [], {"bot": {"StackId": KEY}})).find(ID)
    assert trace.show(ID, found, Console(file=output, width=200)) == 1
    assert "Nothing is known" in output.getvalue()


def test_what_was_found_is_printed_with_the_error_and_the_link() -> None:
    output = io.StringIO()
    execution = execution_of(ARN, failed_execution(1000.0), "eu-west-1")
    assert trace.show(ID, Found([execution], []), Console(file=output, width=400)) == 0
    text = output.getvalue()
    assert "school-dev-conversation FAILED  1970-01-01 00:16:40.000Z" in text
    assert "Fetch fees  SchoolApiUnavailable" in text
    assert "SchoolApiUnavailable: no answer" in text
    assert "https://eu-west-1.console.aws.amazon.com/states/home" in text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"level": "INFO", "message": "answered", "timestamp": "x", "seconds": 0.4}', "answered seconds=0.4"),
        ("Traceback", "Traceback"),
    ],
)
def test_a_log_line_is_shown_with_its_own_fields(text: str, message: str) -> None:
    found = parse(text, "send-reply", 5.0)
    assert found
    assert (found.message, found.function, found.time) == (message, "send-reply", 5.0)


@pytest.mark.parametrize("text", ['{"_aws": {}, "Replies": 1}', '{"type": "platform.report", "record": {}}', " ", "[]"])
def test_metrics_and_reports_of_the_runtime_are_no_log_lines(text: str) -> None:
    assert parse(text, "send-reply") is None


def test_the_id_of_a_notice_that_looks_like_a_digest_is_looked_for_as_both() -> None:
    notice = "6571e1d5c471b5a4"
    assert names_in_logs(notice, KEY) == [digest(notice, KEY), notice]
    assert names_in_logs(ID, KEY) == [DIGEST]
