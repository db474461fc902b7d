"""One run as the page shows it: states and transitions to light up, and one of its states in detail."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from local.console.diagrams import State, diagram
from local.plan import Plan

LOG_BYTES: Final = 2_000_000  # of the end of a log in which lines are looked for
LINES_SHOWN: Final = 60
SAME_IN_EVERY_LINE: Final = frozenset(
    {"timestamp", "service", "xray_trace_id", "message_id", "location", "level", "message"}
)
TEXTS: Final = {  # of a visit -> heading
    "arguments": "Input of the function",
    "result": "Output of the function",
    "input": "Input of the state",
    "output": "Output of the state",
}

Details = Mapping[str, Any]  # of a run, as /executions/<name> has them
Visit = Mapping[str, Any]  # one entry of its timeline


@dataclass(frozen=True)
class StateView:
    """A state of a run, with each visit."""

    state: State
    visits: list[dict[str, Any]]


def states_seen(details: Details) -> dict[str, dict[str, Any]]:
    """Of each state that ran: status of its last visit, number of visits, milliseconds of all."""
    found: dict[str, dict[str, Any]] = {}
    for visit in details["timeline"]:
        before = found.get(visit["name"], {"visits": 0, "ms": 0.0})
        found[visit["name"]] = {
            "status": _status(details, visit),
            "visits": before["visits"] + 1,
            "ms": before["ms"] + _seconds(visit) * 1000,
            "attempts": visit["attempts"],
            "cold": visit.get("cold_start_ms"),
        }
    return found


def edges_taken(details: Details) -> list[tuple[str, str]]:
    """The transitions that were taken: from one visit to the next in the same scope."""
    known = {(item.start, item.end) for item in diagram(details["machine"]).transitions}
    scopes: dict[str | None, list[str]] = {}
    for visit in details["timeline"]:
        scopes.setdefault(visit["inside"], []).append(visit["name"])
    taken = dict.fromkeys(pair for names in scopes.values() for pair in pairwise(names))
    return [pair for pair in taken if pair in known]


def state_view(plan: Plan, details: Details, name: str) -> StateView | None:
    """What is known of a state: input, output, error and log lines of each visit. None if there is no such state."""
    state = diagram(details["machine"]).state(name)
    visits = [
        {
            **visit,
            "status": _status(details, visit),
            "seconds": _seconds(visit),
            "texts": [(heading, pretty(visit[key])) for key, heading in TEXTS.items() if visit.get(key)],
            "cause": pretty(visit["cause"]),
            "lines": log_lines(plan.log(visit["function"]), details, visit) if visit["function"] else [],
        }
        for visit in details["timeline"]
        if visit["name"] == name
    ]
    return StateView(state, visits) if state else None


def _seconds(visit: Visit) -> float:
    return float((visit["stop"] or visit["start"]) - visit["start"])


def _status(details: Details, visit: Visit) -> str:
    """One of running, done, retried, caught, failed."""
    if visit["stop"] is None:
        return "running" if details["status"] == "RUNNING" else "failed"
    if visit["type"].lower() == "fail":
        return "failed"
    if not visit["ok"]:
        ended_the_run = visit is details["timeline"][-1] and details["status"] in ("FAILED", "TIMED_OUT")
        return "failed" if ended_the_run else "caught"
    return "retried" if visit["attempts"] > 1 else "done"


def pretty(text: str | None) -> str:
    """JSON with indents; a text that is none, or was truncated, as it is."""
    try:
        return json.dumps(_unpacked(json.loads(text)), indent=2, ensure_ascii=False) if text else ""
    except ValueError:
        return text or ""


def _unpacked(value: Any) -> Any:
    """With JSON that stands in a text (the body of a queued message) as JSON."""
    if isinstance(value, dict):
        return {name: _unpacked(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_unpacked(item) for item in value]
    if isinstance(value, str) and value[:2] in ('{"', "[{"):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def log_lines(log: Path, details: Details, visit: Visit) -> list[str]:
    """What the function wrote about this message, and AWS's report of the invocation."""
    needles = [*visit["requests"], *([details["message_id"]] if details.get("message_id") else [])]
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - LOG_BYTES))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return []
    found = [line for line in lines if '"CloudWatchMetrics"' not in line and any(needle in line for needle in needles)]
    return [_shorter(line) for line in found[-LINES_SHOWN:]]


def _shorter(line: str) -> str:
    """Without the fields that are the same in every line of a run."""
    try:
        entry = json.loads(line)
    except ValueError:
        return line
    if not isinstance(entry, dict):
        return line
    if entry.get("type") == "platform.report":
        record = entry["record"]
        figures = "  ".join(f"{name} {value}" for name, value in record["metrics"].items())
        return f"REPORT  {record['status']}  {figures}"
    rest = {name: value for name, value in entry.items() if name not in SAME_IN_EVERY_LINE}
    parts = (str(entry.get("timestamp", ""))[11:23], entry.get("level", ""), entry.get("message", ""))
    return "  ".join([*map(str, parts), json.dumps(rest, ensure_ascii=False) if rest else ""])
