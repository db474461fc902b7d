"""What CloudWatch Logs gets: the lines of the functions, and the events of each execution."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from botocore.exceptions import ClientError

from local.rehearsal.emulator.types.base import client
from local.step_functions.execution import Execution

PAUSE: Final = 0.5
STREAM: Final = "rehearsal"


class LogDelivery:
    """Carries what the processes of functions write to the group of their function, if there is one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[Path, int] = {}

    def start(self) -> None:
        threading.Thread(target=self._run, name="log delivery", daemon=True).start()

    def _run(self) -> None:
        while True:
            time.sleep(PAUSE)
            for path in self._folder.glob("school-*.log"):
                with suppress(OSError, ClientError):
                    self._deliver(path)

    def _deliver(self, path: Path) -> None:
        with path.open("rb") as file:
            file.seek(self._read.get(path, 0))
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        if whole:
            _put(f"/aws/lambda/{path.stem}", whole.decode("utf-8", "replace").splitlines())
            self._read[path] = self._read.get(path, 0) + len(whole)


def log_execution(machine: str, execution: Execution) -> None:
    """The events of an execution, in the form of an Express machine's log."""
    lines = [json.dumps({"execution_arn": execution.arn, **event}) for event in _events(execution)]
    with suppress(ClientError):
        _put(f"/aws/vendedlogs/states/{machine}", lines)


def _events(execution: Execution) -> Iterator[dict[str, Any]]:
    """Without the parents' texts, which belong to nobody here; the input alone is needed to find a message."""
    stop = execution.stop or execution.start
    yield _event(1, 0, "ExecutionStarted", execution.start, {"input": json.dumps(execution.input)})
    moments = []
    for index, state in enumerate(execution.timeline):
        number = 2 + 3 * index
        moments.append((state.start, _event(number, 1, f"{state.type}StateEntered", state.start, {"name": state.name})))
        ended = state.stop or stop
        if state.error:
            moments.append((ended, _event(number + 1, number, "TaskFailed", ended, {"error": state.error})))
        moments.append((ended, _event(number + 2, number, f"{state.type}StateExited", ended, {"name": state.name})))
    yield from (event for _, event in sorted(moments, key=lambda item: item[0]))
    last = 2 + 3 * len(execution.timeline)
    kind = {"SUCCEEDED": "ExecutionSucceeded", "TIMED_OUT": "ExecutionTimedOut"}.get(
        execution.status, "ExecutionFailed"
    )
    yield _event(last, 1, kind, stop, {"error": execution.error or "", "cause": execution.cause or ""})


def _event(number: int, before: int, kind: str, moment: float, details: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": str(number),
        "previous_event_id": str(before),
        "type": kind,
        "event_timestamp": str(round(moment * 1000)),
        "details": details,
    }


def _put(group: str, lines: list[str]) -> None:
    logs, now = client("logs"), round(time.time() * 1000)
    with suppress(ClientError):  # it is there already
        logs.create_log_stream(logGroupName=group, logStreamName=STREAM)
    events = [{"timestamp": now, "message": line} for line in lines if line.strip()]
    logs.put_log_events(logGroupName=group, logStreamName=STREAM, logEvents=events)
