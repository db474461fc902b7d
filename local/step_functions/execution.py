"""The record of one execution: its states, when each ran, and the result."""

import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from local.plan import ACCOUNT, REGION, machine_arn

LONGEST_EXCERPT: Final = 12_000  # characters of the JSON of an input or output that is kept


def excerpt(value: Any) -> str | None:
    """The JSON of a value, truncated; None of None."""
    return None if value is None else shorten(json.dumps(value, ensure_ascii=False, default=str))


def shorten(text: str) -> str:
    if len(text) <= LONGEST_EXCERPT:
        return text
    return f"{text[:LONGEST_EXCERPT]} … {len(text) - LONGEST_EXCERPT:,} more characters"


@dataclass
class StateRun:
    """One visit to one state. Times are Unix seconds."""

    name: str
    type: str
    start: float
    inside: str | None = None  # the Parallel or Map state around it
    stop: float | None = None
    error: str | None = None  # also when a Catch handled it
    attempts: int = 1
    entered_with: Any = None  # the state's input
    left_with: Any = None  # its output
    arguments: str | None = None  # of a Task: JSON of what its function got, and …
    result: str | None = None  # … returned; both truncated
    function: str | None = None  # that a Task invoked
    cause: str | None = None  # of the error
    requests: list[str] = field(default_factory=list)  # ids of the invocations, one for each attempt
    cold_start_ms: float | None = None  # of the last invocation, if a process was started for it

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "type": self.type,
            "inside": self.inside,
            "start": self.start,
            "stop": self.stop,
            "ok": self.error is None,
            "error": self.error,
            "attempts": self.attempts,
            "function": self.function,
            "cold_start_ms": self.cold_start_ms,
        }

    def details(self) -> dict[str, Any]:
        """The same with input, output and what a Task exchanged with its function; JSON texts, long ones truncated."""
        return {
            **self.as_json(),
            "input": excerpt(self.entered_with),
            "output": excerpt(self.left_with),
            "arguments": self.arguments,
            "result": self.result,
            "cause": self.cause,
            "requests": self.requests,
        }


@dataclass
class Execution:
    """One run of a state machine: result and timeline. Times are Unix seconds."""

    name: str
    machine: str
    input: Any
    start: float
    stop: float | None = None
    status: str = "RUNNING"  # SUCCEEDED, FAILED, TIMED_OUT
    output: Any = None
    error: str | None = None
    cause: str | None = None
    timeline: list[StateRun] = field(default_factory=list)
    on_change: Callable[["Execution", StateRun | None], None] | None = None  # a state; None: the execution itself

    def changed(self, state: StateRun | None = None) -> None:
        """Tell whoever follows the execution."""
        if self.on_change:
            self.on_change(self, state)

    @property
    def names(self) -> list[str]:
        """The states that ran, in the order in which they were entered."""
        return [state.name for state in self.timeline]

    def state(self, name: str) -> StateRun:
        """The last visit to that state; KeyError if it did not run."""
        for state in reversed(self.timeline):
            if state.name == name:
                return state
        raise KeyError(f"{name!r} did not run; these did: {', '.join(self.names)}")

    def overlap(self, one: str, other: str) -> float:
        """Seconds during which both states ran."""
        a, b = self.state(one), self.state(other)
        return max(0.0, min(a.stop or a.start, b.stop or b.start) - max(a.start, b.start))

    @property
    def arn(self) -> str:
        start = uuid.uuid5(uuid.NAMESPACE_OID, self.name)
        return f"arn:aws:states:{REGION}:{ACCOUNT}:express:{self.machine}:{self.name}:{start}"

    def sync_response(self) -> dict[str, Any]:
        """The response of StartSyncExecution, which has status 200 even if the execution failed."""
        stop = self.stop or time.time()
        milliseconds = int((stop - self.start) * 1000)
        answer = {
            "executionArn": self.arn,
            "stateMachineArn": machine_arn(self.machine),
            "name": self.name,
            "status": self.status,
            "startDate": self.start,
            "stopDate": stop,
            "input": json.dumps(self.input, separators=(",", ":")),
            "inputDetails": {"included": True},
            "billingDetails": {
                "billedDurationInMilliseconds": -(-milliseconds // 100) * 100,
                "billedMemoryUsedInMB": 64,
            },
        }
        if self.status == "SUCCEEDED":
            output = json.dumps(self.output, separators=(",", ":"))
            return answer | {"output": output, "outputDetails": {"included": True}}
        return answer | {key: value for key in ("error", "cause") if (value := getattr(self, key)) is not None}
