"""Package the functions at the edge (Lambda@Edge), with their settings baked in: they have no environment."""

import json
import zipfile
from pathlib import Path
from typing import Any

from chalicelib.platform.money import decimals
from chalicelib.platform.shop import shop
from infra.build.template import ROOT, read

EDGE = ROOT / "infra" / "edge"
PACKAGE = EDGE / "storefront_edge"
CODE = "edge.zip"


def package(out: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """Returns the template; the code that it names lies in `out`. The same for the same, so that nothing is updated."""
    out.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(out / CODE, "w", zipfile.ZIP_DEFLATED) as archive:
        for source in sorted(PACKAGE.glob("*.py")):
            _add(archive, f"{PACKAGE.name}/{source.name}", source.read_bytes())
        _add(
            archive,
            f"{PACKAGE.name}/settings.json",
            json.dumps(settings | {"shop": baked_shop()}, sort_keys=True).encode(),
        )
    return read(EDGE / "template.yaml")


def baked_shop() -> dict[str, Any]:
    """Return what the functions use of `shop.json`."""
    ours = shop()
    return {
        "name": ours.name,
        "tagline": ours.tagline,
        "description": ours.description,
        "decimals": decimals(ours.currency),
    }


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name)
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, content)
