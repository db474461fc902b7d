"""The Lambda service on one machine: real processes under AWS's own runtime client, with only their own layers.

    python -m local.lambdas --plan .local/plan.json

One process is one execution environment, as on AWS: it takes one invocation at a time, a busy one means that another
is started, and what it keeps in memory is there for its next invocation. It sees the code package, the layers of its
function and what Lambda's runtime offers (boto3), nothing else of this machine.

| request | what |
|---|---|
| `POST /2015-03-31/functions/<name>/invocations` | AWS's Invoke |
| `PUT /2017-10-31/functions/<name>/concurrency` | AWS's PutFunctionConcurrency |
| `GET /functions` | each function: processes, invocations, cold starts, last start in ms |
| `POST /functions/<name>/reset` | ends its processes, so that its next start is a cold one |
| `POST /functions/<name>/processes/<n>` | at most so many processes: invocations beyond wait, for a small machine |
| `GET /ready` | 200 once the warm processes wait for work, or have failed to start |

The same process serves the front door (`local/front_door.py`) on a port of its own.
"""

import argparse
import asyncio
import contextlib
import functools
import json
import os
import re
import signal
import sys
import time
import uuid
from collections import deque
from collections.abc import AsyncIterator, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

from infra.catalog import FUNCTIONS, Function
from infra.packaging import LOCAL, build_code, build_layer, build_runtime
from local.child import die_with_parent
from local.front_door import front_door
from local.plan import ACCOUNT, REGION, Plan
from local.world.http_server import Request, Response, listen

CONCURRENCY: Final = 50  # of each function, unless set otherwise
INIT_SECONDS: Final = 30  # AWS allows 10; here many processes start at once on few cores
IDLE_SECONDS: Final = 120  # after which a process that is not kept warm ends
LARGEST_PAYLOAD: Final = 6 * 1024 * 1024  # of a request and of a response


# --- what a process is started with ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Packages:
    """What is on the disk for the functions to run on."""

    code: Path
    runtime: Path
    layers: Mapping[str, Path]

    @classmethod
    def build(cls, names: Iterable[str]) -> "Packages":
        """Builds what is missing, side by side."""
        with ThreadPoolExecutor() as threads:
            code, runtime = threads.submit(build_code, LOCAL), threads.submit(build_runtime)
            layers = {name: threads.submit(build_layer, name, LOCAL) for name in names}
            return cls(code.result(), runtime.result(), {name: layer.result() for name, layer in layers.items()})

    def environment(self, function: Function) -> dict[str, str]:
        """Where a process of the function finds its modules, with Lambda's own variables."""
        folders = [*(self.layers[name] / "python" for name in function.layers), self.runtime]
        return {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "PYTHONPATH": os.pathsep.join(map(str, folders)),
            "PYTHONUTF8": "1",
            "PYTHONDONTWRITEBYTECODE": "1",  # on AWS these folders cannot be written to
            "LAMBDA_TASK_ROOT": str(self.code),
            "LAMBDA_RUNTIME_DIR": str(self.runtime),
            "AWS_EXECUTION_ENV": f"AWS_Lambda_python{LOCAL.python}",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
            "AWS_LAMBDA_LOG_FORMAT": "JSON",
            "AWS_LAMBDA_LOG_LEVEL": "INFO",
            "_HANDLER": function.handler,
        }


# --- invocations -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Result:
    """What came of an invocation; `failed`: the payload is an error object."""

    payload: bytes
    failed: bool = False

    @classmethod
    def error(cls, error_type: str, message: str) -> "Result":
        return cls(json.dumps({"errorMessage": message, "errorType": error_type}).encode(), failed=True)


class TooManyRequests(Exception):
    """All the execution environments that the function may have are busy."""


@dataclass(eq=False)
class Invocation:
    """One call of a function, from its arrival to its result."""

    payload: bytes
    result: asyncio.Future[Result]
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    handed_over: float = 0.0  # monotonic seconds

    def finish(self, result: Result) -> None:
        if not self.result.done():
            self.result.set_result(result)


class Environment:
    """One execution environment: a process, and the Runtime API that it talks to on a port of its own."""

    def __init__(self, pool: "Pool", *, kept: bool) -> None:
        self.pool = pool
        self.kept = kept  # started ahead of any invocation
        self.initialised = False
        self.last_used = time.monotonic()
        self._current: Invocation | None = None
        self._next: asyncio.Future[Invocation] = asyncio.get_running_loop().create_future()
        self._process: asyncio.subprocess.Process | None = None
        self._started = 0.0
        self._init_ms: float | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._end: Result | None = None  # why the process is being ended, or what it said of its failed start

    async def run(self) -> None:
        """Starts the process and stays until it has ended."""
        function = self.pool.function
        runtime_api = await listen(self._serve, 0)
        try:
            port = runtime_api.sockets[0].getsockname()[1]
            environment = self.pool.environment | {
                "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}",
                "AWS_LAMBDA_INITIALIZATION_TYPE": "provisioned-concurrency" if self.kept else "on-demand",
                "AWS_LAMBDA_LOG_STREAM_NAME": f"{datetime.now(UTC):%Y/%m/%d}/[$LATEST]{uuid.uuid4().hex}",
            }
            self._started = time.monotonic()
            self._set_alarm(INIT_SECONDS)
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-S", "-s", "-m", "awslambdaric", function.handler),  # -S: no site-packages
                cwd=self.pool.task_root,
                env=environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=self.pool.log,
                stderr=self.pool.log,
                preexec_fn=functools.partial(die_with_parent, parent=os.getpid()),
            )
            if not self.pool.has(self):  # it was reset while it started
                self.stop()
            status = await self._process.wait()
        finally:
            self._clear_alarm()
            self._next.cancel()
            runtime_api.close()
        how = f"exit status {status}" if status >= 0 else f"signal: {signal.Signals(-status).name}"
        result = self._end or Result.error("Runtime.ExitError", f"Runtime exited with error: {how}")
        if self._current:
            self._finish(result)
        elif not self.initialised:
            self.pool.init_failed(result)

    # --- work ----------------------------------------------------------------------------------------------------

    def hand_over(self, invocation: Invocation) -> None:
        """Gives it an invocation; only one that is idle may be given any."""
        invocation.handed_over = self.last_used = time.monotonic()
        self._current = invocation
        self._set_alarm(self.pool.function.timeout)
        self._next.set_result(invocation)

    def _finish(self, result: Result) -> None:
        invocation, self._current = self._current, None
        self._clear_alarm()
        self.last_used = time.monotonic()
        if invocation:
            self.pool.report(invocation, result, self._init_ms, self.last_used - invocation.handed_over)
            self._init_ms = None
            invocation.finish(result)

    # --- the end -------------------------------------------------------------------------------------------------

    def stop(self) -> None:
        """Ends the process; what it was doing fails."""
        with contextlib.suppress(ProcessLookupError):
            if self._process:
                self._process.kill()

    def _set_alarm(self, seconds: float) -> None:
        self._clear_alarm()
        self._alarm = asyncio.get_running_loop().call_later(seconds, self._time_is_up, seconds)

    def _clear_alarm(self) -> None:
        if self._alarm:
            self._alarm.cancel()

    def _time_is_up(self, seconds: float) -> None:
        of = f"RequestId: {self._current.id} " if self._current else ""
        self._end = Result.error("Sandbox.Timedout", f"{of}Error: Task timed out after {seconds:.2f} seconds")
        self.stop()

    # --- the Runtime API -----------------------------------------------------------------------------------------

    async def _serve(self, request: Request) -> Response:
        match request.path.removeprefix("/2018-06-01/runtime/").split("/"):
            case ["invocation", "next"]:
                return await self._serve_next()
            case ["invocation", request_id, outcome] if self._current and request_id == self._current.id:
                self._accept(Result(request.body, failed=outcome == "error"))
            case ["init", "error"]:
                self._end = Result(request.body, failed=True)
            case _:
                return Response.of({"errorMessage": "not now", "errorType": "InvalidStateTransition"}, 403)
        return Response.of({"status": "OK"}, 202)

    async def _serve_next(self) -> Response:
        if not self.initialised:
            self.initialised = True
            self._init_ms = (time.monotonic() - self._started) * 1000
            self._clear_alarm()
            self.pool.initialised(self, self._init_ms)
        invocation = await self._next
        self._next = asyncio.get_running_loop().create_future()
        left = self.pool.function.timeout - (time.monotonic() - invocation.handed_over)
        headers = {
            "Lambda-Runtime-Aws-Request-Id": invocation.id,
            "Lambda-Runtime-Deadline-Ms": str(round((time.time() + left) * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": arn(self.pool.function.name),
            "Lambda-Runtime-Trace-Id": f"Root=1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]};Sampled=0",
        }
        return Response(200, invocation.payload, headers=headers)

    def _accept(self, result: Result) -> None:
        if len(result.payload) > LARGEST_PAYLOAD:
            size = f"Response payload size exceeded maximum allowed payload size ({LARGEST_PAYLOAD} bytes)."
            result = Result.error("Function.ResponseSizeTooLarge", size)
        self._finish(result)
        self.pool.idle(self)


class Pool:
    """The execution environments of one function."""

    def __init__(self, function: Function, environment: dict[str, str], log: Path, starting: asyncio.Semaphore) -> None:
        self.function = function
        self.environment = environment
        self.task_root = environment["LAMBDA_TASK_ROOT"]
        self.concurrency = CONCURRENCY
        self.most_processes = CONCURRENCY
        self.failure: Result | None = None  # of the last start
        log.parent.mkdir(parents=True, exist_ok=True)
        self.log = log.open("ab", buffering=0)
        self._starting = starting  # shared by all functions
        self._environments: set[Environment] = set()
        self._idle: list[Environment] = []  # the one used last is used next
        self._waiting: deque[Invocation] = deque()
        self._in_hand = 0
        self._invocations = 0
        self._cold_starts = 0
        self._last_init_ms: float | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    # --- from outside --------------------------------------------------------------------------------------------

    async def invoke(self, payload: bytes) -> Result:
        """The result of one invocation; TooManyRequests beyond the function's concurrency."""
        if self._in_hand >= self.concurrency:
            raise TooManyRequests
        self._invocations += 1
        invocation = Invocation(payload, asyncio.get_running_loop().create_future())
        self._in_hand += 1
        invocation.result.add_done_callback(self._let_go)
        if self._idle:
            self._idle.pop().hand_over(invocation)
        else:
            self._waiting.append(invocation)
            self._start_missing()
        return await asyncio.shield(invocation.result)  # it goes on when the caller gives up, as on AWS

    def keep_warm(self) -> None:
        """Starts one process ahead of any invocation, as provisioned concurrency does."""
        self._start(kept=True)

    def reset(self) -> None:
        """Ends all processes."""
        for environment in list(self._environments):
            self._forget(environment)
            environment.stop()

    async def close(self) -> None:
        """Ends all processes and waits until they have ended."""
        self._waiting.clear()
        self.reset()
        await asyncio.gather(*self._tasks)
        self.log.close()

    def stop_unused(self) -> None:
        """Ends processes that nothing was given to for a while."""
        for environment in list(self._idle):
            if not environment.kept and time.monotonic() - environment.last_used > IDLE_SECONDS:
                self._forget(environment)
                environment.stop()

    @property
    def is_warm(self) -> bool:
        return any(environment.initialised for environment in self._environments)

    def has(self, environment: Environment) -> bool:
        return environment in self._environments

    def describe(self) -> dict[str, Any]:
        return {
            "processes": len(self._environments),
            "idle": len(self._idle),
            "invocations": self._invocations,
            "cold_starts": self._cold_starts,
            "last_init_ms": self._last_init_ms and round(self._last_init_ms, 1),
            "concurrency": self.concurrency,
            "start_error": self.failure and json.loads(self.failure.payload),
        }

    # --- from the environments -----------------------------------------------------------------------------------

    def initialised(self, environment: Environment, init_ms: float) -> None:
        self._last_init_ms = init_ms
        self._cold_starts += not environment.kept
        self.failure = None
        self._starting.release()
        self.idle(environment)

    def idle(self, environment: Environment) -> None:
        """It takes the invocation that waits longest, or waits itself."""
        if not self.has(environment):
            return
        if self._waiting:
            environment.hand_over(self._waiting.popleft())
        else:
            self._idle.append(environment)

    def init_failed(self, result: Result) -> None:
        """One invocation learns why; those after it try again, each with a process of its own."""
        self.failure = result
        if self._waiting:
            self._waiting.popleft().finish(result)

    def report(self, invocation: Invocation, result: Result, init_ms: float | None, seconds: float) -> None:
        """AWS's line at the end of each invocation, in its JSON form."""
        metrics: dict[str, Any] = {
            "durationMs": round(seconds * 1000, 1),
            "memorySizeMB": self.function.memory,
        }
        if init_ms is not None:
            metrics["initDurationMs"] = round(init_ms, 1)
        record = {"requestId": invocation.id, "metrics": metrics, "status": "error" if result.failed else "success"}
        line = {"time": datetime.now(UTC).isoformat(), "type": "platform.report", "record": record}
        self.log.write(json.dumps(line).encode() + b"\n")

    # --- starting ------------------------------------------------------------------------------------------------

    def _start_missing(self) -> None:
        """As many processes as invocations wait for one."""
        coming = sum(not environment.initialised for environment in self._environments)
        room = min(self.concurrency, self.most_processes) - len(self._environments)
        for _ in range(min(len(self._waiting) - coming, room)):
            self._start(kept=False)

    def _start(self, *, kept: bool) -> None:
        environment = Environment(self, kept=kept)
        self._environments.add(environment)
        task = asyncio.get_running_loop().create_task(self._run(environment))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, environment: Environment) -> None:
        await self._starting.acquire()  # this machine has fewer cores than AWS: a crowd of starts would delay them all
        wanted = environment in self._environments and (environment.kept or bool(self._waiting))
        if not wanted:  # meanwhile another process took what this one was meant for
            self._starting.release()
            self._forget(environment)
            return
        try:
            await environment.run()
        except OSError as error:
            self.init_failed(Result.error("Runtime.InvalidEntrypoint", f"the process could not be started: {error}"))
        finally:
            if not environment.initialised:
                self._starting.release()
        lost = environment in self._environments
        self._forget(environment)
        if lost and environment.kept and environment.initialised:
            self.keep_warm()
        self._start_missing()

    def _let_go(self, _: asyncio.Future[Result]) -> None:
        self._in_hand -= 1

    def _forget(self, environment: Environment) -> None:
        self._environments.discard(environment)
        with contextlib.suppress(ValueError):
            self._idle.remove(environment)


# --- the service -----------------------------------------------------------------------------------------------------


def arn(function: str) -> str:
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}"


def function_name(text: str) -> str:
    """The name in a function's name, ARN or partial ARN, whatever version or alias it points to."""
    return re.sub(r"^(?:arn:[^:]+:lambda:[^:]*:)?(?:\d{12}:)?(?:function:)?", "", unquote(text)).split(":")[0]


def refusal(error_type: str, status: int, message: str) -> Response:
    """An error of the service itself, as AWS words it."""
    kind = "User" if status < 500 else "Service"
    return Response.of({"Type": kind, "message": message}, status, {"x-amzn-ErrorType": error_type})


class Lambdas:
    """All functions of the catalog."""

    def __init__(self, plan: Plan, functions: Iterable[Function], packages: Packages) -> None:
        starting = asyncio.Semaphore(2 * (os.cpu_count() or 1))
        self.pools = {
            function.name: Pool(
                function,
                packages.environment(function) | plan.environment(function),
                plan.log(function.name),
                starting,
            )
            for function in functions
        }
        self._warm = [pool for pool in self.pools.values() if plan.keep_warm and pool.function.answers(plan.school_api)]
        self._background: set[asyncio.Task[Any]] = set()

    def start(self) -> None:
        self._in_background(self._stop_unused())

    def keep_warm(self) -> None:
        """Start what is kept warm: once the servers are there that it connects to ahead of need."""
        for pool in self._warm:
            if not pool.is_warm:
                pool.keep_warm()

    async def invoke(self, name: str, payload: bytes) -> Result:
        """KeyError for a function that is not in the catalog; TooManyRequests beyond its concurrency."""
        return await self.pools[name].invoke(payload)

    async def close(self) -> None:
        for task in self._background:
            task.cancel()
        await asyncio.gather(*(pool.close() for pool in self.pools.values()))

    async def handle(self, request: Request) -> Response:
        match [request.method, *request.path.strip("/").split("/")]:
            case ["POST", "2015-03-31", "functions", name, "invocations"]:
                return await self._serve_invoke(function_name(name), request)
            case ["GET", "functions"]:
                return Response.of({name: pool.describe() for name, pool in self.pools.items()})
            case ["POST", "warm"]:
                self.keep_warm()
                return self._serve_ready()
            case ["GET", "ready"]:
                return self._serve_ready()
            case ["POST", "functions", name, "reset"] if name in self.pools:
                self.pools[name].reset()
                return Response.of(self.pools[name].describe())
            case ["POST", "functions", name, "processes", number] if name in self.pools:
                self.pools[name].most_processes = int(number)
                return Response.of(self.pools[name].describe())
            case ["PUT", "2017-10-31", "functions", name, "concurrency"] if function_name(name) in self.pools:
                value = int(request.json["ReservedConcurrentExecutions"])
                self.pools[function_name(name)].concurrency = value
                return Response.of({"ReservedConcurrentExecutions": value})
        return refusal("ResourceNotFoundException", 404, f"nothing at {request.method} {request.path}")

    async def _serve_invoke(self, name: str, request: Request) -> Response:
        payload = request.body or b"{}"
        if name not in self.pools:
            return refusal("ResourceNotFoundException", 404, f"Function not found: {arn(name)}")
        if len(payload) > LARGEST_PAYLOAD:
            message = f"Request must be smaller than {LARGEST_PAYLOAD} bytes for the InvokeFunction operation"
            return refusal("RequestTooLargeException", 413, message)
        try:
            json.loads(payload)
        except ValueError as error:
            message = f"Could not parse request body into json: {type(error).__name__}"
            return refusal("InvalidRequestContentException", 400, message)
        if request.headers.get("x-amz-invocation-type", "RequestResponse") == "Event":
            self._in_background(self._invoke_later(name, payload))
            return Response(202)
        try:
            result = await self.invoke(name, payload)
        except TooManyRequests:
            return refusal("TooManyRequestsException", 429, "Rate Exceeded.")
        headers = {"X-Amz-Executed-Version": "$LATEST"} | (
            {"X-Amz-Function-Error": "Unhandled"} if result.failed else {}
        )
        return Response(200, result.payload, headers=headers)

    async def _invoke_later(self, name: str, payload: bytes) -> None:
        """As AWS's own queue of asynchronous events: it waits while the function is busy; errors are in its log."""
        while True:
            try:
                await self.invoke(name, payload)
            except TooManyRequests:
                await asyncio.sleep(1)
            else:
                return

    def _serve_ready(self) -> Response:
        failed = {pool.function.name: pool.describe()["start_error"] for pool in self._warm if pool.failure}
        missing = [pool.function.name for pool in self._warm if not pool.is_warm and not pool.failure]
        return Response.of({"missing": missing, "failed": failed}, 503 if missing else 200)

    async def _stop_unused(self) -> None:
        while True:
            await asyncio.sleep(IDLE_SECONDS / 10)
            for pool in self.pools.values():
                pool.stop_unused()

    def _in_background(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


@contextlib.asynccontextmanager
async def serving(
    plan: Plan, functions: Iterable[Function], packages: Packages, *, warm: bool = True
) -> AsyncIterator[Lambdas]:
    """Both ports are served while this is entered; `warm`: what is kept warm starts at once."""
    lambdas = Lambdas(plan, functions, packages)
    servers = [
        await listen(lambdas.handle, plan.ports.lambdas),
        await listen(front_door(lambdas.invoke), plan.ports.front_door),
    ]
    lambdas.start()
    if warm:
        lambdas.keep_warm()
    try:
        yield lambdas
    finally:
        for server in servers:
            server.close()
        await lambdas.close()


async def serve_until_stopped(plan: Plan) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    packages = Packages.build(dict.fromkeys(layer for function in FUNCTIONS for layer in function.layers))
    async with serving(plan, FUNCTIONS, packages, warm=False):  # the stack says when the servers are there
        await stop.wait()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.lambdas")
    parser.add_argument("--plan", type=Path, required=True)
    asyncio.run(serve_until_stopped(Plan.load(parser.parse_args().plan)))


if __name__ == "__main__":
    main()
