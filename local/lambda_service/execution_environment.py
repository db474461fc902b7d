"""One execution environment: a process under AWS's runtime client, with a Runtime API on a port of its own."""

import asyncio
import contextlib
import functools
import os
import signal
import sys
import time
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path
from typing import Final, Protocol

from local.child import die_with_parent
from local.lambda_service.invocation import LARGEST_PAYLOAD, Invocation, Result, Runnable
from local.lambda_service.runtime_api import RuntimeApi
from local.plan import function_arn
from local.world.http_server import listen

# Injected faults of an invocation: before its effects, or after them and before the result is known.
DIES_BEFORE: Final = "dies_before"
DIES_AFTER: Final = "dies_after"
HANGS_AFTER: Final = "hangs_after"
FAULTS: Final = (DIES_BEFORE, DIES_AFTER, HANGS_AFTER)
INIT_SECONDS: Final = 30  # AWS allows 10; here many processes start at once on few cores


class Owner(Protocol):
    """The pool, as seen by one of its environments."""

    @property
    def function(self) -> Runnable: ...

    @property
    def runtime(self) -> str: ...

    @property
    def environment(self) -> dict[str, str]: ...

    @property
    def log(self) -> FileIO: ...

    def has(self, environment: "ExecutionEnvironment") -> bool: ...

    def initialised(self, environment: "ExecutionEnvironment", init_ms: float) -> None: ...

    def init_failed(self, result: Result) -> None: ...

    def idle(self, environment: "ExecutionEnvironment") -> None: ...

    def take_fault(self, kind: str) -> bool: ...

    def report(self, invocation: Invocation, result: Result, init_ms: float | None, seconds: float) -> None: ...


class ExecutionEnvironment:
    """One process of a function; it handles one invocation at a time."""

    def __init__(self, pool: Owner, *, provisioned: bool) -> None:
        """`provisioned`: started ahead of any invocation, as provisioned concurrency does."""
        self.pool = pool
        self.provisioned = provisioned
        self.arn = function_arn(pool.function.name)
        self.is_initialised = False
        self.last_used = time.monotonic()
        self.current: Invocation | None = None
        self._next: asyncio.Future[Invocation] = asyncio.get_running_loop().create_future()
        self._process: asyncio.subprocess.Process | None = None
        self._started = 0.0
        self._init_ms: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._failure: Result | None = None  # why the process is being ended, or what it reported of its failed start

    async def run(self) -> None:
        """Start the process and wait until it has ended."""
        runtime_api = await listen(RuntimeApi(self).handle, 0)
        try:
            status = await self._run_process(runtime_api.sockets[0].getsockname()[1])
        finally:
            self._stop_timer()
            self._next.cancel()
            runtime_api.close()
        exit_reason = f"exit status {status}" if status >= 0 else f"signal: {signal.Signals(-status).name}"
        result = self._failure or Result.error("Runtime.ExitError", f"Runtime exited with error: {exit_reason}")
        if self.current:
            self._finish(result)
        elif not self.is_initialised:
            self.pool.init_failed(result)

    async def _run_process(self, runtime_api_port: int) -> int:
        environment = self.pool.environment | {
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{runtime_api_port}",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "provisioned-concurrency" if self.provisioned else "on-demand",
            "AWS_LAMBDA_LOG_STREAM_NAME": f"{datetime.now(UTC):%Y/%m/%d}/[$LATEST]{uuid.uuid4().hex}",
        }
        self._started = time.monotonic()
        self._start_timer(INIT_SECONDS)
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-S", "-s", "-m", self.pool.runtime, self.pool.function.handler),  # -S: no site-packages
            cwd=Path(environment["LAMBDA_TASK_ROOT"]),
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=self.pool.log,
            stderr=self.pool.log,
            preexec_fn=functools.partial(die_with_parent, parent=os.getpid()),
        )
        if not self.pool.has(self):  # the pool was reset while it started
            self.stop()
        return await self._process.wait()

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def stop(self) -> None:
        """Kill the process; an invocation under way fails."""
        with contextlib.suppress(ProcessLookupError):
            if self._process:
                self._process.kill()

    # --- invocations ---------------------------------------------------------------------------------------------

    def assign(self, invocation: Invocation) -> None:
        """Give an idle environment its next invocation."""
        invocation.started = self.last_used = time.monotonic()
        self.current = invocation
        self._start_timer(self.pool.function.timeout)
        if self.pool.take_fault(DIES_BEFORE):
            self.stop()
        else:
            self._next.set_result(invocation)

    def _finish(self, result: Result) -> None:
        invocation, self.current = self.current, None
        self._stop_timer()
        self.last_used = time.monotonic()
        if invocation:
            self.pool.report(invocation, result, self._init_ms, self.last_used - invocation.started)
            cold_start = None if self.provisioned else self._init_ms
            self._init_ms = None
            invocation.finish(replace(result, request_id=invocation.id, cold_start_ms=cold_start))

    # --- what the process reports through the Runtime API ----------------------------------------------------------

    async def next_invocation(self) -> Invocation:
        """The first call marks the process as initialised."""
        if not self.is_initialised:
            self.is_initialised = True
            self._init_ms = (time.monotonic() - self._started) * 1000
            self._stop_timer()
            self.pool.initialised(self, self._init_ms)
        invocation = await self._next
        self._next = asyncio.get_running_loop().create_future()
        return invocation

    def seconds_left(self, invocation: Invocation) -> float:
        """Until the function's timeout."""
        return self.pool.function.timeout - (time.monotonic() - invocation.started)

    def complete(self, result: Result) -> None:
        """The result of the current invocation."""
        if self.pool.take_fault(DIES_AFTER):
            self.stop()
            return
        if self.pool.take_fault(HANGS_AFTER):  # until its timeout
            return
        if len(result.payload) > LARGEST_PAYLOAD:
            message = f"Response payload size exceeded maximum allowed payload size ({LARGEST_PAYLOAD} bytes)."
            result = Result.error("Function.ResponseSizeTooLarge", message)
        self._finish(result)
        self.pool.idle(self)

    def init_error(self, result: Result) -> None:
        """Why the process could not start; it ends by itself."""
        self._failure = result

    # --- timeout ---------------------------------------------------------------------------------------------------

    def _start_timer(self, seconds: float) -> None:
        self._stop_timer()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._time_out, seconds)

    def _stop_timer(self) -> None:
        if self._timer:
            self._timer.cancel()

    def _time_out(self, seconds: float) -> None:
        prefix = f"RequestId: {self.current.id} " if self.current else ""
        self._failure = Result.error("Sandbox.Timedout", f"{prefix}Error: Task timed out after {seconds:.2f} seconds")
        self.stop()
