"""The tables as code, as migrations and as PostgreSQL holds them; what the database itself refuses."""

import shutil
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import inspect
from sqlalchemy.exc import DBAPIError

from functions import dependencies, migrate
from functions.adapters.database import connection
from functions.adapters.database.tables import metadata
from infra.catalog import function
from tests.conftest import Database as Tables

# --- migrations -------------------------------------------------------------------------------------------------------


def test_tables_and_migrations_agree() -> None:
    with dependencies.primary().writer() as opened:
        context = MigrationContext.configure(opened, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_schema_can_be_taken_down_and_built_again(tables: Tables) -> None:
    config = Config()
    config.set_main_option("script_location", str(migrate.MIGRATIONS))
    with dependencies.primary().writer() as opened:
        config.attributes["connection"] = opened
        command.downgrade(config, "base")
        assert set(inspect(opened).get_table_names()) <= {"alembic_version"}
    assert migrate.handler({}, None) == migrate.handler({}, None)
    with dependencies.primary().writer() as opened:
        assert set(inspect(opened).get_table_names()) == set(metadata.tables) | {"alembic_version"}
    tables.catch_up()  # for the tests after this one


def test_migration_may_take_longer_than_an_answer(
    tables: Tables, environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = shutil.copytree(migrate.MIGRATIONS, tmp_path / "migrations")
    (head,) = tables.run("SELECT version_num FROM alembic_version")
    (folder / "versions" / "9999_slow.py").write_text(
        f"from alembic import op\nrevision, down_revision = '9999', '{head['version_num']}'\n"
        "def upgrade():\n    op.execute('SELECT pg_sleep(0.6)')\n"
    )
    environment.setattr(migrate, "MIGRATIONS", folder)
    environment.setattr(connection, "CONNECT_TIMEOUT", 0.3)
    environment.setenv("DATABASE_WRITER_URL", f"{tables.url}?application_name=slow")  # a client of its own
    dependencies.primary.cache_clear()
    try:
        assert migrate.handler({}, None) == {"revision": "9999"}
        assert 60 < migrate.PATIENCE < function("migrate").timeout
    finally:
        dependencies.primary().dispose()
        tables.run("UPDATE alembic_version SET version_num = :head", head=head["version_num"])
        tables.catch_up()


# --- what the database refuses ----------------------------------------------------------------------------------------


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
        "INSERT INTO office_requests (message_id, sender, words) VALUES ('m', 's', 'w'), ('m', 's', 'w')",
    ],
)
def test_database_refuses_rows_that_contradict_each_other(statement: str, tables: Tables) -> None:
    tables.add_student("Tariro Moyo", student_id="S1")
    with pytest.raises(DBAPIError) as refused:
        tables.run(statement)
    assert refused.value.orig is not None
    assert refused.value.orig.args[0]["C"].startswith("23")  # integrity, not a typing error of the test


def test_database_refuses_a_second_valid_pass(tables: Tables) -> None:
    tables.add_student("Tariro Moyo", student_id="S1")
    statement = (
        "INSERT INTO gate_passes (number, token, student_id, term, tier, percent_paid, issued_on, valid_until, status) "
        "VALUES (:n, :n, 'S1', '2026-3', 'half', 50, '2026-11-23', '2026-11-30', :s)"
    )
    for number, status in (("1", "replaced"), ("2", "valid"), ("3", "replaced")):
        tables.run(statement, n=number, s=status)
    with pytest.raises(DBAPIError, match="uq_gate_passes_one_valid"):
        tables.run(statement, n="4", s="valid")
