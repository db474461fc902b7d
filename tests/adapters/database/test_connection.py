"""Reads on the replica, writes on the primary; outages are told apart from our own mistakes."""

import gc
import os
import socket
import ssl
import struct
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pg8000
import pytest
from sqlalchemy import Connection, text

from functions import dependencies, record_conversation, understand
from functions.adapters.cache.redis_client import RedisClient
from functions.adapters.cache.sender_cache import SenderCache
from functions.adapters.database import connection
from functions.adapters.database.connection import Database, StatementRefused
from functions.domain.errors import DataUnavailable
from infra.catalog import function
from local.plan import Plan, Ports
from local.postgres import Postgres
from tests.adapters.silent_server import silent_server
from tests.conftest import Database as Tables
from tests.conftest import eventually

IN_RECOVERY = text("SELECT pg_is_in_recovery()")

NewDatabase = Callable[..., Database]


@pytest.fixture
def new_database(tables: Tables) -> Iterator[NewDatabase]:
    """Makes a client of these servers, by default of the real ones; its connections are closed after the test."""
    made: list[Database] = []

    def make(writer_url: str | None = None, reader_url: str | None = None) -> Database:
        client = Database(
            writer_url or os.environ["DATABASE_WRITER_URL"], reader_url or os.environ["DATABASE_READER_URL"]
        )
        made.append(client)
        return client

    yield make
    for client in made:
        client.dispose()


@pytest.fixture
def client(new_database: NewDatabase) -> Database:
    return new_database()


def is_on_replica(client: Database, min_wal: str | None = None) -> bool:
    with client.reader(min_wal) as opened:
        return bool(opened.execute(IN_RECOVERY).scalar_one())


def dead_url() -> str:
    return f"postgresql+pg8000://assistant@127.0.0.1:{Ports.free().postgres}/school"


def test_reads_go_to_the_replica_and_writes_to_the_primary(client: Database) -> None:
    assert is_on_replica(client)
    with client.writer() as opened:
        assert opened.execute(IN_RECOVERY).scalar_one() is False


def test_without_a_replica_reads_go_to_the_primary() -> None:
    client = Database(os.environ["DATABASE_WRITER_URL"])
    assert not is_on_replica(client)
    client.dispose()


def test_write_is_committed_and_a_failed_one_is_rolled_back(client: Database, tables: Tables) -> None:
    with client.writer() as opened:
        opened.execute(text("INSERT INTO contacts (phone) VALUES ('+263771')"))

    def fail_half_way() -> None:
        with client.writer() as opened:
            opened.execute(text("INSERT INTO contacts (phone) VALUES ('+263772')"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    assert [row["phone"] for row in tables.run("SELECT phone FROM contacts")] == ["+263771"]


def test_replica_that_is_behind_is_skipped_until_it_has_caught_up(client: Database, plan: Plan, tables: Tables) -> None:
    replica = pg8000.connect("postgres", host="127.0.0.1", port=plan.ports.replica, database="school")
    replica.autocommit = True
    cursor = replica.cursor()
    cursor.execute("SELECT pg_wal_replay_pause()")
    try:
        tables.run("INSERT INTO contacts (phone) VALUES ('+263773')")
        min_wal = client.wal_position()
        assert not is_on_replica(client, min_wal)
        with client.reader(min_wal) as opened:
            assert opened.execute(text("SELECT count(*) FROM contacts")).scalar_one() == 1
        assert is_on_replica(client)  # someone who has written nothing may read there
    finally:
        cursor.execute("SELECT pg_wal_replay_resume()")
        replica.close()
    tables.catch_up()
    assert is_on_replica(client, min_wal)


def test_wal_position_covers_what_was_just_committed(client: Database, tables: Tables) -> None:
    before = client.wal_position()
    tables.run("INSERT INTO contacts (phone) VALUES ('+263774')")
    query = "SELECT CAST(:after AS pg_lsn) > CAST(:before AS pg_lsn)"
    assert tables.value(query, after=client.wal_position(), before=before)


def test_replica_of_a_silent_primary_is_not_behind(client: Database, plan: Plan, tables: Tables) -> None:
    """The position is one that a replica reaches without a further write, also when RDS has just switched the log."""
    tables.run("INSERT INTO contacts (phone) VALUES ('+263775')")
    with closing(
        pg8000.connect("postgres", host="127.0.0.1", port=plan.ports.postgres, database="school")
    ) as superuser:
        superuser.cursor().execute("SELECT pg_switch_wal()")
    min_wal = client.wal_position()
    assert tables.value("SELECT CAST(:min_wal AS pg_lsn) <= pg_current_wal_flush_lsn()", min_wal=min_wal)
    eventually(lambda: is_on_replica(client, min_wal))


def test_replica_that_failed_is_not_asked_for_a_while(client: Database, environment: pytest.MonkeyPatch) -> None:
    reader_url = client._reader_url
    environment.setattr(connection, "REPLICA_PAUSE", 3600)
    environment.setattr(client, "_reader_url", dead_url())
    assert not is_on_replica(client)
    environment.setattr(client, "_reader_url", reader_url)
    assert not is_on_replica(client)  # not asked, though it is back
    environment.setattr(client, "_replica_retry_at", 0.0)
    assert is_on_replica(client)


def test_dead_replica_is_skipped_and_used_again_when_it_is_back(client: Database, postgres: Postgres) -> None:
    assert is_on_replica(client)  # a connection to it waits in the pool
    postgres.kill_replica()
    try:
        assert not is_on_replica(client)
    finally:
        postgres.start_replica()
    assert is_on_replica(client)


def test_without_the_primary_reads_work_and_writes_raise(new_database: NewDatabase) -> None:
    client = new_database(writer_url=dead_url())
    assert is_on_replica(client)
    with pytest.raises(DataUnavailable), client.writer():
        pass


def test_without_any_server_reads_and_writes_raise(new_database: NewDatabase) -> None:
    client = new_database(writer_url=dead_url(), reader_url=dead_url())
    with pytest.raises(DataUnavailable), client.reader():
        pass
    with pytest.raises(DataUnavailable):
        client.wal_position()


def test_mistake_of_ours_is_not_called_an_outage(client: Database) -> None:
    for session in (client.reader, client.writer):
        with pytest.raises(StatementRefused, match="42P01"), session() as opened:
            opened.execute(text("SELECT * FROM no_such_table"))


def test_error_does_not_show_the_values_in_the_statement(client: Database) -> None:
    insert = text("INSERT INTO contacts (phone) VALUES (:phone)")
    with client.writer() as opened:
        opened.execute(insert, {"phone": "+263771234567"})
    with pytest.raises(StatementRefused, match="23505") as refused, client.writer() as opened:
        opened.execute(insert, {"phone": "+263771234567"})
    assert "263771234567" not in "".join(traceback.format_exception(refused.value))


def test_connection_cut_in_the_middle_is_an_outage(client: Database) -> None:
    for session in (client.reader, client.writer):
        with pytest.raises(DataUnavailable), session() as opened:
            opened.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        with session() as opened:  # and the next one works
            assert opened.execute(text("SELECT 1")).scalar_one() == 1


@pytest.mark.parametrize("state", ["40001", "40P01", "57P01"])
def test_query_that_the_replica_cancels_is_asked_once_more_on_the_primary(client: Database, state: str) -> None:
    asked: list[bool] = []

    def query(opened: Connection) -> str:
        asked.append(bool(opened.execute(IN_RECOVERY).scalar_one()))
        if asked[-1]:
            opened.execute(text(f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{state}'; END $$"))
        return "found"

    assert client.read(query) == "found"
    assert asked == [True, False]


def test_query_during_which_the_replica_goes_away_is_asked_once_more_on_the_primary(client: Database) -> None:
    def query(opened: Connection) -> str:
        if opened.execute(IN_RECOVERY).scalar_one():
            opened.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        return "found"

    assert client.read(query) == "found"
    assert is_on_replica(client)  # the next one


def test_query_that_the_primary_cancels_too_is_an_outage(client: Database) -> None:
    asked: list[Connection] = []

    def query(opened: Connection) -> None:
        asked.append(opened)
        opened.execute(text("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40001'; END $$"))

    with pytest.raises(DataUnavailable):
        client.read(query)
    assert len(asked) == 2


def test_mistake_in_a_query_is_not_repeated(client: Database) -> None:
    asked: list[Connection] = []

    def query(opened: Connection) -> None:
        asked.append(opened)
        opened.execute(text("SELECT nothing FROM nowhere"))

    with pytest.raises(StatementRefused):
        client.read(query)
    assert len(asked) == 1


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # pg8000 leaves its socket to gc
def test_answer_that_ends_in_the_middle_is_an_outage_and_the_next_query_works(
    new_database: NewDatabase, plan: Plan
) -> None:
    """pg8000 had errors of its own for that, which did not count as a lost connection."""
    with silent_server(plan.ports.postgres) as primary:
        client = new_database(primary.url, primary.url)

        def ask() -> None:
            with client.writer() as opened:
                primary.cuts = 1
                opened.execute(text("SELECT repeat('x', 5000)"))

        with pytest.raises(DataUnavailable):
            ask()
        with client.writer() as opened:
            assert opened.execute(text("SELECT 1")).scalar_one() == 1
    gc.collect()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_connection_that_is_cut_while_idle_is_replaced_unnoticed(new_database: NewDatabase, plan: Plan) -> None:
    with silent_server(plan.ports.postgres) as primary:
        client = new_database(primary.url, primary.url)
        with client.writer() as opened:
            assert opened.execute(text("SELECT 1")).scalar_one() == 1
        primary.cuts = 1  # the look whether it lives
        with client.writer() as opened:
            assert opened.execute(text("SELECT 2")).scalar_one() == 2
        assert primary.connects == 2
    gc.collect()


def test_statement_that_hangs_ends_as_an_outage(client: Database) -> None:
    with client.writer() as opened:
        assert opened.execute(text("SHOW statement_timeout")).scalar_one() == "4s"
    with pytest.raises(DataUnavailable), client.writer() as opened:
        opened.execute(text("SET LOCAL statement_timeout = 20; SELECT pg_sleep(10)"))


def test_pool_is_bounded(client: Database) -> None:
    engine = client._engine(os.environ["DATABASE_WRITER_URL"])
    assert engine.pool.size() == 5  # type: ignore[attr-defined]
    assert engine.pool._max_overflow == 0  # type: ignore[attr-defined]
    assert engine.pool._pre_ping
    assert engine.pool._recycle == 300


def test_prewarming_connects_once(new_database: NewDatabase, plan: Plan) -> None:
    with silent_server(plan.ports.replica) as replica, silent_server(plan.ports.postgres) as primary:
        client = new_database(primary.url, replica.url)
        client.prewarm()
        client.prewarm_reader()
        assert (replica.connects, primary.connects) == (1, 1)
        assert is_on_replica(client)
        assert client.wal_position()
        assert (replica.connects, primary.connects) == (1, 1)
        client.dispose()


def test_handlers_keep_one_connection_across_messages(
    environment: pytest.MonkeyPatch, plan: Plan, redis: RedisClient, tables: Tables
) -> None:
    message = {"type": "text", "phone": "+263771234567", "text": "hi"}
    with silent_server(plan.ports.replica) as replica, silent_server(plan.ports.postgres) as primary:
        environment.setenv("DATABASE_READER_URL", replica.url)
        environment.setenv("DATABASE_WRITER_URL", primary.url)
        forget_clients()
        for number in range(3):
            event = {"message": {"id": f"wamid.{number}", **message}}
            found = understand.handler(event, None)
            record_conversation.handler({**event, **found, "sent": {}}, None)
            SenderCache(redis).forget_person(message["phone"])  # so that each is looked up
            tables.catch_up()  # so that the replica may be read
        # Two clients know the primary here, where both functions run in one process.
        assert (replica.connects, primary.connects) == (1, 2)
        for client in (dependencies.database(), dependencies.primary()):
            client.dispose()


def forget_clients() -> None:
    """The next call of a getter makes its client anew, from the settings of that moment."""
    for getter in (dependencies.database, dependencies.primary, dependencies.message_handler):
        getter.cache_clear()


def test_each_connection_signs_in_with_a_token_of_its_own(environment: pytest.MonkeyPatch) -> None:
    signed_in: list[dict[str, object]] = []

    class Refused(Exception):
        pass

    def connect(**parameters: object) -> None:
        signed_in.append(parameters)
        raise Refused

    url = "postgresql+pg8000://assistant@db.example:5433/school"
    engine = Database(url, iam=True)._engine(url)
    environment.setattr(engine.dialect, "connect", connect)
    for _ in range(2):
        with pytest.raises(Refused):
            engine.connect()
    parameters = signed_in[0]
    token = urlsplit("https://" + str(parameters["password"]))
    assert token.netloc == "db.example:5433"
    assert parse_qs(token.query)["DBUser"] == ["assistant"]
    assert parse_qs(token.query)["X-Amz-Expires"] == ["900"]
    context = parameters["ssl_context"]
    assert isinstance(context, ssl.SSLContext)
    assert context.check_hostname
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert len(signed_in) == 2


def test_long_token_reaches_the_server_whole(environment: pytest.MonkeyPatch) -> None:
    """A role's session token makes it longer than many clients allow a password to be."""
    environment.setattr(connection, "tls", lambda: False)  # for pg8000: without TLS
    environment.setenv("AWS_SESSION_TOKEN", "t" * 2000)
    passwords: list[str] = []

    def serve(listening: socket.socket) -> None:
        client, _ = listening.accept()
        with client, client.makefile("rb") as incoming:
            incoming.read(struct.unpack("!i", incoming.read(4))[0] - 4)  # the start-up message
            client.sendall(b"R" + struct.pack("!ii", 8, 3))  # the password in clear text, please
            assert incoming.read(1) == b"p"
            passwords.append(incoming.read(struct.unpack("!i", incoming.read(4))[0] - 4).rstrip(b"\0").decode())

    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = threading.Thread(target=serve, args=(listening,))
        server.start()
        address = f"127.0.0.1:{listening.getsockname()[1]}"
        client = Database(f"postgresql+pg8000://assistant@{address}/school", iam=True)
        with pytest.raises(DataUnavailable), client.writer():
            pass
        server.join(10)
    token = urlsplit(f"https://{passwords[0]}")
    assert token.netloc == address
    assert parse_qs(token.query)["X-Amz-Security-Token"] == ["t" * 2000]
    assert len(parse_qs(token.query)["X-Amz-Signature"][0]) == 64


@pytest.mark.parametrize("path", sorted(connection.CERTIFICATES.glob("*.pem")), ids=lambda path: path.stem)
def test_certificates_of_every_region_load(path: Path, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("AWS_REGION", path.stem)
    assert connection.tls().cert_store_stats()["x509_ca"] == 3


def test_region_without_a_file_trusts_the_roots_of_all(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("AWS_REGION", "xx-new-1")
    context = connection.tls()
    assert context.cert_store_stats()["x509_ca"] == 3 * len(list(connection.CERTIFICATES.glob("*.pem")))
    assert context.check_hostname
    assert context.verify_mode == ssl.CERT_REQUIRED


# --- servers that do not respond --------------------------------------------------------------------------------------

pg8000_leaves_sockets_to_gc = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def shorten_timeouts(environment: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Servers connected to from now on are soon found to be silent, and left alone for longer than a test takes."""

    def shorten(replica_timeout: float = 0.3) -> None:
        for name, seconds in (("CONNECT_TIMEOUT", 1), ("REPLICA_TIMEOUT", replica_timeout), ("PING_TIMEOUT", 0.2)):
            environment.setattr(connection, name, seconds)
        for name in ("REPLICA_PAUSE", "PRIMARY_PAUSE"):
            environment.setattr(connection, name, 3600)

    yield shorten
    gc.collect()


def test_two_silent_servers_leave_the_functions_time_to_answer() -> None:
    connected_anew = connection.REPLICA_TIMEOUT + connection.CONNECT_TIMEOUT
    from_the_pool = 2 * connection.PING_TIMEOUT + connection.CONNECT_TIMEOUT
    for name in ("understand", "verify_pass", "record_conversation", "record_consent", "open_office_request"):
        assert max(connected_anew, from_the_pool) <= function(name).timeout - 3
    assert connection.REPLICA_STATEMENT_TIMEOUT < connection.REPLICA_TIMEOUT * 1000
    assert connection.STATEMENT_TIMEOUT < connection.CONNECT_TIMEOUT * 1000
    assert connection.CONNECT_TIMEOUT <= connection.PRIMARY_PAUSE  # who asks twice has waited once


def test_replica_has_tighter_timeouts_than_the_primary(environment: pytest.MonkeyPatch) -> None:
    urls = {side: f"postgresql+pg8000://assistant@{side}.example/school" for side in ("reader", "writer")}
    client = Database(urls["writer"], urls["reader"])
    timeouts = {}
    for side, url in urls.items():
        engine = client._engine(url)
        given: list[dict[str, Any]] = []
        environment.setattr(engine.dialect, "connect", lambda given=given, **parameters: given.append(parameters))
        with suppress(Exception):  # there is no such server
            engine.connect()
        timeouts[side] = given[0]["timeout"], given[0]["startup_params"]["statement_timeout"]
    assert timeouts == {"reader": (2, "1500"), "writer": (5, "4000")}


@pg8000_leaves_sockets_to_gc
def test_silent_replica_is_asked_once_and_the_primary_answers(
    new_database: NewDatabase, shorten_timeouts: Callable[..., None]
) -> None:
    with silent_server() as replica:
        client = new_database(reader_url=replica.url)
        client.prewarm()
        shorten_timeouts()
        assert [is_on_replica(client) for _ in range(3)] == [False] * 3
        assert replica.connects == 1


@pg8000_leaves_sockets_to_gc
def test_replica_that_falls_silent_is_not_connected_to_again(
    new_database: NewDatabase, shorten_timeouts: Callable[..., None], plan: Plan
) -> None:
    with silent_server(plan.ports.replica) as replica:
        client = new_database(reader_url=replica.url)
        client.prewarm()
        shorten_timeouts(replica_timeout=2)
        assert is_on_replica(client)  # a connection to it waits in the pool
        replica.silent = True
        assert [is_on_replica(client) for _ in range(3)] == [False] * 3
        assert replica.connects == 1


@pg8000_leaves_sockets_to_gc
def test_primary_that_falls_silent_is_connected_to_once_more(
    new_database: NewDatabase, shorten_timeouts: Callable[..., None], plan: Plan
) -> None:
    shorten_timeouts()
    with silent_server(plan.ports.postgres) as primary:
        client = new_database(writer_url=primary.url)
        client.wal_position()
        primary.silent = True
        for _ in range(3):
            with pytest.raises(DataUnavailable):
                client.wal_position()
        assert primary.connects == 2  # it may have moved to another host
        primary.silent = False
        client._primary_retry_at = 0.0
        assert client.wal_position()


@pg8000_leaves_sockets_to_gc
def test_with_both_servers_silent_each_is_asked_once(
    new_database: NewDatabase, shorten_timeouts: Callable[..., None]
) -> None:
    shorten_timeouts()
    with silent_server() as replica, silent_server() as primary:
        client = new_database(primary.url, replica.url)
        for session in (client.reader, client.writer, client.reader):
            with pytest.raises(DataUnavailable), session():
                pass
        assert (replica.connects, primary.connects) == (1, 1)


@pg8000_leaves_sockets_to_gc
def test_primary_under_the_readers_name_is_not_taken_for_a_replica(
    new_database: NewDatabase, shorten_timeouts: Callable[..., None]
) -> None:
    client = new_database(reader_url=os.environ["DATABASE_WRITER_URL"] + "?application_name=reads")
    assert client._replica(None) is None
    assert client._replica_retry_at == 0.0  # nor for one that failed
    assert not is_on_replica(client)
    shorten_timeouts()
    with silent_server() as server:
        client = new_database(server.url, server.url)
        with pytest.raises(DataUnavailable), client.reader():
            pass
        assert server.connects == 1
