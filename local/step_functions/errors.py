"""How a task of a state machine can fail, and what is wrong with a definition."""

from typing import Any


class FunctionError(Exception):
    """A function failed; `payload` is Lambda's error object: errorType, errorMessage, stackTrace."""

    def __init__(self, payload: dict[str, Any]) -> None:
        super().__init__(payload.get("errorType"))
        self.payload = payload


class InvokeError(Exception):
    """The Lambda service refused or failed; the state machine gets the error `Lambda.<code>`."""

    def __init__(self, code: str, message: str = "", status: int = 500) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.status = code, message, status


class InvalidDefinitionError(ValueError):
    """A definition that AWS would refuse or that could not run; the text lists every reason."""
