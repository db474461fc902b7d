"""The latest runs of state machines, with the message that started each."""

from collections import deque
from typing import Any, Final

from local.aws.consumers import Record
from local.aws.queues import message_id
from local.step_functions.execution import Execution

KEPT: Final = 200


class ExecutionLog:
    """Safe to share between threads; an execution is in it from its start on."""

    def __init__(self) -> None:
        self._latest: deque[tuple[Execution, dict[str, Any]]] = deque(maxlen=KEPT)

    def add(self, execution: Execution, record: Record | None = None) -> None:
        """`record`: the queued message that started it."""
        self._latest.append((execution, _message(record) if record else {}))

    def summaries(self) -> list[dict[str, Any]]:
        """All of them, newest first."""
        return [_summary(*item) for item in reversed(self._latest.copy())]

    def details(self, name: str) -> dict[str, Any] | None:
        """One of them with input and output."""
        for execution, message in self._latest.copy():
            if execution.name == name:
                return {**_summary(execution, message), "input": execution.input, "output": execution.output}
        return None


def _message(record: Record) -> dict[str, Any]:
    attributes = record["attributes"]
    return {
        "message_id": message_id(record["body"]),
        "sent": int(attributes["SentTimestamp"]) / 1000,
        "first_received": int(attributes["ApproximateFirstReceiveTimestamp"]) / 1000,
        "receive_count": int(attributes["ApproximateReceiveCount"]),
    }


def _summary(execution: Execution, message: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": execution.name,
        "machine": execution.machine,
        **message,
        "status": execution.status,
        "start": execution.start,
        "stop": execution.stop,
        "error": execution.error,
        "cause": execution.cause,
        "timeline": [state.as_json() for state in list(execution.timeline)],
    }
