"""Deployment log: each line of a deployment with its time, in `.build/<stage>/deploy.log`."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from infra.build.template import ROOT


def path(stage: str) -> Path:
    return ROOT / ".build" / stage / "deploy.log"


def logged(stage: str, show: Callable[[str], None], file: Path | None = None) -> Callable[[str], None]:
    """Return a function that shows a line and appends it to the log."""
    file = file or path(stage)

    def note(line: str) -> None:
        show(line)
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a") as log:
            log.write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {line}\n")

    return note
