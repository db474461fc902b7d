"""The latest runs of state machines, with the message that started each."""

import json
import re
from collections import deque
from typing import Any, Final

from local.aws.consumers import Record
from local.aws.queues import message_id
from local.event_log import EventLog
from local.step_functions.execution import Execution, StateRun

KEPT: Final = 400
INTENT: Final = re.compile(r'"intent": ?"(\w+)"')  # in the result of a function


class ExecutionLog:
    """Safe to share between threads; an execution is in it from its start on."""

    def __init__(self) -> None:
        self.events = EventLog()
        self._latest: deque[tuple[Execution, dict[str, Any]]] = deque(maxlen=KEPT)

    def add(self, execution: Execution, record: Record | None = None) -> None:
        """`record`: the queued message that started it."""
        message = _message(record) if record else {}
        self._latest.append((execution, message))

        def publish(changed: Execution, state: StateRun | None) -> None:
            if state is None:
                self.events.publish("execution", _summary(changed, message))
            else:
                index = next((n for n, known in enumerate(changed.timeline) if known is state), None)
                about = {"execution": changed.name, "machine": changed.machine, "index": index, **state.as_json()}
                self.events.publish("state", about)

        execution.on_change = publish
        publish(execution, None)

    def summaries(self) -> list[dict[str, Any]]:
        """All of them, newest first."""
        return [
            _summary(execution, message) | {"timeline": [state.as_json() for state in list(execution.timeline)]}
            for execution, message in reversed(self._latest.copy())
        ]

    def details(self, name: str) -> dict[str, Any] | None:
        """One of them with input and output, and those of its states."""
        for execution, message in self._latest.copy():
            if execution.name == name:
                return {
                    **_summary(execution, message),
                    "timeline": [state.details() for state in list(execution.timeline)],
                    "input": execution.input,
                    "output": execution.output,
                }
        return None


def _message(record: Record) -> dict[str, Any]:
    attributes = record["attributes"]
    return {
        "message_id": message_id(record["body"]),
        "sent": int(attributes["SentTimestamp"]) / 1000,
        "first_received": int(attributes["ApproximateFirstReceiveTimestamp"]) / 1000,
        "receive_count": int(attributes["ApproximateReceiveCount"]),
        "message": _body(record["body"]),
    }


def _body(text: str) -> dict[str, Any]:
    """The queued message itself; empty if it is no JSON object."""
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _summary(execution: Execution, message: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": execution.name,
        "machine": execution.machine,
        **message,
        "intent": _intent(execution),
        "status": execution.status,
        "start": execution.start,
        "stop": execution.stop,
        "error": execution.error,
        "cause": execution.cause,
    }


def _intent(execution: Execution) -> str | None:
    """What the message asks for, as a function has said last."""
    for state in reversed(list(execution.timeline)):
        if found := INTENT.search(state.result or ""):
            return found[1]
    return None
