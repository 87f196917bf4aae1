"""Libraries of the functions: installs `requirements.lock` for the template's runtime and architecture.

The lock names each package with its version and the hashes of all its files; uv and pip refuse anything else. Wheels
are downloaded for Lambda, so the result does not depend on the Python or the machine that packages. Run as a program
(`make lock`), it writes the lock: what the functions need, at the versions of `constraints.txt`. It also writes that of
the report's container image, which has the base layer's libraries and some of its own.
"""

import hashlib
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from infra.build import zips
from infra.build.layers import BASE, REQUIREMENT, lock_of
from infra.build.template import FRAGMENTS, ROOT, read

LOCK = ROOT / "requirements.lock"
REQUIREMENTS = ("requirements.txt", "requirements-reporting.txt")
IMAGE = ROOT / "infra" / "report_image"
EXCLUDED = ROOT / "infra" / "build" / "excluded.txt"
MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}
"""Lambda's names of architectures, and those in the names of wheels."""
GLIBC = ("manylinux_2_34", "manylinux_2_28", "manylinux2014")
"""Amazon Linux 2023, on which Python 3.12 and later run, has glibc 2.34.

https://docs.aws.amazon.com/linux/al2023/ug/compare-with-al2.html
"""
CHALICE = {"chalice/__init__.py", "chalice/app.py"}
"""What functions import of Chalice. The rest is its command line."""
UV, UV_LOCK = Path(sys.executable).with_name("uv"), ".lock"
"""uv comes with what tests need. It leaves its lock in the folder to which it installs."""
LOCALES, LANGUAGE = "babel/locale-data", "en"
"""Babel's data of all languages are 35 MB; emails are written in one, for the countries of `shop.json`."""
FOLDER = "python"
UNUSED_FOLDERS = {"__pycache__", "bin", "tests"}
UNUSED_SUFFIXES = {".c", ".h", ".pyi", ".typed"}


class InstallationFailed(Exception):
    """pip could not install what the lock names; the message has its last lines."""


@dataclass(frozen=True)
class Target:
    """The interpreter that libraries are for."""

    python: str
    architecture: str

    @property
    def uv_options(self) -> list[str]:
        """Return uv's options. uv also takes wheels for an older glibc than the named one."""
        return [f"--python-version={self.python}", f"--python-platform={MACHINES[self.architecture]}-{GLIBC[0]}"]

    @property
    def pip_options(self) -> list[str]:
        """Return pip's options. pip reads the ABI from the version of Python."""
        platforms = [f"--platform={glibc}_{MACHINES[self.architecture]}" for glibc in GLIBC]
        return [f"--python-version={self.python}", "--implementation=cp", *platforms]


def for_lambda() -> Target:
    """Return the target that the template's globals name."""
    common = read(FRAGMENTS / "settings.yaml")["Globals"]["Function"]
    return Target(common["Runtime"].removeprefix("python"), common["Architectures"][0])


def lock() -> int:
    """Write the lock files and return uv's exit code. uv adds no address of a registry."""
    if code := _compile(REQUIREMENTS, LOCK):
        return code
    locked = IMAGE / LOCK.name
    code = _compile([(IMAGE / "requirements.txt").relative_to(ROOT).as_posix()], locked)
    own = locked.read_text()
    begin = min((found.start() for found in REQUIREMENT.finditer(own)), default=len(own))
    locked.write_text(own[:begin] + lock_of(BASE, LOCK.read_text()) + own[begin:])
    return code


def _compile(requirements: Sequence[str], out: Path) -> int:
    target = for_lambda()
    command = [
        *(str(UV), "pip", "compile", *requirements),
        *("--constraint", "constraints.txt", "--excludes", EXCLUDED.relative_to(ROOT).as_posix()),
        *("--python-version", target.python, "--python-platform", f"{MACHINES[target.architecture]}-{GLIBC[0]}"),
        *("--generate-hashes", "--no-annotate", "--custom-compile-command", "make lock"),
        *("--quiet", "--output-file", out.relative_to(ROOT).as_posix()),
    ]
    return subprocess.run(command, cwd=ROOT).returncode


def installed(target: Target | None = None, layer: str = BASE, cache: Path = ROOT / ".build" / "libraries") -> Path:
    """Return a folder with a layer's libraries, by default for this interpreter. Raises InstallationFailed.

    The folder is named by all that decides its content, the rules in this file among it, so it is made once.
    """
    interpreter = target.pip_options if target else [sysconfig.get_platform(), sys.implementation.cache_tag]
    lock = lock_of(layer, LOCK.read_text())
    rules = [Path(module).read_text() for module in (__file__, zips.__file__)]
    known = repr((interpreter, lock, rules))
    folder = cache / hashlib.sha256(known.encode()).hexdigest()[:16]
    if not folder.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as scratch:
            made, part = Path(scratch) / "libraries", Path(scratch) / LOCK.name
            part.write_text(lock)
            _install(part, target, made)
            _remove_unneeded(made)
            _move(made, folder)
    return folder


def archived(target: Target, layer: str) -> Path:
    """Return a layer's zip for a target, made once. Raises InstallationFailed.

    Its files are in the folder `python`: AWS Lambda developer guide, "Packaging your layer content".
    """
    folder = installed(target, layer)
    archive = folder.with_suffix(".zip")
    if not archive.exists():
        found = [path for path in folder.rglob("*") if path.is_file()]
        files = {f"{FOLDER}/{path.relative_to(folder).as_posix()}": path.read_bytes() for path in found}
        with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
            made = Path(scratch) / archive.name
            zips.write_zip(made, files)
            made.rename(archive)
    return archive


def _install(lock: Path, target: Target | None, out: Path) -> None:
    """Install by uv where it is installed, which takes a fifth of pip's time, otherwise by pip."""
    common = [
        "--quiet",
        "--require-hashes",
        "--no-deps",
        "--only-binary=:all:",
        f"--target={out}",
        f"--requirement={lock}",
    ]
    by_uv = [str(UV), "pip", "install", f"--python={sys.executable}", *(target.uv_options if target else [])]
    by_pip = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--no-compile"]
    by_pip += ["--ignore-installed", *(target.pip_options if target else [])]
    runs = []
    for way in [by_uv, by_pip] if UV.exists() else [by_pip]:
        shutil.rmtree(out, ignore_errors=True)
        runs.append(subprocess.run([*way, *common], capture_output=True, text=True))
        if runs[-1].returncode == 0:
            return
    log = out.parent.parent / "pip.log"
    log.write_text("".join(run.stdout + run.stderr for run in runs))
    raise InstallationFailed(
        f"The libraries of {lock.name} could not be installed. Is there a network? The whole log: {log}"
    )


def is_needed(path: PurePosixPath) -> bool:
    """Return whether a function can need this file of an installed package.

    Of a package's metadata only `METADATA` stays: Amazon Inspector reads names and versions from it.
    https://docs.aws.amazon.com/inspector/latest/user/scanning-lambda.html
    """
    if path.parts[0] == "chalice":
        return path.as_posix() in CHALICE
    if path.parent.as_posix() == LOCALES:
        return path.stem == "root" or path.stem.partition("_")[0] == LANGUAGE
    if path.parts[0].endswith(".dist-info"):
        return path.name == "METADATA"
    return not UNUSED_FOLDERS & set(path.parts[:-1]) and path.suffix not in UNUSED_SUFFIXES and path.name != UV_LOCK


def _remove_unneeded(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file() and not is_needed(PurePosixPath(path.relative_to(folder).as_posix())):
            path.unlink()
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()


def _move(made: Path, folder: Path) -> None:
    """Another process may have made the same folder in the meantime; then keep that one."""
    try:
        made.rename(folder)
    except OSError:
        if not folder.exists():
            raise
        shutil.rmtree(made)


if __name__ == "__main__":
    sys.exit(lock())
