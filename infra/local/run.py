"""Local servers: starts and stops the AWS emulator and the Stripe sandbox, and records them in `.local/`."""

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.build.template import ROOT
from infra.local import emulator, postgres, processes, processor

if TYPE_CHECKING:
    from infra.local.place import LocalShop

HOME = ROOT / ".local"
RUNNING, OUTPUTS = HOME / "running.json", HOME / "outputs.json"
METER = HOME / "processor.jsonl"
"""See infra/local/processor.py."""
PAYMENTS = "infra.stripe_sandbox"


class AlreadyAtWork(Exception):
    """Another command starts, updates or stops the shop at this moment."""


class NotRunning(Exception):
    """A command needs the local shop, which is not running."""


@dataclass(frozen=True)
class Running:
    engine_pid: int
    engine_port: int
    payments_pid: int
    payments_port: int
    database_pid: int = 0
    database_port: int = 0
    """Of PostgreSQL; 0 without reporting."""

    @property
    def is_whole(self) -> bool:
        has_database = not self.database_pid or processes.is_running(self.database_pid, postgres.SERVER)
        is_running = processes.is_running
        return has_database and is_running(self.engine_pid, emulator.MODULE) and is_running(self.payments_pid, PAYMENTS)


@contextmanager
def alone() -> Iterator[None]:
    """Let one command at a time start, update or stop the shop of this folder. Raises AlreadyAtWork."""
    HOME.mkdir(exist_ok=True)
    with (HOME / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyAtWork("Another make up or make down is at work in this folder. Wait for its end.") from None
        yield


def start(progress: Callable[[str], None] = lambda line: None) -> None:
    """Start the servers unless they run. Raises processes.PortBusy, PortInvalid or DidNotStart."""
    wanted = os.environ.get("REPORTING", "") not in ("", "0")
    running = current()
    if running and wanted and not running.database_pid:
        stop()
        running = None
    if running is None:
        _start(progress, wanted)


def stop() -> bool:
    """Stop the servers so that they save their state. Return False if none was running."""
    running = _written()
    if running is None:
        return False
    _stop(running)
    return True


def current() -> Running | None:
    """Return the servers that run. If only one of the two does, stop it and return None."""
    running = _written()
    if running is None or running.is_whole:
        return running
    _stop(running)
    return None


def outputs() -> dict[str, Any]:
    """Return the content of `.local/outputs.json`. Raises NotRunning."""
    if current() is None or not OUTPUTS.exists():
        raise NotRunning("The shop is not running. Start it with: make up")
    return json.loads(OUTPUTS.read_text())


def place() -> "LocalShop":
    """Return the local shop. Raises NotRunning."""
    running = current()
    if running is None:
        raise NotRunning("The shop is not running. Start it with: make up")
    from infra.local.place import LocalShop  # it loads boto3, which many commands do without

    return LocalShop(running.engine_port, emulator.url(running.payments_port), database_port=running.database_port)


def _written() -> Running | None:
    return Running(**json.loads(RUNNING.read_text())) if RUNNING.exists() else None


def _start(progress: Callable[[str], None], reporting: bool) -> None:
    engine_port = processes.port_of("SHOP_PORT", 4566)
    payments_port = processes.port_of("PAYMENTS_PORT", engine_port + 1)
    processes.require_free(engine_port, "SHOP_PORT")
    processes.require_free(payments_port, "PAYMENTS_PORT")
    port = processes.port_of("DATABASE_PORT", engine_port + 2)
    if reporting:
        processes.require_free(port, "DATABASE_PORT")
    progress("starting the AWS emulator and the Stripe sandbox")
    payments_pid = start_payments(payments_port, HOME)
    engine_pid = emulator.start(engine_port, HOME / "engine", HOME / "engine.log", {processor.FILE: str(METER)})
    running = Running(engine_pid, engine_port, payments_pid, payments_port)
    if reporting:
        running = replace(running, database_pid=_start_database(port, progress), database_port=port)
    RUNNING.write_text(json.dumps(asdict(running)))


def _start_database(port: int, progress: Callable[[str], None]) -> int:
    progress("starting PostgreSQL")
    return postgres.start(port, HOME / "postgres", HOME / "postgres.log")


def _stop(running: Running) -> None:
    emulator.stop(running.engine_pid)
    if running.database_pid:
        postgres.stop(running.database_pid)
    processes.stop(running.payments_pid, PAYMENTS)
    RUNNING.unlink(missing_ok=True)


def start_payments(port: int, home: Path) -> int:
    """Start the Stripe sandbox and return its process id. Raises processes.DidNotStart."""
    arguments = ["--port", str(port), "--state", str(home / "payments.db")]
    if starter := os.environ.get(processes.ENDS_WITH):
        arguments += ["--end-with", starter]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return processes.start(PAYMENTS, arguments, environment, home / "payments.log", f"{emulator.url(port)}/health")
