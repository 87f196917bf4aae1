"""Migrations: bring the database to the newest revision in `migrations/versions`."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection

FOLDER = Path(__file__).with_name("migrations")


def migrate(connection: Connection) -> str:
    """Apply what is missing, in the transaction of the connection. Return the revision."""
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(FOLDER))
    command.upgrade(config, "head")
    return MigrationContext.configure(connection).get_current_revision() or ""
