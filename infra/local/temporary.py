"""Temporary shop: servers on free ports that meter what AWS would bill, keep nothing and are stopped at the end."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.local import emulator, meter, processes, run, shop


@dataclass(frozen=True)
class TemporaryShop:
    """`outputs` are those of the stack. While the file `billed` exists, the meter appends to it."""

    place: shop.LocalShop
    outputs: dict[str, str]
    billed: Path


@contextmanager
def temporary_shop(progress: shop.Progress) -> Iterator[TemporaryShop]:
    """Start and deploy a shop without pages; stop its servers and delete its files at the end. Raises DidNotStart."""
    with tempfile.TemporaryDirectory(prefix="shop-", ignore_cleanup_errors=True) as folder, _ended_with_us():
        home = Path(folder)
        settings = {"PERSIST_STATE": "0", "S3_PERSIST": "0", meter.FILE: str(home / "billed")}
        engine_port, payments_port = processes.free_port(), processes.free_port()
        engine = payments = 0
        try:
            payments = run.start_payments(payments_port, home)
            engine = emulator.start(engine_port, home / "state", home / "engine.log", settings)
            place = shop.LocalShop(engine_port, emulator.url(payments_port))
            outputs: dict[str, Any] = shop.deploy_shop(place, home / "build", progress, frontend=False)
            yield TemporaryShop(place, outputs["stack"], home / "billed")
        finally:
            if engine:
                emulator.stop(engine)
            if payments:
                processes.stop(payments, run.PAYMENTS)


@contextmanager
def _ended_with_us() -> Iterator[None]:
    """Let the servers end also when this process is killed."""
    before = os.environ.get(processes.ENDS_WITH)
    os.environ[processes.ENDS_WITH] = str(os.getpid())
    try:
        yield
    finally:
        os.environ.pop(processes.ENDS_WITH)
        if before is not None:
            os.environ[processes.ENDS_WITH] = before
