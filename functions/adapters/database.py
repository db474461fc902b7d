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
from sqlalchemy.exc import DBAPIError, InterfaceError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from functions.adapters import observe
from functions.domain.errors import DataUnavailable

# A silent server (its host is gone) costs each who asks it the whole timeout, so these add up: replica, then primary,
# must end in an answer while the functions that read still have time to give it.
CONNECT_TIMEOUT = 5  # seconds: of the primary, for each wait on its socket
STATEMENT_TIMEOUT = 4000  # ms: the server gives up first, so that its connection stays of use
PRIMARY_PAUSE = 5  # seconds: no second connect to a primary that was silent, for whoever asks twice
REPLICA_TIMEOUT = 2  # seconds
REPLICA_STATEMENT_TIMEOUT = 1500  # ms
REPLICA_PAUSE = 30  # seconds
PING_TIMEOUT = 1  # seconds: of the look whether a connection of the pool still lives
CERTIFICATES = Path(__file__).parent / "rds_certificates"  # one file for each region: `make certificates`
# Classes of SQLSTATE that are no mistake of ours: connection, sign-in, resources, shutdown or timeout, failover.
OUTAGES = ("08", "28", "53", "57", "58", "25006", "40001")


class StatementRefused(Exception):
    """PostgreSQL refused a statement: a mistake of ours, told by its SQLSTATE and never by the values in it."""


_replica_again = 0.0  # when the replica is asked again
_primary_again: dict[str, float] = {}  # URL -> when one that was silent is connected to again


@contextmanager
def writer(patience: float | None = None) -> Iterator[Connection]:
    """A transaction on the primary, committed at the end; raises DataUnavailable when it cannot be had.

    `patience`: seconds that one statement is waited for, where no parent waits.
    """
    with (
        observe.held_back(),
        _outages(),
        _connect(os.environ["DATABASE_WRITER_URL"], patience) as connection,
        connection.begin(),
    ):
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

    One that could not be had is left alone for some seconds.
    """
    if time.monotonic() < _replica_again or not _is_replica(os.environ["DATABASE_READER_URL"]):
        return None
    connection = None
    try:
        connection = _connect(os.environ["DATABASE_READER_URL"])
        if not written or _has_replayed(connection, written):
            return connection
        observe.count("ReplicaBehind")
    except (SQLAlchemyError, DataUnavailable) as error:
        _leave_replica_alone()
        observe.count("ReplicaUnavailable")
        observe.log().warning("replica unavailable", error=type(error).__name__)
    if connection:
        connection.close()
    return None


def _leave_replica_alone() -> None:
    global _replica_again
    _replica_again = time.monotonic() + REPLICA_PAUSE


def _is_replica(url: str) -> bool:
    """Whether this is a server of its own, and not the primary under the reader's name."""
    primary, server = urlsplit(os.environ["DATABASE_WRITER_URL"]), urlsplit(url)
    return (server.hostname, server.port or 5432) != (primary.hostname, primary.port or 5432)


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
    except (DBAPIError, PoolExhausted) as error:
        details = error.orig.args[0] if isinstance(error, DBAPIError) and error.orig and error.orig.args else None
        state = str(details.get("C", "")) if isinstance(details, dict) else ""
        lost = isinstance(error, PoolExhausted | InterfaceError) or error.connection_invalidated
        if not lost and not state.startswith(OUTAGES):
            raise StatementRefused(type(error).__name__, state) from None
        observe.count("DatabaseFailures")
        raise DataUnavailable("no database") from None


@cache
def _engine(url: str, patience: float | None = None) -> Engine:
    """One engine per process and server: at most five connections, tested before use, renewed every five minutes."""
    parts = urlsplit(url)
    iam = os.environ.get("DATABASE_AUTH") == "iam"
    is_replica = url == os.environ.get("DATABASE_READER_URL") and _is_replica(url)
    timeout = REPLICA_TIMEOUT if is_replica else CONNECT_TIMEOUT
    statement_timeout = REPLICA_STATEMENT_TIMEOUT if is_replica else STATEMENT_TIMEOUT
    arguments: dict[str, Any] = {
        "timeout": patience or timeout,  # of every read, not only while connecting
        "tcp_keepalive": True,
        "startup_params": {"statement_timeout": str(statement_timeout)},
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
        if started < (_replica_again if is_replica else _primary_again.get(url, 0.0)):
            raise ConnectionError("silent a moment ago")
        try:
            made = dialect.connect(*arguments, **parameters)
        except Exception as error:
            if not is_replica and _was_silent(error):
                _primary_again[url] = time.monotonic() + PRIMARY_PAUSE
            raise
        observe.took("DatabaseConnectTime", time.monotonic() - started)
        return made

    ping = engine.dialect.do_ping

    def ping_briefly(connection: Any) -> bool:
        """As SQLAlchemy does, with a timeout of its own: the pool connects anew after it, and a parent waits."""
        connection._usock.settimeout(min(PING_TIMEOUT, timeout))
        try:
            return ping(connection)
        except Exception as error:
            if is_replica and _was_silent(error):
                _leave_replica_alone()  # another connect would meet the same silence; a primary may have moved
            raise
        finally:
            connection._usock.settimeout(timeout)

    engine.dialect.do_ping = ping_briefly  # type: ignore[assignment, method-assign]
    return engine


def _was_silent(error: BaseException) -> bool:
    """pg8000 tells a timeout as the cause of its own error, or lets it through."""
    return isinstance(error, TimeoutError) or isinstance(error.__cause__, TimeoutError)


def _token(host: str, port: int, user: str) -> str:
    """A fresh IAM token, signed locally; good for 15 minutes."""
    from functions.adapters.aws import presigned_query

    address = f"{host}:{port}"
    return address + presigned_query(address, "/", "rds-db", {"Action": "connect", "DBUser": user}, 900)


def tls() -> Any:
    """A TLS context that trusts AWS's database certificates and checks the host name."""
    import ssl

    return ssl.create_default_context(cafile=str(CERTIFICATES / f"{os.environ['AWS_REGION']}.pem"))
