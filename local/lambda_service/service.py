"""All functions of the catalog, and the two ports at which they are called."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Coroutine, Iterable
from typing import Any

from infra.catalog import Function
from local.http_api import http_api
from local.lambda_service.invocation import Result, TooManyRequests
from local.lambda_service.invoke_api import InvokeApi
from local.lambda_service.packages import Packages
from local.lambda_service.pool import IDLE_SECONDS, Pool
from local.plan import Plan
from local.world.http_server import listen


class LambdaService:
    """One pool of processes for each function."""

    def __init__(self, plan: Plan, functions: Iterable[Function], packages: Packages) -> None:
        start_slots = asyncio.Semaphore(2 * (os.cpu_count() or 1))
        functions = tuple(functions)
        self.pools = {
            function.name: Pool(
                function,
                packages.environment(function) | plan.environment(function),
                plan.log(function.name),
                start_slots,
            )
            for function in functions
        }
        self.provisioned = [
            self.pools[function.name] for function in functions if plan.keep_warm and function.answers(plan.school_api)
        ]
        self._background: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        self._in_background(self._stop_unused())

    def start_provisioned(self) -> None:
        """Start what is kept warm. Call it once the servers run that these functions connect to ahead of need."""
        for pool in self.provisioned:
            if not pool.is_warm:
                pool.start_provisioned()

    async def invoke(self, name: str, payload: bytes) -> Result:
        """KeyError for a function that is not in the catalog; TooManyRequests beyond its concurrency."""
        return await self.pools[name].invoke(payload)

    def invoke_later(self, name: str, payload: bytes) -> None:
        """Asynchronous invocation: it waits while the function is busy, and errors are only in its log."""
        self._in_background(self._invoke_when_free(name, payload))

    async def close(self) -> None:
        for task in self._background:
            task.cancel()
        await asyncio.gather(*(pool.close() for pool in self.pools.values()))

    async def _invoke_when_free(self, name: str, payload: bytes) -> None:
        while True:
            try:
                await self.invoke(name, payload)
            except TooManyRequests:
                await asyncio.sleep(1)
            else:
                return

    async def _stop_unused(self) -> None:
        while True:
            await asyncio.sleep(IDLE_SECONDS / 10)
            for pool in self.pools.values():
                pool.stop_unused()

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


@contextlib.asynccontextmanager
async def serving(
    plan: Plan, functions: Iterable[Function], packages: Packages, *, warm: bool = True
) -> AsyncIterator[LambdaService]:
    """Serve the Invoke API and the HTTP API while this is entered; `warm`: start provisioned processes at once."""
    service = LambdaService(plan, functions, packages)
    servers = [
        await listen(InvokeApi(service).handle, plan.ports.lambdas),
        await listen(http_api(service.invoke, console_port=plan.ports.console), plan.ports.http_api),
    ]
    service.start()
    if warm:
        service.start_provisioned()
    try:
        yield service
    finally:
        for server in servers:
            server.close()
        await service.close()
