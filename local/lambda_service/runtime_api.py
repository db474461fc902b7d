"""AWS's Runtime API (2018-06-01): through it a process gets its next event and reports the result."""

import time
import uuid
from typing import Final, Protocol

from local.lambda_service.invocation import Invocation, Result
from local.world.http_server import Request, Response

PREFIX: Final = "/2018-06-01/runtime/"


class Environment(Protocol):
    """What the API needs of the execution environment that it serves."""

    @property
    def arn(self) -> str: ...

    @property
    def current(self) -> Invocation | None: ...

    def seconds_left(self, invocation: Invocation) -> float: ...

    async def next_invocation(self) -> Invocation: ...

    def complete(self, result: Result) -> None: ...

    def init_error(self, result: Result) -> None: ...


class RuntimeApi:
    """The handler of the requests of one process."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment

    async def handle(self, request: Request) -> Response:
        current = self._environment.current
        match request.path.removeprefix(PREFIX).split("/"):
            case ["invocation", "next"]:
                return self._event(await self._environment.next_invocation())
            case ["invocation", request_id, outcome] if current and request_id == current.id:
                self._environment.complete(Result(request.body, failed=outcome == "error"))
            case ["init", "error"]:
                self._environment.init_error(Result(request.body, failed=True))
            case _:
                return Response.of({"errorMessage": "not now", "errorType": "InvalidStateTransition"}, 403)
        return Response.of({"status": "OK"}, 202)

    def _event(self, invocation: Invocation) -> Response:
        deadline = time.time() + self._environment.seconds_left(invocation)
        headers = {
            "Lambda-Runtime-Aws-Request-Id": invocation.id,
            "Lambda-Runtime-Deadline-Ms": str(round(deadline * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": self._environment.arn,
            "Lambda-Runtime-Trace-Id": f"Root=1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]};Sampled=0",
        }
        return Response(200, invocation.payload, headers=headers)
