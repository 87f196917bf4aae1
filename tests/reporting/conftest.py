from tests.postgres import new_database, postgres_server, server

__all__ = ["new_database", "postgres_server", "server"]
