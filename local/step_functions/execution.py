"""The record of one execution: its states, when each ran, and the result."""

import json
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from local.plan import ACCOUNT, REGION, machine_arn


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
        return f"arn:aws:states:{REGION}:{ACCOUNT}:express:{self.machine}:{self.name}:{uuid.uuid4()}"

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
