"""PostgreSQL: reads go to the replica, writes to the primary, by two explicit factories."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError, InterfaceError, SQLAlchemyError, TimeoutError

from functions.adapters import observe
from functions.domain.errors import DataUnavailable

CONNECT_TIMEOUT = 5  # seconds
REPLICA_PAUSE = 30  # seconds
STATEMENT_TIMEOUT = 4000  # ms
CERTIFICATES = Path(__file__).parent / "rds_certificates"  # one file for each region: `make certificates`
# Classes of SQLSTATE that are no mistake of ours: connection, sign-in, resources, shutdown or timeout, failover.
OUTAGES = ("08", "28", "53", "57", "58", "25006", "40001")


class StatementRefused(Exception):
    """PostgreSQL refused a statement: a mistake of ours, told by its SQLSTATE and never by the values in it."""


_replica_again = 0.0  # when the replica is asked again


@contextmanager
def writer(patience: float | None = None) -> Iterator[Connection]:
    """A transaction on the primary, committed at the end; raises DataUnavailable when it cannot be had.

    `patience`: seconds that one statement is waited for, where no parent waits.
    """
    with _outages(), _connect(os.environ["DATABASE_WRITER_URL"], patience) as connection, connection.begin():
        yield connection


@contextmanager
def reader(written: str | None = None) -> Iterator[Connection]:
    """A connection for reads: the replica, unless it is down or has not yet replayed the WAL position `written`."""
    connection = _replica(written)
    if connection is None:
        with writer() as connection:
            yield connection
    else:
        with _outages(), connection:
            yield connection


def position() -> str:
    """The WAL position after a commit, so that the writer's own next reads see it.

    Ask after the transaction, not in it: a position before the commit's own record promises nothing.
    """
    with writer() as connection:
        return str(connection.execute(text("SELECT pg_current_wal_insert_lsn()")).scalar_one())


def _replica(written: str | None) -> Connection | None:
    """A connection to the replica; None where it cannot be had or is behind.

    One that could not be had is left alone for some seconds: a silent server costs each who asks it five.
    """
    global _replica_again
    if time.monotonic() < _replica_again:
        return None
    connection = None
    try:
        connection = _connect(os.environ["DATABASE_READER_URL"])
        if not written or _has_replayed(connection, written):
            return connection
        observe.count("ReplicaBehind")
    except (SQLAlchemyError, DataUnavailable) as error:
        _replica_again = time.monotonic() + REPLICA_PAUSE
        observe.count("ReplicaUnavailable")
        observe.log().warning("replica unavailable", error=type(error).__name__)
    if connection:
        connection.close()
    return None


def ready(url: str) -> None:
    """Connected to that server."""
    _engine(url).connect().close()


def _has_replayed(connection: Connection, written: str) -> bool:
    query = text("SELECT coalesce(pg_last_wal_replay_lsn() >= CAST(:written AS pg_lsn), true)")
    return bool(connection.execute(query, {"written": written}).scalar_one())


def _connect(url: str, patience: float | None = None) -> Connection:
    try:
        return (_engine(url, patience) if patience else _engine(url)).connect()
    except OSError:  # pg8000 lets those of the handshake through
        raise DataUnavailable("no database") from None


@contextmanager
def _outages() -> Iterator[None]:
    """An outage becomes DataUnavailable; a mistake of ours stays what it is, so that it is seen."""
    try:
        yield
    except (DBAPIError, TimeoutError) as error:
        details = error.orig.args[0] if isinstance(error, DBAPIError) and error.orig and error.orig.args else None
        state = str(details.get("C", "")) if isinstance(details, dict) else ""
        lost = isinstance(error, TimeoutError | InterfaceError) or error.connection_invalidated
        if not lost and not state.startswith(OUTAGES):
            raise StatementRefused(type(error).__name__, state) from None
        observe.count("DatabaseFailures")
        raise DataUnavailable("no database") from None


@cache
def _engine(url: str, patience: float | None = None) -> Engine:
    """One engine per process and server: at most five connections, tested before use, renewed every five minutes."""
    parts = urlsplit(url)
    iam = os.environ.get("DATABASE_AUTH") == "iam"
    arguments: dict[str, Any] = {
        "timeout": patience or CONNECT_TIMEOUT,  # of every read, not only while connecting
        "tcp_keepalive": True,
        "startup_params": {"statement_timeout": str(STATEMENT_TIMEOUT)},
    }
    if iam:
        arguments["ssl_context"] = tls()
    engine = create_engine(
        url,
        pool_size=5,
        max_overflow=0,
        pool_timeout=CONNECT_TIMEOUT,
        pool_pre_ping=True,
        pool_recycle=300,
        hide_parameters=True,  # numbers of parents, in the text of an error
        connect_args=arguments,
    )

    @event.listens_for(engine, "do_connect")
    def connect(dialect: Any, _record: object, arguments: Any, parameters: dict[str, Any]) -> Any:
        if iam:
            parameters["password"] = _token(parts.hostname or "", parts.port or 5432, parts.username or "")
        started = time.monotonic()
        made = dialect.connect(*arguments, **parameters)
        observe.took("DatabaseConnectTime", time.monotonic() - started)
        return made

    return engine


def _token(host: str, port: int, user: str) -> str:
    """A fresh IAM token, signed locally; good for 15 minutes."""
    from functions.adapters.aws import presigned_query

    address = f"{host}:{port}"
    return address + presigned_query(address, "/", "rds-db", {"Action": "connect", "DBUser": user}, 900)


def tls() -> Any:
    """A TLS context that trusts AWS's database certificates and checks the host name."""
    import ssl

    return ssl.create_default_context(cafile=str(CERTIFICATES / f"{os.environ['AWS_REGION']}.pem"))
