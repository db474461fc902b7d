"""The schema, brought up to date at each deployment."""

from functions import migrate
from tests.conftest import Database


def test_migrating_again_changes_nothing(database: Database) -> None:
    database.run("INSERT INTO contacts (phone) VALUES ('+2631')")
    first, second = migrate.handler({}, None), migrate.handler({}, None)
    assert first == second
    assert first["revision"] == database.value("SELECT version_num FROM alembic_version")
    assert database.value("SELECT count(*) FROM contacts") == 1
