"""Package: runs `chalice package` with our template merged in, and adds the zips of the other functions."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from chalicelib.platform import shop
from infra.build.template import ROOT, pieces

INFRA = ROOT / "infra"
SIMULATOR = INFRA / "simulator" / "warehouse.py"
AUDITOR = [
    *(INFRA / name for name in ("__init__.py", "deploy/__init__.py", "deploy/stack.py")),
    *sorted((INFRA / "audit").glob("*.py")),
]


class PackagingFailed(Exception):
    """`shop.json` is wrong, or `chalice package` did not succeed; the message says why."""


def package(stage: str, out: Path, project: Path = ROOT) -> Path:
    """Returns the path of the template. `project` is what Chalice packs: app, rooms, requirements.

    Raises PackagingFailed.
    """
    _check_shop_file()
    out.mkdir(parents=True, exist_ok=True)
    merge = out / "pieces.json"
    merge.write_text(json.dumps(pieces(stage), indent=1))
    _chalice(project, stage, merge, out)
    _add(out / "deployment.zip", [shop.FILE])
    _zip(SIMULATOR, out / "warehouse_simulator.zip")
    # The shop's zip with the auditor in it, because that brings the libraries along.
    shutil.copy(out / "deployment.zip", out / "auditor.zip")
    _add(out / "auditor.zip", AUDITOR)
    return out / "sam.json"


def _check_shop_file() -> None:
    """Raises PackagingFailed with one line, before anything is built."""
    try:
        shop.read(shop.FILE)
    except shop.ShopFileInvalid as failure:
        raise PackagingFailed(str(failure)) from None


def _chalice(project: Path, stage: str, merge: Path, out: Path) -> None:
    command = [
        str(Path(sys.executable).parent / "chalice"),
        *("--project-dir", str(project)),
        *("package", "--stage", stage, "--merge-template", str(merge), str(out)),
    ]
    environment = {"AWS_DEFAULT_REGION": "eu-west-1", **os.environ}
    run = subprocess.run(command, env=environment, capture_output=True, text=True)
    if run.returncode:
        raise PackagingFailed(run.stdout + run.stderr)


def _zip(source: Path, target: Path) -> None:
    """The same bytes for the same source, so that an update leaves an unchanged function alone."""
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(zipfile.ZipInfo(source.name), source.read_bytes())


def _add(target: Path, sources: list[Path]) -> None:
    """Under their places in the project."""
    with zipfile.ZipFile(target, "a") as archive:
        for source in sources:
            archive.writestr(zipfile.ZipInfo(source.relative_to(ROOT).as_posix()), source.read_bytes())
