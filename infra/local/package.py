"""Local package: the output of `chalice package`, adapted to the emulator."""

import json
import zipfile
from pathlib import Path
from typing import Any

from infra.build import edge as edge_package
from infra.build.package import package_without_libraries
from infra.local.transform import Local, localized, own_runtime

BOOTSTRAP = Path(__file__).parent / "bootstrap"


def package_locally(out: Path, local: Local) -> dict[str, Any]:
    """Write the code to `out` and return the emulator's template. Raises infra.build.package.PackagingFailed."""
    template = json.loads(package_without_libraries("local", out).read_text())
    for code in ("deployment.zip", "warehouse_simulator.zip", "auditor.zip"):
        _add_bootstrap(out / code)
    return localized(template, local)


def package_edge_locally(out: Path, settings: dict[str, Any], local: Local) -> dict[str, Any]:
    """Write the code to `out` and return the edge stack's template. The emulator's CloudFront does not call it."""
    template = edge_package.package(out, settings)
    own_runtime(template, local)
    _add_bootstrap(out / edge_package.CODE)
    return template


def _add_bootstrap(code: Path) -> None:
    with zipfile.ZipFile(code, "a") as archive:
        entry = zipfile.ZipInfo("bootstrap")
        entry.external_attr = 0o755 << 16
        archive.writestr(entry, BOOTSTRAP.read_bytes())
