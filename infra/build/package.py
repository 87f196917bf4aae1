"""Package: runs `chalice package` with our template merged in, and writes the zips of all functions.

Chalice packages the shop's own code and no libraries; those come from `infra/build/libraries.py`. The zips are written
again in one order with one date, so that the same content has the same hash and a deployment updates only what changed.
What is packaged is reused until one of its sources changes.
"""

import fcntl
import json
import os
import shutil
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path
from typing import Any

from chalicelib.platform import shop
from infra.build import libraries, releases, reuse, variants
from infra.build.layers import BASE, LAYERS, archive_of
from infra.build.template import ROOT, merged_template
from infra.build.zips import Files, files_in_zip, write_zip

STAGES = ("local", "demo", "prod")
"""As in .chalice/config.json."""
WITHOUT_LIBRARIES = ROOT / ".build" / "without-libraries"
PACKED = ("app.py", "chalicelib", ".chalice")
"""What Chalice reads."""
CODE = "deployment.zip"
"""As Chalice names it in the template."""
WITH_LAYERS = (f"./{CODE}", "./auditor.zip")
Layers = dict[str, Path]
"""Zips of libraries by their layer."""
INFRA = ROOT / "infra"
SIMULATOR = INFRA / "simulator" / "warehouse.py"
AUDITOR = [
    *(INFRA / name for name in ("__init__.py", "deploy/__init__.py", "deploy/outputs.py")),
    *sorted((INFRA / "audit").glob("*.py")),
]


class PackagingFailed(Exception):
    """`shop.json` is wrong, or `chalice package` did not succeed; the message says why."""


def package(stage: str, out: Path) -> Path:
    """Write the template and the code for AWS to `out`, and return the template's path. Raises PackagingFailed."""
    _check_shop_file()
    try:
        target = libraries.for_lambda()
        brought = {layer: libraries.archived(target, layer) for layer in LAYERS}
    except libraries.InstallationFailed as failure:
        raise PackagingFailed(str(failure)) from None
    return _package_changed(stage, out, brought)


def _package_changed(stage: str, out: Path, brought: Layers | None = None) -> Path:
    """Package to `out` unless it holds the package of the same sources. Return the template's path."""
    merged, record = merged_template(stage), out / "package.json"
    sources = _sources(stage, merged, brought or {})
    if not reuse.is_current(record, sources):
        _package(stage, merged, out, brought or {})
        reuse.note(record, sources, [out / "sam.json", *out.glob("*.zip")])
    return out / "sam.json"


def _sources(stage: str, merged: dict[str, Any], brought: Layers) -> str:
    """Return the digest of all that decides what is packaged: sources, libraries, and the tools that package."""
    names = [archive.name for archive in brought.values()]
    texts = stage, json.dumps(merged), *names, metadata.version("chalice"), sys.version
    files = *(ROOT / name for name in PACKED), shop.FILE, SIMULATOR, *AUDITOR, Path(__file__).parent
    return reuse.digest(*texts, *files)


def package_without_libraries(stage: str, out: Path) -> Path:
    """Package the shop's own code only, for the emulator and for checks of the template. Raises PackagingFailed.

    All callers share one package of each stage, of which they get a copy that they may change.
    """
    _check_shop_file()
    shared = WITHOUT_LIBRARIES / stage
    shared.mkdir(parents=True, exist_ok=True)
    out.mkdir(parents=True, exist_ok=True)
    with (shared / "lock").open("w") as one_at_a_time:
        fcntl.flock(one_at_a_time, fcntl.LOCK_EX)
        _package_changed(stage, shared)
        for file in (shared / "sam.json", *shared.glob("*.zip")):
            shutil.copy(file, out)
    return out / "sam.json"


def package_each_stage(out: Path) -> dict[str, Path]:
    """Return the path of each stage's template, packaged without libraries. Raises PackagingFailed."""
    return {stage: package_without_libraries(stage, out / stage) for stage in STAGES}


def _package(stage: str, merged: dict[str, Any], out: Path, brought: Layers) -> Path:
    """Package with the layers of libraries, if any."""
    out.mkdir(parents=True, exist_ok=True)
    merge = out / "merge.json"
    merge.write_text(json.dumps(merged, indent=1))
    _chalice(_project(out), stage, merge, out)
    _adapted(out / "sam.json", merged)
    _write_code(out / CODE, files_in_zip(out / CODE) | _at_their_places([shop.FILE]), brought)
    write_zip(out / "warehouse_simulator.zip", {SIMULATOR.name: SIMULATOR.read_bytes()})
    shutil.copy(out / CODE, out / "auditor.zip")
    write_zip(out / "auditor.zip", _at_their_places(AUDITOR), mode="a")
    return out / "sam.json"


def _write_code(target: Path, own: Files, brought: Layers) -> None:
    """Write the functions' zip, and the layers beside it, which are empty if no libraries are brought.

    The lock's Chalice, whose hash was checked, is in a layer, so the virtual environment's is left out.
    """
    taken: set[str] = set()
    for layer in LAYERS:
        write_zip(target.with_name(archive_of(layer)), {})
    for layer, archive in brought.items():
        shutil.copy(archive, target.with_name(archive_of(layer)))
        with zipfile.ZipFile(archive) as content:
            taken |= {name.removeprefix(f"{libraries.FOLDER}/") for name in content.namelist()}
    write_zip(target, {name: content for name, content in own.items() if name not in taken})


def _project(out: Path) -> Path:
    """Return a copy of what Chalice packages, with no requirements, so that it installs nothing."""
    project = out / "project"
    shutil.rmtree(project, ignore_errors=True)
    project.mkdir(parents=True)
    for name in PACKED:
        source = ROOT / name
        ignore = shutil.ignore_patterns("__pycache__", "deployments", "*.pyi")
        shutil.copytree(source, project / name, ignore=ignore) if source.is_dir() else shutil.copy(source, project)
    (project / "requirements.txt").touch()
    return project


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
    # Chalice imports the code that it packs; byte code of this interpreter is of no use to the functions.
    environment = {"AWS_DEFAULT_REGION": "eu-west-1", **os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    run = subprocess.run(command, env=environment, capture_output=True, text=True)
    if run.returncode:
        raise PackagingFailed(run.stdout + run.stderr)


def _adapted(path: Path, merged: dict[str, Any]) -> None:
    """Change what Chalice writes and no merged template can: it names the Python that packages and passive tracing,
    where the merged template and its globals decide, and the API invokes the function itself, not its alias. Add the
    layer of all functions."""
    template: dict[str, Any] = variants.with_choices(releases.invoked_by_alias(json.loads(path.read_text())))
    for logical_id, resource in template["Resources"].items():
        if resource["Type"] == "AWS::Serverless::Function":
            own = merged["Resources"].get(logical_id, {}).get("Properties", {})
            for name in ("Runtime", "Architectures", "Tracing"):
                resource["Properties"].pop(name, None)
            resource["Properties"] |= {"Tracing": own["Tracing"]} if "Tracing" in own else {}
            if resource["Properties"].get("CodeUri") in WITH_LAYERS:
                resource["Properties"]["Layers"] = [{"Ref": BASE}, *resource["Properties"].get("Layers", [])]
    # CloudFormation user guide, "Understand CloudFormation quotas": a template has up to 1 MB, spaces included.
    path.write_text(json.dumps(template, indent=1))


def _at_their_places(sources: list[Path]) -> Files:
    """Return files of the project under their paths in it."""
    return {source.relative_to(ROOT).as_posix(): source.read_bytes() for source in sources}
