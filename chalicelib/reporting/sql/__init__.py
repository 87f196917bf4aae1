"""Adapters of the read model to PostgreSQL: tables, connection, statements, migrations."""
