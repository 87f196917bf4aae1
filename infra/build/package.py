"""Package: runs `chalice package` with our template merged in, and adds the zips of the other functions."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from chalicelib.platform import shop
from infra.build.template import ROOT, merged_template

STAGES = ("local", "demo", "prod")
"""As in .chalice/config.json."""
PACKED = ("app.py", "chalicelib", ".chalice")
"""What Chalice reads, beside the requirements."""
INFRA = ROOT / "infra"
SIMULATOR = INFRA / "simulator" / "warehouse.py"
AUDITOR = [
    *(INFRA / name for name in ("__init__.py", "deploy/__init__.py", "deploy/stack.py")),
    *sorted((INFRA / "audit").glob("*.py")),
]


class PackagingFailed(Exception):
    """`shop.json` is wrong, or `chalice package` did not succeed; the message says why."""


def package(stage: str, out: Path, project: Path = ROOT) -> Path:
    """Write the template and the code to `out`, and return the template's path. `project` is the folder of Chalice.

    Raises PackagingFailed.
    """
    _check_shop_file()
    out.mkdir(parents=True, exist_ok=True)
    merge = out / "merge.json"
    merge.write_text(json.dumps(merged_template(stage), indent=1))
    _chalice(project, stage, merge, out)
    _add(out / "deployment.zip", [shop.FILE])
    _zip(SIMULATOR, out / "warehouse_simulator.zip")
    # The shop's zip with the auditor in it, because that brings the libraries along.
    shutil.copy(out / "deployment.zip", out / "auditor.zip")
    _add(out / "auditor.zip", AUDITOR)
    return out / "sam.json"


def package_without_libraries(stage: str, out: Path) -> Path:
    """Package the shop's own code only, for the emulator and for checks of the template. Raises PackagingFailed."""
    project = out / "project"
    shutil.rmtree(project, ignore_errors=True)
    project.mkdir(parents=True)
    for name in PACKED:
        source = ROOT / name
        ignore = shutil.ignore_patterns("__pycache__", "deployments")
        shutil.copytree(source, project / name, ignore=ignore) if source.is_dir() else shutil.copy(source, project)
    (project / "requirements.txt").touch()
    return package(stage, out, project)


def package_each_stage(out: Path) -> dict[str, Path]:
    """Return the path of each stage's template, packaged without libraries. Raises PackagingFailed."""
    return {stage: package_without_libraries(stage, out / stage) for stage in STAGES}


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
