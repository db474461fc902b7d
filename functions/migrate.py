"""Brings the database schema up to date at deploy, or at the start of the local stack."""

from pathlib import Path
from typing import Any

from functions import dependencies
from functions.adapters import observability
from functions.settings import PrimarySettings, from_environment

MIGRATIONS = Path(__file__).parent / "migrations"
PATIENCE = 110  # seconds: just under the function's own timeout


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """`{}`, or at the first deploy `{"master_username", "master_password"}`, used once and never logged.

    Returns `{"revision": the schema's revision}`. Safe to run again at any time.
    """
    if event.get("master_username"):
        from functions.adapters.database.roles import ensure_role

        ensure_role(
            from_environment(PrimarySettings).database_writer_url, event["master_username"], event["master_password"]
        )
    revision = upgrade()
    observability.logger().info("schema is up to date", revision=revision)
    return {"revision": revision}


def upgrade() -> str:
    """Run every migration that has not run yet, in one transaction."""
    from alembic import command
    from alembic.config import Config
    from alembic.runtime.migration import MigrationContext
    from sqlalchemy import text

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with dependencies.primary().writer(PATIENCE) as connection:
        connection.execute(text("SET LOCAL statement_timeout = 0"))  # PATIENCE is the limit
        connection.execute(text("SELECT pg_advisory_xact_lock(1)"))  # two at once would run everything twice
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        return str(MigrationContext.configure(connection).get_current_revision())
