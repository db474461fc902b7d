"""One run: statuses, transitions, log lines."""

import json
from pathlib import Path
from typing import Any

from infra.catalog import MACHINES
from local.console.diagrams import diagram
from local.console.run_view import edges_taken, log_lines, pretty, states_seen

MACHINE = MACHINES[0].name


def visit(name: str, start: float, stop: float | None, **more: Any) -> dict[str, Any]:
    return {
        "name": name, "type": "Task", "inside": None, "start": start, "stop": stop, "ok": True, "error": None,
        "attempts": 1, "function": None, "cold_start_ms": None, "arguments": None, "requests": [], **more,
    }  # fmt: skip


def details(*visits: dict[str, Any], status: str = "SUCCEEDED") -> dict[str, Any]:
    return {
        "machine": MACHINE,
        "timeline": list(visits),
        "status": status,
        "start": 0.0,
        "stop": 9.0,
        "message_id": "m",
    }


def status_of(found: dict[str, Any]) -> dict[str, str]:
    return {name: state["status"] for name, state in states_seen(found).items()}


def test_a_state_is_running_done_retried_caught_or_failed() -> None:
    assert status_of(details(visit("A", 0, None), status="RUNNING")) == {"A": "running"}
    found = details(
        visit("A", 0, 1),
        visit("B", 1, 2, attempts=3),
        visit("C", 2, 3, ok=False, error="SchoolApiUnavailable"),
        visit("D", 3, 4, ok=False, error="Broken"),
        status="FAILED",
    )
    assert status_of(found) == {"A": "done", "B": "retried", "C": "caught", "D": "failed"}


def test_the_visits_of_a_state_are_counted_and_their_times_added() -> None:
    found = states_seen(details(visit("A", 0, 1), visit("B", 1, 2), visit("A", 2, 2.5)))
    assert (found["A"]["visits"], found["A"]["ms"]) == (2, 1500)


def test_the_edges_that_were_taken_are_edges_of_the_machine() -> None:
    first = diagram(MACHINE).transitions[0]
    one, two = first.start, first.end
    assert edges_taken(details(visit(one, 0, 1), visit(two, 1, 2))) == [(one, two)]
    assert edges_taken(details(visit("no such state", 0, 1), visit(two, 1, 2))) == []


def test_log_lines_are_those_of_the_message_and_of_the_invocation(tmp_path: Path) -> None:
    log = tmp_path / "fetch_fees.log"
    log.write_text(
        "\n".join(
            [
                json.dumps({"level": "INFO", "message": "fetched", "message_id": "wamid.m", "bills": 2}),
                json.dumps({"level": "INFO", "message": "fetched", "message_id": "other"}),
                json.dumps({"_aws": {"CloudWatchMetrics": []}, "message_id": "wamid.m"}),
                json.dumps(
                    {
                        "type": "platform.report",
                        "record": {"requestId": "r1", "status": "success", "metrics": {"durationMs": 5}},
                    }
                ),
            ]
        )
    )
    lines = log_lines(log, {"message_id": "wamid.m"}, visit("Fetch", 0, 1, requests=["r1"]))
    assert len(lines) == 2
    assert 'fetched  {"bills": 2}' in lines[0]
    assert lines[1] == "REPORT  success  durationMs 5"
    assert log_lines(tmp_path / "none.log", {}, visit("Fetch", 0, 1)) == []


def test_json_in_a_queued_message_is_shown_as_json() -> None:
    assert json.loads(pretty('{"body": "{\\"id\\": 1}"}')) == {"body": {"id": 1}}
    assert pretty('{"cut … 20 more characters') == '{"cut … 20 more characters'
