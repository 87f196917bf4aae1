"""A PostgreSQL for the tests of a worker: one server, and an empty, migrated database for each test that asks."""

import itertools
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import select

from chalicelib.reporting.sql.database import Database, Place
from chalicelib.reporting.sql.migrating import migrate
from chalicelib.reporting.sql.tables import metadata
from infra.local import postgres, processes

MIGRATED = "migrated"


@dataclass
class Server:
    """A running server. `opened` are the databases that a test opened."""

    port: int
    numbers: Iterator[int] = field(default_factory=itertools.count)
    opened: list[Database] = field(default_factory=list)

    def place(self, name: str, user: str = postgres.OWNER, port: int | None = None) -> Place:
        return Place("127.0.0.1", port or self.port, name, user, ssl_mode="disable", ssl_roots="")

    def open(self, place: Place) -> Database:
        self.opened.append(Database(place, sign=lambda: "token"))
        return self.opened[-1]

    def new_place(self, user: str = "reporting_projector") -> Place:
        """Return the place of a new database with empty tables."""
        name = f"test_{next(self.numbers)}"
        postgres.create_database(self.port, name, MIGRATED)
        return self.place(name, user)

    def close(self) -> None:
        while self.opened:
            self.opened.pop().close()


def content(database: Database) -> dict[str, list[tuple]]:
    """Return every row of the read model, sorted, by table. Which events were projected is no part of it."""
    tables = [table for table in metadata.sorted_tables if table.name != "projected_events"]
    return database.run(
        lambda connection: {
            table.name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr) for table in tables
        }
    )


@contextmanager
def home_of_postgres() -> Iterator[Path]:
    """Make a folder for a server's data. PostgreSQL does not run as root, and each start of pytest closes the folder of
    its temporary files to other users again."""
    with tempfile.TemporaryDirectory(prefix="shop-postgres-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    with home_of_postgres() as home:
        yield from _served(home)


def _served(home: Path) -> Iterator[Server]:
    server = Server(processes.free_port())
    pid = postgres.start(server.port, home / "data", home / "log")
    try:
        postgres.create_database(server.port, MIGRATED)
        database = server.open(server.place(MIGRATED))
        database.run(migrate)
        server.close()
        yield server
    finally:
        server.close()
        postgres.stop(pid)


@pytest.fixture
def server(postgres_server: Server) -> Iterator[Server]:
    yield postgres_server
    postgres_server.close()


@pytest.fixture
def new_database(server: Server) -> Callable[[], Database]:
    """Return a function that opens a new database with empty tables."""
    return lambda: server.open(server.new_place())
