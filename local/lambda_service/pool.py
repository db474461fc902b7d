"""The execution environments of one function: started on demand up to its concurrency, ended when unused."""

import asyncio
import contextlib
import json
import random
import time
from collections import Counter, deque
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from local.lambda_service.execution_environment import ExecutionEnvironment
from local.lambda_service.invocation import Invocation, Result, Runnable, TooManyRequests

CONCURRENCY: Final = 50  # of each function, unless set otherwise
IDLE_SECONDS: Final = 120  # after which an on-demand process ends


class Pool:
    """All processes of one function."""

    def __init__(
        self, function: Runnable, environment: dict[str, str], log: Path, start_slots: asyncio.Semaphore
    ) -> None:
        """`start_slots` are shared by all functions: more starts at once than cores would slow each other down."""
        self.function = function
        self.environment = environment
        self.runtime = "awslambdaric"  # the module that a process runs
        self.concurrency = CONCURRENCY
        self.max_processes = CONCURRENCY
        self.init_failure: Result | None = None  # of the last start
        log.parent.mkdir(parents=True, exist_ok=True)
        self.log = log.open("ab", buffering=0)
        self.faults: Counter[str] = Counter()  # injected: kind -> how many invocations it is to meet
        self._start_slots = start_slots
        self._environments: set[ExecutionEnvironment] = set()
        self._idle: list[ExecutionEnvironment] = []  # last in, first out
        self._waiting: deque[Invocation] = deque()
        self._in_progress = 0
        self._invocations = 0
        self._cold_starts = 0
        self._last_init_ms: float | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    # --- for callers ---------------------------------------------------------------------------------------------

    async def invoke(self, payload: bytes) -> Result:
        """The result of one invocation; TooManyRequests beyond the function's concurrency."""
        if self._in_progress >= self.concurrency:
            raise TooManyRequests
        self._invocations += 1
        invocation = Invocation(payload, asyncio.get_running_loop().create_future())
        self._in_progress += 1
        invocation.result.add_done_callback(self._invocation_done)
        if self._idle:
            self._idle.pop().assign(invocation)
        else:
            self._waiting.append(invocation)
            self._start_missing()
        return await asyncio.shield(invocation.result)  # it goes on when the caller gives up, as on AWS

    def start_provisioned(self) -> None:
        """Start one process ahead of any invocation, as provisioned concurrency does."""
        self._start(provisioned=True)

    def reset(self) -> None:
        """End all processes."""
        for environment in list(self._environments):
            self._remove(environment)
            environment.stop()

    def kill_busy(self) -> bool:
        """End one process in the middle of an invocation, as a crash would; False if none is busy."""
        busy = [environment for environment in self._environments if environment.current]
        if busy:
            random.choice(busy).stop()
        return bool(busy)

    def change_environment(self, variables: Mapping[str, str | None]) -> None:
        """Set variables, or remove those without a value; the next process of the function gets them."""
        known = {name: value for name, value in self.environment.items() if name not in variables}
        self.environment = known | {name: value for name, value in variables.items() if value is not None}
        self.reset()

    async def close(self) -> None:
        """End all processes and wait until they have ended."""
        self._waiting.clear()
        self.reset()
        await asyncio.gather(*self._tasks)
        self.log.close()

    def stop_unused(self) -> None:
        """End on-demand processes that had no invocation for a while."""
        for environment in list(self._idle):
            if not environment.provisioned and time.monotonic() - environment.last_used > IDLE_SECONDS:
                self._remove(environment)
                environment.stop()

    @property
    def is_warm(self) -> bool:
        return any(environment.is_initialised for environment in self._environments)

    def processes(self) -> list[int]:
        """The ids of the processes that run now."""
        return [environment.pid for environment in self._environments if environment.pid]

    def describe(self) -> dict[str, Any]:
        return {
            "processes": len(self._environments),
            "idle": len(self._idle),
            "invocations": self._invocations,
            "cold_starts": self._cold_starts,
            "last_init_ms": self._last_init_ms and round(self._last_init_ms, 1),
            "concurrency": self.concurrency,
            "start_error": self.init_failure and json.loads(self.init_failure.payload),
        }

    # --- for the environments ------------------------------------------------------------------------------------

    def has(self, environment: ExecutionEnvironment) -> bool:
        return environment in self._environments

    def initialised(self, environment: ExecutionEnvironment, init_ms: float) -> None:
        self._last_init_ms = init_ms
        self._cold_starts += not environment.provisioned
        self.init_failure = None
        self._start_slots.release()
        self.idle(environment)

    def idle(self, environment: ExecutionEnvironment) -> None:
        """Give the environment the oldest waiting invocation, or keep it for the next one."""
        if not self.has(environment):
            return
        if self._waiting:
            environment.assign(self._waiting.popleft())
        else:
            self._idle.append(environment)

    def take_fault(self, kind: str) -> bool:
        """Whether this invocation is to fail in that way; counted down."""
        is_met = self.faults[kind] > 0
        self.faults[kind] -= is_met
        return is_met

    def init_failed(self, result: Result) -> None:
        """Fail the oldest waiting invocation; the others try again, each with a process of its own."""
        self.init_failure = result
        if self._waiting:
            self._waiting.popleft().finish(result)

    def report(self, invocation: Invocation, result: Result, init_ms: float | None, seconds: float) -> None:
        """Log AWS's line at the end of each invocation, in its JSON form."""
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
        """Start as many processes as invocations wait for one."""
        starting = sum(not environment.is_initialised for environment in self._environments)
        room = min(self.concurrency, self.max_processes) - len(self._environments)
        for _ in range(min(len(self._waiting) - starting, room)):
            self._start(provisioned=False)

    def _start(self, *, provisioned: bool) -> None:
        environment = ExecutionEnvironment(self, provisioned=provisioned)
        self._environments.add(environment)
        task = asyncio.get_running_loop().create_task(self._run(environment))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, environment: ExecutionEnvironment) -> None:
        await self._start_slots.acquire()
        needed = self.has(environment) and (environment.provisioned or bool(self._waiting))
        if not needed:  # another process has taken the invocation meanwhile
            self._start_slots.release()
            self._remove(environment)
            return
        try:
            await environment.run()
        except OSError as error:
            self.init_failed(Result.error("Runtime.InvalidEntrypoint", f"the process could not be started: {error}"))
        finally:
            if not environment.is_initialised:
                self._start_slots.release()
        ended_by_itself = self.has(environment)
        self._remove(environment)
        if ended_by_itself and environment.provisioned and environment.is_initialised:
            self.start_provisioned()
        self._start_missing()

    def _invocation_done(self, _: asyncio.Future[Result]) -> None:
        self._in_progress -= 1

    def _remove(self, environment: ExecutionEnvironment) -> None:
        self._environments.discard(environment)
        with contextlib.suppress(ValueError):
            self._idle.remove(environment)
