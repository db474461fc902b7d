"""What AWS knows of one message: the log of each state machine and of each function, through Logs Insights."""

import json
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from functions.domain.digests import LENGTH, digest
from infra.operations.environment import Environment
from infra.operations.found import Execution, Found, LogLine, State
from infra.operations.log_lines import parse

LOOK_BACK_HOURS: Final = 72
QUERY_SECONDS: Final = 60
GROUPS_OF_A_QUERY: Final = 50  # Logs Insights takes no more
MOST_LINES: Final = 1000
SLACK_SECONDS: Final = 1.0  # between the clocks of two services
ENDED: Final = frozenset({"Complete", "Failed", "Cancelled", "Timeout", "Unknown"})
OUTCOMES: Final = {
    "ExecutionSucceeded": "SUCCEEDED",
    "ExecutionFailed": "FAILED",
    "ExecutionTimedOut": "TIMED_OUT",
    "ExecutionAborted": "ABORTED",
}


DIGEST: Final = re.compile(rf"[0-9a-f]{{{LENGTH}}}")


def is_digest(id: str) -> bool:
    """Whether it may be one: the id of a payment notice can look the same."""
    return DIGEST.fullmatch(id) is not None


def names_in_logs(id: str, key: str) -> list[str]:
    """What stands for a message in the functions' logs."""
    return [digest(id, key), *([id] if is_digest(id) else [])]


class QueryFailed(Exception):
    """Logs Insights did not finish a query."""


class CloudLogs:
    """The logs of one environment."""

    def __init__(self, environment: Environment, *, hours: int = LOOK_BACK_HOURS) -> None:
        self._environment = environment
        self._logs = environment.client("logs")
        self._hours = hours

    def find(self, id: str) -> Found:
        """`id`: of a message or notice, or the digest that stands for it in the functions' logs."""
        machines = self._groups(f"/aws/vendedlogs/states/{self._environment.prefix}")
        functions = self._groups(f"/aws/lambda/{self._environment.prefix}")
        of_message = [
            line for text in names_in_logs(id, self._environment.log_key) for line in self._search(functions, text)
        ]
        started = {id} if not is_digest(id) else {id, *_named(of_message)}
        arns = {
            event["execution_arn"]
            for text in started
            for event in _events(self._search(machines, text))
            if "execution_arn" in event
        }
        executions = [self._execution(arn, machines) for arn in arns]
        errors = (line for run in executions for line in self._errors(run, functions))
        lines = {*self._parsed(of_message), *errors}
        return Found(
            sorted(executions, key=lambda execution: execution.start), sorted(lines, key=lambda line: line.time)
        )

    def _parsed(self, found: Sequence[dict[str, str]]) -> list[LogLine]:
        return [line for item in found if (line := _line(item, self._environment.prefix))]

    def _errors(self, execution: Execution, functions: Sequence[str]) -> Iterator[LogLine]:
        """What the functions of failed states logged as errors meanwhile: such lines need not name the message."""
        for state in execution.states:
            group = f"/aws/lambda/{state.function}"
            if state.error and group in functions:
                until = (state.stop or state.start) + SLACK_SECONDS
                for line in self._parsed(self._search([group], "ERROR")):
                    if state.start - SLACK_SECONDS <= line.time <= until:
                        yield line

    def _execution(self, arn: str, groups: Sequence[str]) -> Execution:
        return execution_of(arn, list(_events(self._search(groups, arn))), self._environment.region)

    def _groups(self, prefix: str) -> list[str]:
        pages = self._logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=prefix)
        return [group["logGroupName"] for page in pages for group in page["logGroups"]]

    def _search(self, groups: Sequence[str], text: str) -> list[dict[str, str]]:
        """The lines with that text in them, oldest first."""
        # The text is a regular expression between quotes there.
        wanted = text.replace("\\", "\\\\").replace('"', '\\"')
        query = (
            f'fields @timestamp, @log, @message | filter @message like "{wanted}"'
            f" | sort @timestamp asc | limit {MOST_LINES}"
        )
        found = []
        for first in range(0, len(groups), GROUPS_OF_A_QUERY):
            found += self._run(query, groups[first : first + GROUPS_OF_A_QUERY])
        return [line for line in found if text in line.get("@message", "")]

    def _run(self, query: str, groups: Sequence[str]) -> list[dict[str, str]]:
        now = int(time.time())
        started = self._logs.start_query(
            logGroupNames=list(groups), queryString=query, startTime=now - self._hours * 3600, endTime=now + 60
        )
        deadline = time.monotonic() + QUERY_SECONDS
        while True:
            results = self._logs.get_query_results(queryId=started["queryId"])
            if results["status"] in ENDED:
                break
            if time.monotonic() > deadline:
                raise QueryFailed(f"Logs Insights did not finish within {QUERY_SECONDS} s: try fewer --hours")
            time.sleep(0.5)
        if results["status"] != "Complete":
            raise QueryFailed(f"Logs Insights ended a query with {results['status']}: try again")
        return [{field["field"]: field["value"] for field in line} for line in results["results"]]


def execution_of(arn: str, events: Sequence[dict[str, Any]], region: str) -> Execution:
    """From the events of one execution, as Step Functions logs them."""
    status = "RUNNING"
    failure: dict[str, Any] = {}
    states: list[State] = []
    visit: dict[str, int] = {}  # id of an event -> the visit to a state that it belongs to: branches run side by side
    events = sorted(events, key=lambda event: int(event["id"]))
    for event in events:
        details, kind = event.get("details") or {}, event["type"]
        before = visit.get(str(event.get("previous_event_id")))
        if kind.endswith("StateEntered"):
            visit[str(event["id"])] = len(states)
            states.append(State(details.get("name", ""), _seconds(event)))
        elif kind in OUTCOMES:
            status, failure = OUTCOMES[kind], details
        elif before is not None:
            visit[str(event["id"])] = before
            states[before] = _after(states[before], event)
    start = _seconds(events[0]) if events else 0.0
    return Execution(
        name=arn,
        machine=arn.split(":")[6],
        status=status,
        start=start,
        states=states,
        error=failure.get("error", ""),
        cause=failure.get("cause", ""),
        link=_link(arn, start, region),
    )


def _after(state: State, event: dict[str, Any]) -> State:
    """The state with what one more of its events tells."""
    details, kind = event.get("details") or {}, event["type"]
    if kind.endswith("StateExited"):
        return replace(state, stop=_seconds(event))
    if kind in ("TaskScheduled", "LambdaFunctionScheduled"):
        return replace(state, function=_function(details))
    return replace(state, error=details["error"]) if "error" in details else state


def _link(arn: str, start: float, region: str) -> str:
    console = f"https://{region}.console.aws.amazon.com/states/home?region={region}"
    if ":express:" in arn:
        return f"{console}#/express-executions/details/{arn}?startDate={round(start * 1000)}"
    return f"{console}#/executions/details/{arn}"


def _function(details: dict[str, Any]) -> str:
    try:
        name = details.get("resource", "") or ""
        if "parameters" in details:
            name = json.loads(details["parameters"])["FunctionName"]
        return str(name).partition(":function:")[2].partition(":")[0]
    except (ValueError, KeyError, TypeError):
        return ""


def _seconds(event: dict[str, Any]) -> float:
    return int(event["event_timestamp"]) / 1000


def _events(lines: Sequence[dict[str, str]]) -> Iterator[dict[str, Any]]:
    for line in lines:
        try:
            event = json.loads(line["@message"])
        except ValueError:
            continue
        if isinstance(event, dict):
            yield event


def _named(lines: Sequence[dict[str, str]]) -> set[str]:
    """The executions that log lines name, by the last part of their ARNs."""
    return {str(event["execution"]) for event in _events(lines) if event.get("execution")}


def _line(found: dict[str, str], prefix: str) -> LogLine | None:
    function = found.get("@log", "").rpartition("/")[2].removeprefix(prefix)
    return parse(found["@message"], function, _timestamp(found.get("@timestamp", "")))


def _timestamp(text: str) -> float:
    """Insights writes `2026-11-25 17:00:00.000`, in UTC."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return 0.0
