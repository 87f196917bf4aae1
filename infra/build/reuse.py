"""Build reuse: a build is not repeated while its sources and its results are those of its last end.

A record beside the results holds the digests of both. It is written last, so an interrupted build is repeated. So is a
build whose results were changed or removed by hand.
"""

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path

UNREAD = {"__pycache__", "generated", "node_modules"}
"""Folders whose content follows from other files: sources and lock files."""


def is_current(record: Path, sources: str) -> bool:
    """Return whether the recorded build had these sources and its results are as it left them."""
    try:
        known = json.loads(record.read_text())
        return known["sources"] == sources and known["results"] == _digests(record, known["results"])
    except (OSError, ValueError, KeyError, TypeError):
        return False


def note(record: Path, sources: str, results: Iterable[Path]) -> None:
    """Record a build that has ended."""
    record.parent.mkdir(parents=True, exist_ok=True)
    found = [os.path.relpath(path, record.parent) for path in results]
    record.write_text(json.dumps({"sources": sources, "results": _digests(record, found)}, indent=1))


def digest(*sources: str | Path) -> str:
    """Return the digest of texts, of files, and of all files below folders with their names."""
    total = hashlib.sha256()
    for source in sources:
        if isinstance(source, str):
            found = [("", source.encode())]
        elif source.is_dir():
            found = [(str(path.relative_to(source)), path.read_bytes()) for path in files_below(source)]
        else:
            found = [(source.name, source.read_bytes())]
        for name, content in found:
            total.update(f"{name}\0{hashlib.sha256(content).hexdigest()}\n".encode())
    return total.hexdigest()


def files_below(folder: Path) -> list[Path]:
    """Return the files that a build reads or writes in a folder, always in the same order."""
    return sorted(
        path for path in folder.rglob("*") if path.is_file() and not UNREAD & set(path.relative_to(folder).parts)
    )


def _digests(record: Path, results: Iterable[str]) -> dict[str, str]:
    return {name: hashlib.sha256((record.parent / name).read_bytes()).hexdigest() for name in results}
