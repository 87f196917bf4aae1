"""Builds the static storefront and puts it into its bucket, with the configuration of this deployment."""

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

from infra.template_pieces import ROOT

FRONTEND = ROOT / "frontend"
DIST = FRONTEND / "dist"
FOR_EVER = "public, max-age=31536000, immutable"
ASK_EACH_TIME = "no-cache"


class BuildFailed(Exception):
    """npm did not succeed; its output says why."""


def build(progress: Callable[[str], None] = lambda line: None) -> Path:
    """Returns the folder of the built site. Installs the pinned packages if they changed. Raises BuildFailed."""
    install(FRONTEND, lambda: progress("installing the storefront's packages"))
    progress("building the storefront")
    npm(FRONTEND, "run", "build")
    return DIST


def install(folder: Path, begins: Callable[[], None] = lambda: None) -> None:
    """The packages that the folder's lock file pins, if they changed. Raises BuildFailed."""
    lock, installed = folder / "package-lock.json", folder / "node_modules" / ".package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        begins()
        npm(folder, "ci", "--no-audit", "--no-fund")
        installed.touch()


def publish(session: boto3.Session, bucket: str, config: dict[str, Any]) -> None:
    """Upload the built site; files with a hash in their name may be cached for ever."""
    s3 = session.client("s3")
    for path in sorted(DIST.rglob("*")):
        if path.is_file():
            key = path.relative_to(DIST).as_posix()
            s3.put_object(
                Bucket=bucket,
                Key=key,
                Body=path.read_bytes(),
                ContentType=mimetypes.guess_type(key)[0] or "application/octet-stream",
                CacheControl=FOR_EVER if key.startswith("assets/") else ASK_EACH_TIME,
            )
    s3.put_object(
        Bucket=bucket,
        Key="config.json",
        Body=json.dumps(config).encode(),
        ContentType="application/json",
        CacheControl=ASK_EACH_TIME,
    )


def npm(folder: Path, *arguments: str) -> None:
    """With the node that came with the virtual environment, wherever else one may be."""
    tools = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{tools}{os.pathsep}{os.environ.get('PATH', '')}"}
    npm = shutil.which("npm", path=environment["PATH"])
    run = subprocess.run([npm or "npm", *arguments], cwd=folder, env=environment, capture_output=True, text=True)
    if run.returncode:
        raise BuildFailed(run.stdout + run.stderr)
