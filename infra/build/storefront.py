"""Builds the static storefront and puts it into its bucket, with the configuration of this deployment."""

import fcntl
import gzip
import json
import mimetypes
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3

from infra.build.template import ROOT

FRONTEND = ROOT / "frontend"
DIST = FRONTEND / "dist"
FOR_EVER = "public, max-age=31536000, immutable"
FOR_AN_HOUR = "public, max-age=3600"
ASK_EACH_TIME = "no-cache"
CACHED = {"assets/": FOR_EVER, "images/": FOR_AN_HOUR}
"""By the beginning of a file's name. Assets have a hash in theirs; pictures are named by the catalog."""

COMPRESSED = {".js", ".css"}


class BuildFailed(Exception):
    """npm did not succeed; its output says why."""


def build(progress: Callable[[str], None] = lambda line: None) -> Path:
    """Returns the folder of the built site. Raises BuildFailed."""
    install(FRONTEND, progress)
    progress("building the storefront")
    npm(FRONTEND, "run", "build")
    return DIST


def check() -> None:
    """Every type fits. Raises BuildFailed."""
    install(FRONTEND)
    npm(FRONTEND, "run", "check")


def install(folder: Path, progress: Callable[[str], None] = lambda line: None) -> None:
    """The pinned packages of this folder, if they changed; who comes meanwhile waits. Raises BuildFailed."""
    wanted, installed = folder / "package-lock.json", folder / "node_modules" / ".package-lock.json"
    with wanted.open() as one_at_a_time:
        fcntl.flock(one_at_a_time, fcntl.LOCK_EX)
        if not installed.exists() or installed.stat().st_mtime < wanted.stat().st_mtime:
            progress("installing the packages of npm")
            npm(folder, "ci", "--no-audit", "--no-fund")
            installed.touch()


def publish(session: boto3.Session, bucket: str, config: dict[str, Any]) -> None:
    """Upload the built site, each file with how long it may be kept."""
    s3 = session.client("s3")
    for path in sorted(DIST.rglob("*")):
        if path.is_file():
            key = path.relative_to(DIST).as_posix()
            s3.put_object(
                Bucket=bucket,
                Key=key,
                ContentType=mimetypes.guess_type(key)[0] or "application/octet-stream",
                CacheControl=cache_control(key),
                **_body(path),
            )
    s3.put_object(
        Bucket=bucket,
        Key="config.json",
        Body=json.dumps(config).encode(),
        ContentType="application/json",
        CacheControl=ASK_EACH_TIME,
    )


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
