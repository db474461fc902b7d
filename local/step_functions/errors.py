"""How a task of a state machine can fail, and what is wrong with a definition."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Invocation:
    """One invocation at the Lambda service."""

    result: Any
    request_id: str
    cold_start_ms: float | None  # None: a process was there already


class FunctionError(Exception):
    """A function failed; `payload` is Lambda's error object: errorType, errorMessage, stackTrace."""

    def __init__(self, payload: dict[str, Any], invocation: Invocation | None = None) -> None:
        super().__init__(payload.get("errorType"))
        self.payload, self.invocation = payload, invocation


class InvokeError(Exception):
    """The Lambda service refused or failed; the state machine gets the error `Lambda.<code>`."""

    def __init__(self, code: str, message: str = "", status: int = 500) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.status = code, message, status


class InvalidDefinitionError(ValueError):
    """A definition that AWS would refuse or that could not run; the text lists every reason."""
