"""Own shop: its servers can be stopped, started and set up apart from those of all others."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.local import emulator, postgres, processes, run, shop

FAULTS = "testbed.aws_proxy"


@dataclass
class OwnShop:
    """`emulator_settings` are environment variables of the AWS emulator (MiniStack)."""

    home: Path
    engine_port: int = field(default_factory=processes.free_port)
    payments_port: int = field(default_factory=processes.free_port)
    engine_pid: int = 0
    payments_pid: int = 0
    emulator_settings: dict[str, str] = field(default_factory=lambda: {"SFN_WAIT_SCALE": "0.001"})

    parameters: dict[str, str] = field(default_factory=dict)
    products: int | None = None
    """How many of the demo catalog it sells: seeding all takes two seconds of the processor."""
    database_port: int = 0
    database_pid: int = 0
    database_home: Path = Path()
    """Of PostgreSQL, if the shop has reporting."""
    faults_port: int = 0
    """Of the proxy through which the functions reach the emulator, if it has one (`testbed/aws_proxy.py`)."""
    faults_pid: int = 0

    @property
    def place(self) -> shop.LocalShop:
        parameters = {"WarehouseHeartbeatSeconds": "10", **self.parameters}
        payments_url = emulator.url(self.payments_port)
        return shop.LocalShop(self.engine_port, payments_url, parameters=parameters, database_port=self.database_port)

    def start_engine(self) -> None:
        """Start the emulator with the state that it saved, if it did."""
        state, log = self.home / "state", self.home / "engine.log"
        # The emulator gives this address to each function as its endpoint of all AWS services.
        endpoint = {"AWS_ENDPOINT_URL": emulator.url(self.faults_port)} if self.faults_port else {}
        self.engine_pid = emulator.start(self.engine_port, state, log, self.emulator_settings | endpoint)

    def start_payments(self) -> None:
        self.payments_pid = run.start_payments(self.payments_port, self.home)

    def start_database(self) -> None:
        self.database_pid = postgres.start(self.database_port, self.database_home / "data", self.database_home / "log")

    def start_faults(self) -> None:
        url = emulator.url(self.faults_port)
        arguments = ["--upstream", emulator.url(self.engine_port), "--port", str(self.faults_port)]
        if starter := os.environ.get(processes.ENDS_WITH):
            arguments += ["--end-with", starter]
        log, ready = self.home / "faults.log", f"{url}/_testbed/health"
        self.faults_pid = processes.start(FAULTS, arguments, os.environ, log, ready)

    def stop_database(self) -> None:
        postgres.stop(self.database_pid)

    def stop_engine(self) -> None:
        emulator.stop(self.engine_pid)

    def stop_payments(self) -> None:
        processes.stop(self.payments_pid, run.PAYMENTS)

    def stop_faults(self) -> None:
        processes.stop(self.faults_pid, FAULTS, patience_seconds=3)

    def open(self, progress: shop.Progress = lambda line: None) -> dict[str, Any]:
        """Deploy and seed the shop without pages, and return the content of `.local/outputs.json`."""
        return shop.deploy_shop(self.place, self.home / "build", progress, frontend=False, products=self.products)


@contextmanager
def started(own: OwnShop) -> Iterator[OwnShop]:
    """Start the servers; stop them at the end."""
    try:
        own.start_payments()
        if own.faults_port:
            own.start_faults()
        own.start_engine()
        if own.database_port:
            own.start_database()
        yield own
    finally:
        own.stop_engine()
        own.stop_payments()
        if own.faults_pid:
            own.stop_faults()
        if own.database_pid:
            own.stop_database()
