"""Package of the reporting stack: its template, beside the shop's code and layers, and a layer of its own."""

import shutil
from pathlib import Path
from typing import Any

from infra.build import libraries
from infra.build.layers import REPORTING, archive_of
from infra.build.package import PackagingFailed
from infra.build.template import ROOT, read

TEMPLATE = ROOT / "infra" / "reporting" / "template.yaml"


def template() -> dict[str, Any]:
    """Return the template as it is written."""
    return read(TEMPLATE)


def package(out: Path) -> dict[str, Any]:
    """Add the layer to `out`, where the shop is packaged. Return the template. Raises PackagingFailed."""
    try:
        archive = libraries.archived(libraries.for_lambda(), REPORTING)
    except libraries.InstallationFailed as failure:
        raise PackagingFailed(str(failure)) from None
    shutil.copy(archive, out / archive_of(REPORTING))
    return template()
