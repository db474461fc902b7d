"""Reads on the replica, writes on the primary, against both; outages are told apart from our own mistakes."""

import gc
import os
import shutil
import ssl
import traceback
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pg8000
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text
from sqlalchemy.exc import DBAPIError

from functions import migrate, remember, understand
from functions.adapters.cache import Cache
from functions.adapters.database import connection
from functions.adapters.database.connection import StatementRefused
from functions.adapters.database.tables import metadata
from functions.domain.errors import DataUnavailable
from infra.catalog import function
from local.plan import Plan, Ports
from local.postgres import Postgres
from tests.adapters.silent_server import silent_server
from tests.conftest import Database

IN_RECOVERY = text("SELECT pg_is_in_recovery()")


def is_on_replica(written: str | None = None) -> bool:
    with connection.reader(written) as connection:
        return bool(connection.execute(IN_RECOVERY).scalar_one())


@pytest.fixture(autouse=True)
def tables(database: Database) -> Database:
    return database


def dead_url() -> str:
    return f"postgresql+pg8000://assistant@127.0.0.1:{Ports.free().postgres}/school"


def test_reads_go_to_the_replica_and_writes_to_the_primary() -> None:
    assert is_on_replica()
    with connection.writer() as connection:
        assert connection.execute(IN_RECOVERY).scalar_one() is False


def test_a_write_is_committed_and_a_failed_one_is_not(tables: Database) -> None:
    with connection.writer() as connection:
        connection.execute(text("INSERT INTO contacts (phone) VALUES ('+263771')"))

    def fail_half_way() -> None:
        with connection.writer() as connection:
            connection.execute(text("INSERT INTO contacts (phone) VALUES ('+263772')"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    assert [row["phone"] for row in tables.run("SELECT phone FROM contacts")] == ["+263771"]


def test_a_replica_that_is_behind_is_skipped_until_it_has_caught_up(plan: Plan, tables: Database) -> None:
    replica = pg8000.connect("postgres", host="127.0.0.1", port=plan.ports.replica, database="school")
    replica.autocommit = True
    cursor = replica.cursor()
    cursor.execute("SELECT pg_wal_replay_pause()")
    try:
        tables.run("INSERT INTO contacts (phone) VALUES ('+263773')")
        written = connection.position()
        assert not is_on_replica(written)
        with connection.reader(written) as connection:
            assert connection.execute(text("SELECT count(*) FROM contacts")).scalar_one() == 1
        assert is_on_replica()  # someone who has written nothing may read there
    finally:
        cursor.execute("SELECT pg_wal_replay_resume()")
        replica.close()
    tables.catch_up()
    assert is_on_replica(written)


def test_the_position_covers_what_was_just_committed(tables: Database) -> None:
    before = connection.position()
    tables.run("INSERT INTO contacts (phone) VALUES ('+263774')")
    query = "SELECT CAST(:after AS pg_lsn) > CAST(:before AS pg_lsn)"
    assert tables.value(query, after=connection.position(), before=before)


def test_a_replica_that_failed_is_left_alone_for_a_while(environment: pytest.MonkeyPatch) -> None:
    reader_url = os.environ["DATABASE_READER_URL"]
    environment.setattr(database, "REPLICA_PAUSE", 3600)
    environment.setenv("DATABASE_READER_URL", dead_url())
    assert not is_on_replica()
    environment.setenv("DATABASE_READER_URL", reader_url)
    assert not is_on_replica()  # not asked, though it is back
    environment.setattr(database, "_replica_again", 0.0)
    assert is_on_replica()


def test_a_dead_replica_is_skipped_and_used_again_when_it_is_back(postgres: Postgres) -> None:
    assert is_on_replica()  # a connection to it waits in the pool
    postgres.kill_replica()
    try:
        assert not is_on_replica()
    finally:
        postgres.start_replica()
    assert is_on_replica()


def test_without_any_database_reads_and_writes_say_so(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("DATABASE_WRITER_URL", dead_url())
    assert is_on_replica()  # reading still works
    with pytest.raises(DataUnavailable), connection.writer():
        pass
    environment.setenv("DATABASE_READER_URL", dead_url())
    with pytest.raises(DataUnavailable), connection.reader():
        pass
    with pytest.raises(DataUnavailable):
        connection.position()


def test_a_mistake_of_ours_is_not_called_an_outage() -> None:
    for session in (connection.reader, connection.writer):
        with pytest.raises(StatementRefused, match="42P01"), session() as connection:
            connection.execute(text("SELECT * FROM no_such_table"))


def test_an_error_does_not_tell_the_values_in_the_statement() -> None:
    insert = text("INSERT INTO contacts (phone) VALUES (:phone)")
    with connection.writer() as connection:
        connection.execute(insert, {"phone": "+263771234567"})
    with pytest.raises(StatementRefused, match="23505") as refused, connection.writer() as connection:
        connection.execute(insert, {"phone": "+263771234567"})
    assert "263771234567" not in "".join(traceback.format_exception(refused.value))


def test_a_connection_cut_in_the_middle_is_an_outage(tables: Database) -> None:
    for session in (connection.reader, connection.writer):
        with pytest.raises(DataUnavailable), session() as connection:
            connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        with session() as connection:  # and the next one works
            assert connection.execute(text("SELECT 1")).scalar_one() == 1


def test_a_statement_that_hangs_ends_as_an_outage(monkeypatch: pytest.MonkeyPatch, tables: Database) -> None:
    with connection.writer() as connection:
        assert connection.execute(text("SHOW statement_timeout")).scalar_one() == "4s"
    with pytest.raises(DataUnavailable), connection.writer() as connection:
        connection.execute(text("SET LOCAL statement_timeout = 20; SELECT pg_sleep(10)"))


def test_the_pool_is_bounded(environment: pytest.MonkeyPatch, plan: Plan) -> None:
    engine = connection._engine(plan.environment(function("remember"))["DATABASE_WRITER_URL"])
    assert engine.pool.size() == 5  # type: ignore[attr-defined]
    assert engine.pool._max_overflow == 0  # type: ignore[attr-defined]
    assert engine.pool._pre_ping
    assert engine.pool._recycle == 300


def test_two_messages_use_one_connection(environment: pytest.MonkeyPatch, plan: Plan, cache: Cache) -> None:
    message = {"type": "text", "phone": "+263771234567", "text": "hi"}
    with silent_server(plan.ports.replica) as replica, silent_server(plan.ports.postgres) as primary:
        environment.setenv("DATABASE_READER_URL", replica.url)
        environment.setenv("DATABASE_WRITER_URL", primary.url)
        for number in range(3):
            found = understand.handler({"message": {"id": f"wamid.{number}", **message}}, None)
            remember.handler({"message": {"id": f"wamid.{number}", **message}, **found, "sent": {}}, None)
            cache.forget_person(message["phone"])  # so that each is looked up
        assert (replica.connects, primary.connects) == (1, 1)
        for server in (replica, primary):
            connection._engine(server.url).dispose()


def test_each_connection_signs_in_with_a_token_of_its_own(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("DATABASE_AUTH", "iam")
    signed_in = []

    class Refused(Exception):
        pass

    def connect(**parameters: object) -> None:
        signed_in.append(parameters)
        raise Refused

    engine = connection._engine("postgresql+pg8000://assistant@db.example:5433/school")
    environment.setattr(engine.dialect, "connect", lambda **parameters: connect(**parameters))
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


@pytest.mark.parametrize("path", sorted(Path(connection.CERTIFICATES).glob("*.pem")), ids=lambda path: path.stem)
def test_the_certificates_of_every_region_load(path: Path, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("AWS_REGION", path.stem)
    assert connection.tls().cert_store_stats()["x509_ca"] >= 1


# --- schema -----------------------------------------------------------------------------------------------------------


def test_models_and_migrations_agree() -> None:
    with connection.writer() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_the_schema_can_be_taken_down_and_built_again(tables: Database) -> None:
    config = Config()
    config.set_main_option("script_location", str(migrate.MIGRATIONS))
    with connection.writer() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
        assert set(inspect(connection).get_table_names()) <= {"alembic_version"}
    assert migrate.handler({}, None) == migrate.handler({}, None)
    with connection.writer() as connection:
        assert set(inspect(connection).get_table_names()) == set(metadata.tables) | {"alembic_version"}
    tables.catch_up()  # for the tests after this one


def test_a_migration_may_take_longer_than_an_answer(
    tables: Database, environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = shutil.copytree(migrate.MIGRATIONS, tmp_path / "migrations")
    (head,) = tables.run("SELECT version_num FROM alembic_version")
    (folder / "versions" / "9999_slow.py").write_text(
        f"from alembic import op\nrevision, down_revision = '9999', '{head['version_num']}'\n"
        "def upgrade():\n    op.execute('SELECT pg_sleep(0.6)')\n"
    )
    environment.setattr(migrate, "MIGRATIONS", folder)
    environment.setattr(database, "CONNECT_TIMEOUT", 0.3)
    url = f"{tables.url}?application_name=slow"  # an engine of its own
    environment.setenv("DATABASE_WRITER_URL", url)
    try:
        assert migrate.handler({}, None) == {"revision": "9999"}
        assert 60 < migrate.PATIENCE < function("migrate").timeout
    finally:
        connection._engine(url, migrate.PATIENCE).dispose()
        tables.run("UPDATE alembic_version SET version_num = :head", head=head["version_num"])
        tables.catch_up()


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO contacts (profile_name) VALUES ('nobody')",
        "INSERT INTO contacts (phone) VALUES ('+2631'), ('+2631')",
        "INSERT INTO contacts (bsuid) VALUES ('ZW.1'), ('ZW.1')",
        "INSERT INTO phones VALUES ('S1', '+2631', 'uncle')",
        "INSERT INTO phones VALUES ('unknown', '+2631', 'guardian')",
        "INSERT INTO message_log (message_id, reply_id) VALUES ('a', 'r'), ('b', 'r')",
        "INSERT INTO pass_requests VALUES ('m1', 'S1', '2026-11-23', 1), ('m1', 'S1', '2026-11-23', 2)",
        "INSERT INTO pass_requests VALUES ('m1', 'S1', '2026-11-23', 1), ('m2', 'S1', '2026-11-23', 1)",
        "INSERT INTO feedback (event_id, about, sender) VALUES ('e', 'a', 's'), ('e', 'a', 's')",
    ],
)
def test_the_database_itself_refuses(statement: str, tables: Database) -> None:
    tables.add_student("Tariro Moyo", student_id="S1")
    with pytest.raises(DBAPIError) as refused:
        tables.run(statement)
    assert refused.value.orig is not None
    assert refused.value.orig.args[0]["C"].startswith("23")  # integrity, not a typing error of the test


def test_the_database_itself_refuses_a_second_valid_pass(tables: Database) -> None:
    tables.add_student("Tariro Moyo", student_id="S1")
    statement = (
        "INSERT INTO gate_passes (number, token, student_id, term, tier, percent_paid, issued_on, valid_until, status) "
        "VALUES (:n, :n, 'S1', '2026-3', 'half', 50, '2026-11-23', '2026-11-30', :s)"
    )
    for number, status in (("1", "replaced"), ("2", "valid"), ("3", "replaced")):
        tables.run(statement, n=number, s=status)
    with pytest.raises(DBAPIError, match="uq_gate_passes_one_valid"):
        tables.run(statement, n="4", s="valid")


# --- silence ----------------------------------------------------------------------------------------------------------

pg8000_leaves_sockets_to_gc = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def impatient(environment: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """New servers are soon found to be silent, and left alone for longer than a test takes."""
    assert is_on_replica()  # the real ones are connected with their own bounds
    for name, seconds in (("CONNECT_TIMEOUT", 1), ("REPLICA_TIMEOUT", 0.3), ("PING_TIMEOUT", 0.2)):
        environment.setattr(database, name, seconds)
    for name in ("REPLICA_PAUSE", "PRIMARY_PAUSE"):
        environment.setattr(database, name, 3600)
    environment.setattr(database, "_primary_again", {})
    yield environment
    gc.collect()


def test_two_silent_servers_leave_the_functions_time_to_answer() -> None:
    connected_anew = connection.REPLICA_TIMEOUT + connection.CONNECT_TIMEOUT
    from_the_pool = 2 * connection.PING_TIMEOUT + connection.CONNECT_TIMEOUT
    for name in ("understand", "verify_pass", "remember"):
        assert max(connected_anew, from_the_pool) <= function(name).timeout - 3
    assert connection.REPLICA_STATEMENT_TIMEOUT < connection.REPLICA_TIMEOUT * 1000
    assert connection.STATEMENT_TIMEOUT < connection.CONNECT_TIMEOUT * 1000
    assert connection.CONNECT_TIMEOUT <= connection.PRIMARY_PAUSE  # who asks twice has waited once


def test_the_replica_has_tighter_bounds_than_the_primary(environment: pytest.MonkeyPatch) -> None:
    bounds = {}
    for side in ("READER", "WRITER"):
        environment.setenv(f"DATABASE_{side}_URL", f"postgresql+pg8000://assistant@{side.lower()}.example/school")
    for side in ("READER", "WRITER"):
        engine = connection._engine(os.environ[f"DATABASE_{side}_URL"])
        given: list[dict[str, Any]] = []
        environment.setattr(engine.dialect, "connect", lambda given=given, **parameters: given.append(parameters))
        with suppress(Exception):  # there is no such server
            engine.connect()
        bounds[side] = given[0]["timeout"], given[0]["startup_params"]["statement_timeout"]
    assert bounds == {"READER": (2, "1500"), "WRITER": (5, "4000")}


@pg8000_leaves_sockets_to_gc
def test_a_silent_replica_is_asked_once_and_the_primary_answers(impatient: pytest.MonkeyPatch) -> None:
    with silent_server() as replica:
        impatient.setenv("DATABASE_READER_URL", replica.url)
        assert [is_on_replica() for _ in range(3)] == [False] * 3
        assert replica.connects == 1


@pg8000_leaves_sockets_to_gc
def test_a_replica_that_falls_silent_is_not_connected_to_again(impatient: pytest.MonkeyPatch, plan: Plan) -> None:
    impatient.setattr(database, "REPLICA_TIMEOUT", 2)
    with silent_server(plan.ports.replica) as replica:
        impatient.setenv("DATABASE_READER_URL", replica.url)
        assert is_on_replica()  # a connection to it waits in the pool
        replica.silent = True
        assert [is_on_replica() for _ in range(3)] == [False] * 3
        assert replica.connects == 1


@pg8000_leaves_sockets_to_gc
def test_a_primary_that_falls_silent_is_connected_to_once_more(impatient: pytest.MonkeyPatch, plan: Plan) -> None:
    with silent_server(plan.ports.postgres) as primary:
        impatient.setenv("DATABASE_WRITER_URL", primary.url)
        connection.position()
        primary.silent = True
        for _ in range(3):
            with pytest.raises(DataUnavailable):
                connection.position()
        assert primary.connects == 2  # it may have moved to another host
        primary.silent = False
        connection._primary_again.clear()
        assert connection.position()


@pg8000_leaves_sockets_to_gc
def test_with_both_silent_each_is_asked_once(impatient: pytest.MonkeyPatch) -> None:
    with silent_server() as replica, silent_server() as primary:
        impatient.setenv("DATABASE_READER_URL", replica.url)
        impatient.setenv("DATABASE_WRITER_URL", primary.url)
        for session in (connection.reader, connection.writer, connection.reader):
            with pytest.raises(DataUnavailable), session():
                pass
        assert (replica.connects, primary.connects) == (1, 1)


@pg8000_leaves_sockets_to_gc
def test_the_primary_under_the_readers_name_is_no_replica(impatient: pytest.MonkeyPatch) -> None:
    assert connection._engine(os.environ["DATABASE_WRITER_URL"])
    impatient.setenv("DATABASE_READER_URL", os.environ["DATABASE_WRITER_URL"] + "?application_name=reads")
    assert connection._replica(None) is None
    assert connection._replica_again == 0.0  # nor one that failed
    with silent_server() as server:
        for side in ("READER", "WRITER"):
            impatient.setenv(f"DATABASE_{side}_URL", server.url)
        with pytest.raises(DataUnavailable), connection.reader():
            pass
        assert server.connects == 1
