"""Packages for the engine: the same `chalice package`, without the libraries, which the virtual environment has."""

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

from infra.build import edge as edge_package
from infra.build.package import package
from infra.build.template import ROOT
from infra.local.transform import Local, localized, own_runtime

BOOTSTRAP = Path(__file__).parent / "bootstrap"
STAGES = ("local", "demo", "prod")
PACKED = ("app.py", "chalicelib", ".chalice")


def package_locally(out: Path, local: Local) -> dict[str, Any]:
    """Returns the template for the engine; the code lies in `out`. Raises infra.build.package.PackagingFailed."""
    project = out / "project"
    shutil.rmtree(project, ignore_errors=True)
    project.mkdir(parents=True)
    for name in PACKED:
        source = ROOT / name
        ignore = shutil.ignore_patterns("__pycache__", "deployments")
        shutil.copytree(source, project / name, ignore=ignore) if source.is_dir() else shutil.copy(source, project)
    (project / "requirements.txt").touch()
    template = json.loads(package("local", out, project).read_text())
    for code in ("deployment.zip", "warehouse_simulator.zip", "auditor.zip"):
        _add_bootstrap(out / code)
    return localized(template, local)


def package_edge_locally(out: Path, settings: dict[str, Any], local: Local) -> dict[str, Any]:
    """The stack of us-east-1, whose functions the engine calls like any other, though not from its distribution."""
    template = edge_package.package(out, settings)
    own_runtime(template, local)
    _add_bootstrap(out / edge_package.CODE)
    return template


def package_each_stage(out: Path) -> dict[str, Path]:
    """Every stage's template as `chalice package` writes it, for tests and tools to read."""
    package_locally(out / "local", Local(4566))
    project = out / "local" / "project"
    others = {stage: package(stage, out / stage, project) for stage in STAGES if stage != "local"}
    return {"local": out / "local" / "sam.json", **others}


def _add_bootstrap(code: Path) -> None:
    with zipfile.ZipFile(code, "a") as archive:
        entry = zipfile.ZipInfo("bootstrap")
        entry.external_attr = 0o755 << 16
        archive.writestr(entry, BOOTSTRAP.read_bytes())
