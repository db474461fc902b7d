"""The HTTP side of the Lambda service.

| request | meaning |
|---|---|
| `POST /2015-03-31/functions/<name>/invocations` | AWS's Invoke |
| `PUT /2017-10-31/functions/<name>/concurrency` | AWS's PutFunctionConcurrency |
| `GET /functions` | each function: processes, invocations, cold starts, last start in ms |
| `POST /functions/<name>/reset` | ends its processes, so that its next start is a cold one |
| `POST /functions/<name>/kill` | ends one of its processes in the middle of an invocation, if one is busy |
| `PUT /functions/<name>/faults` | how many of its next invocations fail, by kind: `{"dies_after": 1}`; `{}` for none |
| `POST /functions/<name>/processes/<n>` | at most that many processes; invocations beyond them wait |
| `POST /warm` | starts what is kept warm |
| `GET /ready` | 200 once the warm processes wait for work, or have failed to start |
"""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Protocol
from urllib.parse import unquote

from local.lambda_service.execution_environment import FAULTS
from local.lambda_service.invocation import COLD_START, LARGEST_PAYLOAD, REQUEST_ID, Result, TooManyRequests
from local.lambda_service.pool import Pool
from local.plan import function_arn
from local.world.http_server import Request, Response


class Functions(Protocol):
    """The service behind the API."""

    @property
    def pools(self) -> Mapping[str, Pool]: ...

    @property
    def provisioned(self) -> Sequence[Pool]: ...

    def start_provisioned(self) -> None: ...

    async def invoke(self, name: str, payload: bytes) -> Result: ...

    def invoke_later(self, name: str, payload: bytes) -> None: ...


class InvokeApi:
    """The handler of all requests to the Lambda service."""

    def __init__(self, functions: Functions) -> None:
        self._functions = functions

    async def handle(self, request: Request) -> Response:
        pools = self._functions.pools
        match [request.method, *request.path.strip("/").split("/")]:
            case ["POST", "2015-03-31", "functions", name, "invocations"]:
                return await self._invoke(function_name(name), request)
            case ["GET", "functions"]:
                return Response.of({name: pool.describe() for name, pool in pools.items()})
            case ["POST", "warm"]:
                self._functions.start_provisioned()
                return self._ready()
            case ["GET", "ready"]:
                return self._ready()
            case ["POST", "functions", name, "reset"] if name in pools:
                pools[name].reset()
                return Response.of(pools[name].describe())
            case ["POST", "functions", name, "kill"] if name in pools:
                return Response.of({"killed": pools[name].kill_busy()})
            case ["PUT", "functions", name, "faults"] if name in pools:
                return self._set_faults(pools[name], request)
            case ["PUT", "environment"]:
                for pool in pools.values():
                    pool.change_environment(request.json)
                self._functions.start_provisioned()
                return Response.of({"changed": sorted(request.json)})
            case ["POST", "functions", name, "processes", number] if name in pools:
                pools[name].max_processes = int(number)
                return Response.of(pools[name].describe())
            case ["PUT", "2017-10-31", "functions", name, "concurrency"] if function_name(name) in pools:
                value = int(request.json["ReservedConcurrentExecutions"])
                pools[function_name(name)].concurrency = value
                return Response.of({"ReservedConcurrentExecutions": value})
        return error_response("ResourceNotFoundException", 404, f"nothing at {request.method} {request.path}")

    async def _invoke(self, name: str, request: Request) -> Response:
        payload = request.body or b"{}"
        if name not in self._functions.pools:
            return error_response("ResourceNotFoundException", 404, f"Function not found: {function_arn(name)}")
        if len(payload) > LARGEST_PAYLOAD:
            message = f"Request must be smaller than {LARGEST_PAYLOAD} bytes for the InvokeFunction operation"
            return error_response("RequestTooLargeException", 413, message)
        try:
            json.loads(payload)
        except ValueError as error:
            message = f"Could not parse request body into json: {type(error).__name__}"
            return error_response("InvalidRequestContentException", 400, message)
        if request.headers.get("x-amz-invocation-type", "RequestResponse") == "Event":
            self._functions.invoke_later(name, payload)
            return Response(202)
        try:
            result = await self._functions.invoke(name, payload)
        except TooManyRequests:
            return error_response("TooManyRequestsException", 429, "Rate Exceeded.")
        headers = {"X-Amz-Executed-Version": "$LATEST", REQUEST_ID: result.request_id}
        if result.cold_start_ms is not None:
            headers[COLD_START] = f"{result.cold_start_ms:.1f}"
        if result.failed:
            headers["X-Amz-Function-Error"] = "Unhandled"
        return Response(200, result.payload, headers=headers)

    def _set_faults(self, pool: Pool, request: Request) -> Response:
        if unknown := set(request.json) - set(FAULTS):
            message = f"{', '.join(sorted(unknown))}: expected one of {', '.join(FAULTS)}"
            return error_response("InvalidParameterValueException", 400, message)
        pool.faults = Counter({kind: int(times) for kind, times in request.json.items()})
        return Response.of(dict(pool.faults))

    def _ready(self) -> Response:
        provisioned = self._functions.provisioned
        failed = {pool.function.name: pool.describe()["start_error"] for pool in provisioned if pool.init_failure}
        missing = [pool.function.name for pool in provisioned if not pool.is_warm and not pool.init_failure]
        return Response.of({"missing": missing, "failed": failed}, 503 if missing else 200)


def function_name(text: str) -> str:
    """The name in a function's name, ARN or partial ARN, whatever version or alias it points to."""
    return re.sub(r"^(?:arn:[^:]+:lambda:[^:]*:)?(?:\d{12}:)?(?:function:)?", "", unquote(text)).split(":")[0]


def error_response(error_type: str, status: int, message: str) -> Response:
    """An error of the service itself, in AWS's form."""
    kind = "User" if status < 500 else "Service"
    return Response.of({"Type": kind, "message": message}, status, {"x-amzn-ErrorType": error_type})
