"""A TCP proxy before each of the two databases: new connections are delayed as the profile says, or fail on demand.

    python -m local.database_proxy --plan .local/plan.json

Faults come from the simulated world: service `database` with the operations `connect` (both), `writer` and `reader`.
Open connections pass through unchanged, at about a tenth of a millisecond a message.
"""

import argparse
import asyncio
import signal
import socket
import struct
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from local.child import die_with_parent
from local.plan import Plan
from local.world.client import WorldClient

CHUNK: Final = 64 * 1024
RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)  # SO_LINGER of 0 s: close() sends a reset


class DatabaseProxy:
    """One listener. `behaviour` overrides the world's faults for new connections: "pass", "refuse" or "silent"."""

    def __init__(self, name: str, port: int, target_port: int, world: WorldClient) -> None:
        self.name, self.port, self.behaviour = name, port, "pass"
        self._target_port, self._world = target_port, world
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)

    async def stop(self) -> None:
        if self._server:
            self._server.close()
        self.drop_connections()

    def drop_connections(self) -> None:
        """Reset every open connection, as a failover does."""
        for writer in list(self._open):
            _reset(writer)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        start = time.time()
        try:
            admitted = await self._admit(reader)
            self._world.record("database", self.name, start, 200 if admitted else 0)
            if admitted:
                await self._forward(reader, writer)
            else:
                _reset(writer)
        except (OSError, asyncio.CancelledError):
            _reset(writer)  # the database is down, one side went away, or the proxy stops
        finally:
            self._open.discard(writer)
            writer.close()

    async def _admit(self, reader: asyncio.StreamReader) -> bool:
        """Delay the connection as the profile says; False if it is to be refused."""
        fault = await asyncio.to_thread(self._fault)
        if fault.get("kind") == "silent":
            while await reader.read(CHUNK):  # until the client gives up
                pass
            return False
        delay = await asyncio.to_thread(self._world.seconds, "database_connect_seconds")
        if fault.get("kind") == "slow":
            delay += fault["seconds"]
        elif fault:
            return False
        await asyncio.sleep(delay)
        return True

    def _fault(self) -> dict[str, Any]:
        if self.behaviour != "pass":
            return {"kind": self.behaviour}
        return self._world.take_fault("database", "connect") or self._world.take_fault("database", self.name) or {}

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        database_reader, database_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
        try:
            directions = [_copy(reader, database_writer), _copy(database_reader, writer)]
            tasks = [asyncio.create_task(direction) for direction in directions]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            database_writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(CHUNK):
        writer.write(data)
        await writer.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    writer.transport.abort()


async def serve(plan: Plan) -> None:
    """Both proxies, until the process is told to stop."""
    world = WorldClient(plan.world_url)
    ports = plan.ports
    writer = DatabaseProxy("writer", ports.database_writer, ports.postgres, world)
    reader = DatabaseProxy("reader", ports.database_reader, ports.replica, world)
    stopped = asyncio.Event()
    for stop_signal in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(stop_signal, stopped.set)
    await writer.start()
    await reader.start()
    await stopped.wait()
    await writer.stop()
    await reader.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description="The delaying proxies before the local databases.")
    parser.add_argument("--plan", type=Path, required=True)
    die_with_parent()
    asyncio.run(serve(Plan.load(parser.parse_args().plan)))


if __name__ == "__main__":
    main()
