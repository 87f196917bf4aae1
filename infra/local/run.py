"""`make up` and `make down`: what runs is written down in `.local/`, and only that is stopped."""

import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from chalicelib.platform.shop import shop as shop_file
from infra.build.template import ROOT
from infra.local import engine, processes, shop

HOME = ROOT / ".local"
RUNNING, OUTPUTS = HOME / "running.json", HOME / "outputs.json"
PAYMENTS = "infra.stripe_sandbox"


class NotRunning(Exception):
    """A command needs the shop, and it is not up."""


@dataclass(frozen=True)
class Running:
    engine_pid: int
    engine_port: int
    payments_pid: int
    payments_port: int

    @property
    def is_whole(self) -> bool:
        return processes.is_running(self.engine_pid, engine.MODULE) and processes.is_running(
            self.payments_pid, PAYMENTS
        )


def up(console: Console) -> None:
    """Start what is not running, deploy or update, and say where the shop is."""
    began = time.monotonic()
    HOME.mkdir(exist_ok=True)
    running = current()
    if running is None:
        running = _start(console)
    place = _place(running)
    outputs = shop.open_shop(place, HOME / "build", lambda line: console.print(f"  {line} …"))
    shop.write_outputs(outputs, OUTPUTS)
    _announce(console, outputs, time.monotonic() - began)


def down(console: Console) -> None:
    """Stop orderly; the data stay in `.local/`."""
    running = _written()
    if running is None:
        console.print("Nothing is running.")
        return
    console.print("  saving and stopping …")
    engine.stop(running.engine_pid)
    processes.stop(running.payments_pid, PAYMENTS)
    RUNNING.unlink(missing_ok=True)
    console.print("Stopped. Your data are kept: [bold]make up[/bold] goes on where you left.")


def current() -> Running | None:
    """What runs now. Remains of a shop that is not whole are stopped first."""
    running = _written()
    if running is None or running.is_whole:
        return running
    engine.stop(running.engine_pid)
    processes.stop(running.payments_pid, PAYMENTS)
    RUNNING.unlink()
    return None


def outputs() -> dict[str, Any]:
    """What `.local/outputs.json` says of a shop that is up. Raises NotRunning."""
    if current() is None or not OUTPUTS.exists():
        raise NotRunning("The shop is not running. Start it with: make up")
    return json.loads(OUTPUTS.read_text())


def place() -> shop.Place:
    """Raises NotRunning."""
    running = current()
    if running is None:
        raise NotRunning("The shop is not running. Start it with: make up")
    return _place(running)


def _written() -> Running | None:
    return Running(**json.loads(RUNNING.read_text())) if RUNNING.exists() else None


def _place(running: Running) -> shop.Place:
    return shop.Place(running.engine_port, engine.url(running.payments_port))


def _start(console: Console) -> Running:
    engine_port = int(os.environ.get("SHOP_PORT", "4566"))
    payments_port = int(os.environ.get("PAYMENTS_PORT", str(engine_port + 1)))
    processes.require_free(engine_port, "SHOP_PORT")
    processes.require_free(payments_port, "PAYMENTS_PORT")
    console.print("  starting the engine and the payment sandbox …")
    payments_pid = start_payments(payments_port, HOME)
    engine_pid = engine.start(engine_port, HOME / "engine", HOME / "engine.log")
    running = Running(engine_pid, engine_port, payments_pid, payments_port)
    RUNNING.write_text(json.dumps(asdict(running)))
    return running


def start_payments(port: int, home: Path) -> int:
    """Returns the process id. Raises processes.DidNotStart."""
    arguments = ["--port", str(port), "--state", str(home / "payments.db")]
    if starter := os.environ.get(processes.ENDS_WITH):
        arguments += ["--end-with", starter]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return processes.start(PAYMENTS, arguments, environment, home / "payments.log", f"{engine.url(port)}/health")


def _announce(console: Console, outputs: dict[str, Any], seconds: float) -> None:
    customer, admin = outputs["customer"], outputs["admin"]
    console.print(f"\n[bold green]{shop_file().name} is open[/bold green] (after {seconds:.0f} s)\n")
    for label, value in (
        ("storefront", outputs["storefront_url"]),
        ("console", f"{outputs['storefront_url']}/admin"),
        ("API", outputs["api_url"]),
        ("API document", f"{outputs['api_url']}/openapi.json"),
        ("payment sandbox", outputs["payments_url"]),
        ("customer", f"{customer['email']} / {customer['password']}"),
        ("admin", f"{admin['email']} / {admin['password']}"),
    ):
        console.print(f"  {label:16} [bold]{value}[/bold]", soft_wrap=True)
    console.print(
        "\n  make demo   six orders go through the saga\n  make mail   the emails they caused\n  make down   stop\n"
    )
