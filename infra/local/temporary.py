"""Temporary shop: servers on free ports that meter what AWS would bill, keep nothing and are stopped at the end."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.local import meter, processes, shop
from infra.local.own_shop import OwnShop, started


@dataclass(frozen=True)
class TemporaryShop:
    """`outputs` are those of the stack. While the file `billed` exists, the meter appends to it."""

    place: shop.LocalShop
    outputs: dict[str, str]
    billed: Path


@contextmanager
def temporary_shop(progress: shop.Progress) -> Iterator[TemporaryShop]:
    """Start and deploy a shop without pages; stop its servers and delete its files at the end. Raises DidNotStart."""
    with temporary_home() as home:
        billed = home / "billed"
        settings = {"PERSIST_STATE": "0", "S3_PERSIST": "0", meter.FILE: str(billed)}
        with started(OwnShop(home, emulator_settings=settings)) as own:
            yield TemporaryShop(own.place, own.open(progress)["stack"], billed)


@contextmanager
def temporary_home() -> Iterator[Path]:
    """Return a folder that is deleted at the end. Servers started meanwhile end with this process, however it ends."""
    with tempfile.TemporaryDirectory(prefix="shop-", ignore_cleanup_errors=True) as folder, _ended_with_us():
        yield Path(folder)


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
