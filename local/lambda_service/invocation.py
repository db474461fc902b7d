"""One call of a function, from its arrival to its result."""

import asyncio
import json
import uuid
from dataclasses import dataclass, field
from typing import Final, Protocol

REQUEST_ID: Final = "X-Amzn-RequestId"  # header of a response
COLD_START: Final = "X-Local-Cold-Start-Ms"  # the same, if a process was started for this invocation
LARGEST_PAYLOAD: Final = 6 * 1024 * 1024  # bytes of a request and of a response


class Runnable(Protocol):
    """What running a function needs to know of it."""

    @property
    def name(self) -> str: ...

    @property
    def handler(self) -> str: ...

    @property
    def timeout(self) -> int: ...  # seconds

    @property
    def memory(self) -> int: ...  # MB


class TooManyRequests(Exception):
    """All execution environments that the function may have are busy."""


@dataclass(frozen=True)
class Result:
    """The outcome of an invocation; if `failed`, the payload is an error object."""

    payload: bytes
    failed: bool = False
    request_id: str = ""
    cold_start_ms: float | None = None  # None: a process was there already

    @classmethod
    def error(cls, error_type: str, message: str) -> "Result":
        return cls(json.dumps({"errorMessage": message, "errorType": error_type}).encode(), failed=True)


@dataclass(eq=False)
class Invocation:
    """A payload and the future of its result."""

    payload: bytes
    result: asyncio.Future[Result]
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    started: float = 0.0  # monotonic seconds; when a process got it

    def finish(self, result: Result) -> None:
        if not self.result.done():
            self.result.set_result(result)
