"""What logs tell of one message."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class State:
    """One visit to one state. Times are Unix seconds."""

    name: str
    start: float
    stop: float | None = None
    error: str = ""  # also when a Catch handled it
    function: str = ""  # that it invokes


@dataclass(frozen=True)
class Execution:
    """One run of a state machine."""

    name: str
    machine: str
    status: str  # RUNNING, SUCCEEDED, FAILED, TIMED_OUT
    start: float
    states: list[State] = field(default_factory=list)
    error: str = ""
    cause: str = ""
    link: str = ""  # to the console, or the page of the local stack


@dataclass(frozen=True)
class LogLine:
    """One line of a function's log."""

    time: float  # Unix seconds
    function: str
    level: str
    message: str


@dataclass(frozen=True)
class Found:
    """All that was found of one message."""

    executions: list[Execution]
    lines: list[LogLine]
