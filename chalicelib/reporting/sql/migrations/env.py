"""Alembic environment: migrates over the connection that the caller opened."""

from alembic import context

from chalicelib.reporting.sql.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
