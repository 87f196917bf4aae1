"""Storefront build: generate the API's types, check and bundle the pages, upload them with their configuration."""

import fcntl
import gzip
import json
import mimetypes
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import boto3

from chalicelib.events.schemas import asyncapi
from chalicelib.platform import shop
from infra.build import reference, reuse
from infra.build.template import ROOT

FRONTEND = ROOT / "frontend"
DIST = FRONTEND / "dist"
NPM_LOG = ROOT / ".local" / "npm.log"
FEW_RETRIES = ("--fetch-retries=2", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000")
"""Without a network, npm's own retries take more than a minute."""
BUILT = ROOT / ".build" / "storefront.json"
"""The record of the last build."""
SOURCE_SUFFIXES = {".json", ".mjs"}
FOR_EVER = "public, max-age=31536000, immutable"
FOR_AN_HOUR = "public, max-age=3600"
ASK_EACH_TIME = "no-cache"
CACHED = {"assets/": FOR_EVER, "images/": FOR_AN_HOUR}
"""By the beginning of a file's name. Assets have a hash in theirs; pictures are named by the catalog."""

COMPRESSED = {".js", ".css"}


class BuildFailed(Exception):
    """npm did not succeed; its output says why."""


class PackagesMissing(BuildFailed):
    """npm could not install the packages, for lack of a network as a rule. Its log is named."""


def build(progress: Callable[[str], None] = lambda line: None) -> Path:
    """Check the types, bundle the site and return its folder; reuse it if nothing has changed. Raises BuildFailed."""
    sources = _sources()
    if not reuse.is_current(BUILT, sources):
        install(FRONTEND, progress)
        progress("building the storefront")
        check()
        npm(FRONTEND, "run", "build")
        install(reference.FOLDER, progress)
        reference.write(DIST / "reference")
        reuse.note(BUILT, sources, reuse.files_below(DIST))
    return DIST


def _sources() -> str:
    """Return the digest of all that decides what is built: pages, documents of the API and of events, and the tools."""
    files = [path for path in sorted(FRONTEND.iterdir()) if path.suffix in SOURCE_SUFFIXES]
    folders = FRONTEND / "src", FRONTEND / "public", reference.FOLDER, Path(__file__).parent
    return reuse.digest(_api_document(), json.dumps(asyncapi()), *files, *folders, shop.FILE)


def check(frontend: Path = FRONTEND) -> None:
    """Check the pages against types generated from the API's OpenAPI document. Raises BuildFailed."""
    install(frontend)
    generate_types(frontend)
    npm(frontend, "run", "check")


def test() -> None:
    """Run the unit tests of the pages' modules in Node. Raises BuildFailed."""
    install(FRONTEND)
    npm(FRONTEND, "run", "test")


def generate_types(frontend: Path) -> None:
    """Write the types of the API's current OpenAPI document to `src/generated`, if it changed. Raises BuildFailed."""
    folder = frontend / "src" / "generated"
    source, types = folder / "openapi.json", folder / "openapi.d.ts"
    document = _api_document()
    with (frontend / "package.json").open() as one_at_a_time:
        fcntl.flock(one_at_a_time, fcntl.LOCK_EX)
        if types.exists() and source.exists() and source.read_text() == document:
            return
        folder.mkdir(exist_ok=True)
        types.unlink(missing_ok=True)
        source.write_text(document)
        npm(frontend, "run", "types")


def _api_document() -> str:
    from chalicelib import api
    from chalicelib.platform import openapi

    api.load_rooms()
    return json.dumps(openapi.document("/api"), indent=1)


def install(folder: Path, progress: Callable[[str], None] = lambda line: None) -> None:
    """Install the pinned packages of this folder if they changed; parallel calls wait. Raises BuildFailed."""
    wanted, installed = folder / "package-lock.json", folder / "node_modules" / ".package-lock.json"
    with wanted.open() as one_at_a_time:
        fcntl.flock(one_at_a_time, fcntl.LOCK_EX)
        if not installed.exists() or installed.stat().st_mtime < wanted.stat().st_mtime:
            progress("installing the packages of npm")
            _install(folder)
            installed.touch()


def _install(folder: Path) -> None:
    """Raises PackagesMissing, with npm's output in a log."""
    try:
        npm(folder, "ci", "--no-audit", "--no-fund", *FEW_RETRIES)
    except BuildFailed as failure:
        NPM_LOG.parent.mkdir(exist_ok=True)
        NPM_LOG.write_text(str(failure))
        raise PackagesMissing(
            f"npm could not install the packages of {folder.name}/. Is there a network? The whole log: {NPM_LOG}"
        ) from None


def publish(session: boto3.Session, bucket: str, config: dict[str, Any]) -> None:
    """Upload the built site, each file with how long it may be kept. A page comes after everything that it loads."""
    s3 = session.client("s3")
    s3.put_object(
        Bucket=bucket,
        Key="config.json",
        Body=json.dumps(config).encode(),
        ContentType="application/json",
        CacheControl=ASK_EACH_TIME,
    )
    for key in in_upload_order(path.relative_to(DIST).as_posix() for path in DIST.rglob("*") if path.is_file()):
        s3.put_object(
            Bucket=bucket,
            Key=key,
            ContentType=mimetypes.guess_type(key)[0] or "application/octet-stream",
            CacheControl=cache_control(key),
            **_body(DIST / key),
        )


def in_upload_order(keys: Iterable[str]) -> list[str]:
    """Return assets first, then other files, then the service worker and the pages."""

    def rank(key: str) -> int:
        if key.startswith("assets/"):
            return 0
        return 2 if key.endswith(".html") or key == "service-worker.js" else 1

    return sorted(keys, key=lambda key: (rank(key), key))


def _body(path: Path) -> dict[str, Any]:
    """Scripts and styles travel compressed, wherever they are served from. No browser of today cannot read them."""
    content = path.read_bytes()
    if path.suffix in COMPRESSED:
        return {"Body": gzip.compress(content, mtime=0), "ContentEncoding": "gzip"}
    return {"Body": content}


def cache_control(key: str) -> str:
    return next((kept for start, kept in CACHED.items() if key.startswith(start)), ASK_EACH_TIME)


def tool(name: str) -> str:
    """Of the node that came with the virtual environment, wherever else one may be."""
    found = shutil.which(name, path=_path())
    if found is None:
        raise BuildFailed(f"There is no {name}: is the virtual environment whole?")
    return found


def _path() -> str:
    return f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"


def npm(folder: Path, *arguments: str) -> None:
    """Raises BuildFailed."""
    command, environment = [tool("npm"), *arguments], {**os.environ, "PATH": _path()}
    run = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if run.returncode:
        raise BuildFailed(run.stdout + run.stderr)
