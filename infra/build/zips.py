"""Zips: the same bytes for the same files, whenever and wherever they are written."""

import zipfile
from pathlib import Path
from typing import Literal

Files = dict[str, bytes]
"""Contents by their names in a zip."""


def files_in_zip(path: Path) -> Files:
    """Return the content of every file in a zip, by its name there."""
    with zipfile.ZipFile(path) as archive:
        return {entry.filename: archive.read(entry) for entry in archive.infolist() if not entry.is_dir()}


def write_zip(target: Path, files: Files, mode: Literal["w", "a"] = "w") -> None:
    """Write or extend a zip: sorted, of the same bytes for the same files, readable for everybody as Lambda demands.

    https://docs.aws.amazon.com/lambda/latest/dg/python-package.html
    """
    with zipfile.ZipFile(target, mode, zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0o644 << 16
            entry.create_system = 3  # Unix, also if this runs elsewhere
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
