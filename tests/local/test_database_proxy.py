"""The proxies before the databases: connecting is delayed or fails on demand."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest

from local.database_proxy import DatabaseProxy


class World:
    """In place of the simulated world: a delay, faults, and the recorded calls."""

    def __init__(self) -> None:
        self.delay = 0.0
        self.faults: dict[str, dict[str, Any]] = {}
        self.recorded: list[tuple[str, str, int]] = []

    def seconds(self, setting: str) -> float:
        assert setting == "database_connect_seconds"
        return self.delay

    def take_fault(self, service: str, operation: str) -> dict[str, Any] | None:
        assert service == "database"
        return self.faults.get(operation)

    def record(self, service: str, operation: str, start: float, status: int = 200) -> None:
        self.recorded.append((service, operation, status))


class Database:
    """Answers each line in capitals."""

    port = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(line.upper())
        writer.close()


@asynccontextmanager
async def proxied(world: World, *, database_up: bool = True) -> AsyncIterator[DatabaseProxy]:
    server = await asyncio.start_server(Database().answer, "127.0.0.1", 0)
    target = server.sockets[0].getsockname()[1]
    if not database_up:
        server.close()
        await server.wait_closed()
    free = await asyncio.start_server(Database().answer, "127.0.0.1", 0)
    port = free.sockets[0].getsockname()[1]
    free.close()
    await free.wait_closed()
    proxy = DatabaseProxy("reader", port, target, world)  # type: ignore[arg-type]
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.stop()
        await asyncio.sleep(0.05)
        server.close()


async def ask(proxy: DatabaseProxy, text: str = "select\n", seconds: float = 30) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    try:
        writer.write(text.encode())
        return (await asyncio.wait_for(reader.readline(), seconds)).decode()
    finally:
        writer.close()


def in_loop(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(test())


def test_only_connecting_is_delayed_by_the_profile() -> None:
    async def test() -> None:
        world = World()
        world.delay = 0.2
        async with proxied(world) as proxy:
            reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
            start = time.monotonic()
            writer.write(b"one\n")
            assert await reader.readline() == b"ONE\n"
            assert time.monotonic() - start > 0.19
            world.delay = 600
            for _ in range(50):
                writer.write(b"two\n")
                assert await asyncio.wait_for(reader.readline(), 30) == b"TWO\n"
            writer.close()
        assert world.recorded == [("database", "reader", 200)]

    in_loop(test)


def test_a_large_answer_passes_unchanged() -> None:
    async def test() -> None:
        async with proxied(World()) as proxy:
            reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port, limit=10**7)
            writer.write(b"x" * 50_000 + b"\n")
            assert await reader.readline() == b"X" * 50_000 + b"\n"
            writer.close()

    in_loop(test)


@pytest.mark.parametrize("faults", [{"connect": {"kind": "close"}}, {"reader": {"kind": "close"}}])
def test_a_refused_connection_fails_at_once(faults: dict[str, Any]) -> None:
    async def test() -> None:
        world = World()
        world.faults = faults
        async with proxied(world) as proxy:
            with pytest.raises(ConnectionError):
                await ask(proxy)
        assert world.recorded == [("database", "reader", 0)]

    in_loop(test)


def test_a_fault_of_the_writer_does_not_affect_the_reader() -> None:
    async def test() -> None:
        world = World()
        world.faults = {"writer": {"kind": "close"}}
        async with proxied(world) as proxy:
            assert await ask(proxy) == "SELECT\n"

    in_loop(test)


def test_the_fault_silent_never_answers() -> None:
    async def test() -> None:
        world = World()
        world.faults = {"connect": {"kind": "silent"}}
        async with proxied(world) as proxy:
            with pytest.raises(TimeoutError):
                await ask(proxy, seconds=0.3)

    in_loop(test)


def test_the_fault_slow_is_added_to_the_delay() -> None:
    async def test() -> None:
        world = World()
        world.delay = 0.1
        world.faults = {"connect": {"kind": "slow", "seconds": 0.2}}
        async with proxied(world) as proxy:
            start = time.monotonic()
            assert await ask(proxy) == "SELECT\n"
            assert time.monotonic() - start > 0.29

    in_loop(test)


def test_a_database_that_is_down_refuses() -> None:
    async def test() -> None:
        async with proxied(World(), database_up=False) as proxy:
            with pytest.raises(ConnectionError):
                await ask(proxy)

    in_loop(test)


def test_open_connections_can_be_dropped_and_new_ones_refused() -> None:
    async def test() -> None:
        async with proxied(World()) as proxy:
            reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
            writer.write(b"one\n")
            assert await reader.readline() == b"ONE\n"
            proxy.behaviour = "refuse"
            proxy.drop_connections()
            with pytest.raises(ConnectionError):
                await reader.readexactly(1)
            with pytest.raises(ConnectionError):
                await ask(proxy)
            proxy.behaviour = "pass"
            assert await ask(proxy) == "SELECT\n"
            writer.close()

    in_loop(test)
