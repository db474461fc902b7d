"""PostgreSQL: writes go to the primary, reads to the replica."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError, InterfaceError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from functions.adapters import observability
from functions.domain.errors import DataUnavailable

# A server that does not respond costs each caller the whole timeout. Replica and primary, one after the other, must
# leave the functions that read time to answer.
CONNECT_TIMEOUT = 5  # seconds: of the primary, for each wait on its socket
STATEMENT_TIMEOUT = 4000  # ms: the server gives up first, so that its connection stays of use
PRIMARY_PAUSE = 5  # seconds without a new connection to a primary that did not respond
REPLICA_TIMEOUT = 2  # seconds
REPLICA_STATEMENT_TIMEOUT = 1500  # ms
REPLICA_PAUSE = 30  # seconds
PING_TIMEOUT = 1  # seconds: of the look whether a connection of the pool still lives
CERTIFICATES = Path(__file__).parent / "certificates"  # one file for each region: `make certificates`
# SQLSTATEs that are no mistake of ours: connection, sign-in, resources, shutdown or timeout, failover, deadlock.
OUTAGES = ("08", "28", "53", "57", "58", "25006", "40001", "40P01")


Result = TypeVar("Result")


class StatementRefused(Exception):
    """PostgreSQL refused a statement: a mistake of ours. Holds the SQLSTATE, never the values."""


class Database:
    """A primary and, where `reader_url` is given, a read replica. Engines are made on first use, one per server."""

    def __init__(self, writer_url: str, reader_url: str | None = None, *, iam: bool = False) -> None:
        """SQLAlchemy URLs; `iam`: sign in with tokens of the function's own role, over verified TLS."""
        self._writer_url = writer_url
        self._reader_url = reader_url if reader_url and _server(reader_url) != _server(writer_url) else None
        self._iam = iam
        self._engines: dict[tuple[str, float | None], Engine] = {}
        self._lock = threading.Lock()
        self._replica_retry_at = 0.0  # monotonic time before which a replica that failed is not asked again
        self._primary_retry_at = 0.0  # the same for new connections to a primary that did not respond

    @contextmanager
    def writer(self, patience: float | None = None) -> Iterator[Connection]:
        """A transaction on the primary, committed at the end; raises DataUnavailable when it cannot be had.

        `patience`: seconds that one statement may take, where no parent waits.
        """
        with (
            observability.counted_after_commit(),
            _outages(),
            self._connect(self._writer_url, patience) as connection,
            connection.begin(),
        ):
            yield connection

    @contextmanager
    def reader(self, min_wal: str | None = None) -> Iterator[Connection]:
        """A connection for reads: the replica, unless it is down or has not yet replayed the WAL position `min_wal`."""
        connection = self._replica(min_wal)
        if connection is None:
            with self.writer() as connection:
                yield connection
        else:
            with _outages(), connection:
                yield connection

    def read(self, query: Callable[[Connection], Result], min_wal: str | None = None) -> Result:
        """What `query` finds; asked again on the primary, once, if the replica cancels it or goes away meanwhile.

        A replica cancels queries that hold up what it has to replay.
        """
        connection = self._replica(min_wal)
        if connection is not None:
            try:
                with _outages(), connection:
                    return query(connection)
            except DataUnavailable:
                observability.count("ReplicaUnavailable")
        with self.writer() as connection:
            return query(connection)

    def wal_position(self) -> str:
        """The WAL position after a commit, so that the writer's own next reads see it.

        Ask after the transaction, not in it: a position before the commit record promises nothing. What is flushed is
        what a replica can reach; the position of the next insert may be one that it reaches with the next write only.
        """
        with self.writer() as connection:
            return str(connection.execute(text("SELECT pg_current_wal_flush_lsn()")).scalar_one())

    def prewarm(self) -> None:
        """Connect to the primary."""
        self._engine(self._writer_url).connect().close()

    def prewarm_reader(self) -> None:
        """Connect to the replica, or to the primary where there is none."""
        with self.reader():
            pass

    def dispose(self) -> None:
        """Close every pooled connection."""
        with self._lock:
            for engine in self._engines.values():
                engine.dispose()
            self._engines.clear()

    def _replica(self, min_wal: str | None) -> Connection | None:
        """A connection to the replica; None where it cannot be had or is behind."""
        if self._reader_url is None or time.monotonic() < self._replica_retry_at:
            return None
        connection = None
        try:
            connection = self._connect(self._reader_url)
            if not min_wal or _has_replayed(connection, min_wal):
                return connection
            observability.count("ReplicaBehind")
        except (SQLAlchemyError, DataUnavailable) as error:
            self._pause_replica()
            observability.count("ReplicaUnavailable")
            observability.logger().warning("replica unavailable", error=type(error).__name__)
        if connection:
            connection.close()
        return None

    def _pause_replica(self) -> None:
        self._replica_retry_at = time.monotonic() + REPLICA_PAUSE

    def _connect(self, url: str, patience: float | None = None) -> Connection:
        try:
            return self._engine(url, patience).connect()
        except OSError:  # pg8000 lets those of the handshake through
            raise DataUnavailable("no database") from None

    def _engine(self, url: str, patience: float | None = None) -> Engine:
        with self._lock:
            if (url, patience) not in self._engines:
                self._engines[url, patience] = self._make_engine(url, patience)
            return self._engines[url, patience]

    def _make_engine(self, url: str, patience: float | None) -> Engine:
        """At most five connections, tested before use, renewed every five minutes."""
        is_replica = url == self._reader_url
        timeout = REPLICA_TIMEOUT if is_replica else CONNECT_TIMEOUT
        statement_timeout = REPLICA_STATEMENT_TIMEOUT if is_replica else STATEMENT_TIMEOUT
        arguments: dict[str, Any] = {
            "timeout": patience or timeout,  # of every read, not only while connecting
            "tcp_keepalive": True,
            "startup_params": {"statement_timeout": str(statement_timeout)},
        }
        if self._iam:
            arguments["ssl_context"] = tls()
        engine = create_engine(
            url,
            pool_size=5,
            max_overflow=0,
            pool_timeout=CONNECT_TIMEOUT,
            pool_pre_ping=True,
            pool_recycle=300,
            hide_parameters=True,  # phone numbers, in the text of an error
            connect_args=arguments,
        )
        self._observe_connects(engine, url, is_replica)
        self._shorten_pings(engine, is_replica, timeout)
        return engine

    def _observe_connects(self, engine: Engine, url: str, is_replica: bool) -> None:
        """Sign in with a fresh token, refuse a server that did not respond a moment ago, and measure."""
        parts = urlsplit(url)

        @event.listens_for(engine, "do_connect")
        def connect(dialect: Any, _record: object, arguments: Any, parameters: dict[str, Any]) -> Any:
            if self._iam:
                parameters["password"] = _token(parts.hostname or "", parts.port or 5432, parts.username or "")
            started = time.monotonic()
            if started < (self._replica_retry_at if is_replica else self._primary_retry_at):
                raise ConnectionError("no response a moment ago")
            try:
                made = dialect.connect(*arguments, **parameters)
            except Exception as error:
                if not is_replica and _is_timeout(error):
                    self._primary_retry_at = time.monotonic() + PRIMARY_PAUSE
                raise
            observability.record_duration("DatabaseConnectTime", time.monotonic() - started)
            return made

    def _shorten_pings(self, engine: Engine, is_replica: bool, timeout: float) -> None:
        """SQLAlchemy's ping before use, with a timeout of its own: the pool reconnects after it, and a parent waits."""
        ping = engine.dialect.do_ping

        def ping_briefly(connection: Any) -> bool:
            connection._usock.settimeout(min(PING_TIMEOUT, timeout))
            try:
                return ping(connection)
            except Exception as error:
                if is_replica and _is_timeout(error):
                    self._pause_replica()  # a reconnect would meet the same silence; a primary may have moved
                raise
            finally:
                connection._usock.settimeout(timeout)

        engine.dialect.do_ping = ping_briefly  # type: ignore[assignment, method-assign]


def _server(url: str) -> tuple[str | None, int]:
    parts = urlsplit(url)
    return parts.hostname, parts.port or 5432


def _has_replayed(connection: Connection, min_wal: str) -> bool:
    query = text("SELECT coalesce(pg_last_wal_replay_lsn() >= CAST(:min_wal AS pg_lsn), true)")
    return bool(connection.execute(query, {"min_wal": min_wal}).scalar_one())


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
        observability.count("DatabaseFailures")
        raise DataUnavailable("no database") from None


def _is_timeout(error: BaseException) -> bool:
    """pg8000 wraps a timeout as the cause of its own error, or lets it through."""
    return isinstance(error, TimeoutError) or isinstance(error.__cause__, TimeoutError)


def _token(host: str, port: int, user: str) -> str:
    """A fresh IAM token, signed locally; good for 15 minutes."""
    from functions.adapters.aws import presigned_query

    address = f"{host}:{port}"
    return address + presigned_query(address, "/", "rds-db", {"Action": "connect", "DBUser": user}, 900)


def tls() -> Any:
    """A TLS context that trusts AWS's database certificates and checks the host name.

    Those of the function's region; of all regions where there is no file for it.
    """
    import ssl

    own = CERTIFICATES / f"{os.environ['AWS_REGION']}.pem"
    files = [own] if own.exists() else sorted(CERTIFICATES.glob("*.pem"))
    return ssl.create_default_context(cadata="".join(file.read_text() for file in files))
