"""Installation: brings the packages of one step into .venv, by uv where it can be had, otherwise by pip.

Runs on the system's Python before anything is installed, so it uses the standard library only.
"""

import contextlib
import fcntl
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parents[2]
VENV, HOME = ROOT / ".venv", ROOT / ".local"
PYTHON, LOG = VENV / "bin" / "python", HOME / "install.log"
STEPS = {
    "local": ("requirements-local.txt", "what the shop needs"),
    "dev": ("requirements-dev.txt", "what tests and linters need"),
}
"""By name: the file of requirements, and what it is for."""

TELLING = re.compile(r"((Resolved|Prepared|Installed) \d+ packages.*|Downloading \S+ \([\d.]+ ?Mi?B\))")
INSTALLING = "Installing collected packages: "


def main(step: str) -> None:
    requirements, purpose = STEPS[step]
    began = time.monotonic()
    with _alone():
        print(f"  installing {purpose} into .venv …", flush=True)
        LOG.write_text("")
        _require_venv()
        uv = shutil.which("uv") or _own_uv()
        by_pip: list[str | Path] = [PYTHON, "-m", "pip", "install", "--no-compile", "--progress-bar", "off"]
        by_uv: list[str | Path] = [uv or "uv", "pip", "install", "--python", PYTHON]
        ways = [by_uv, by_pip] if uv else [by_pip]
        if not any(_called(*way, "-r", requirements) for way in ways):
            _refuse(f"The packages could not be installed. Is there a network? The whole log: {LOG}")
    print(f"  installed in {time.monotonic() - began:.0f} s", flush=True)


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Exclude another installation, and end where the folder cannot be written."""
    try:
        HOME.mkdir(exist_ok=True)
        VENV.mkdir(exist_ok=True)
        lock = (HOME / "install.lock").open("w")
    except OSError as error:
        _refuse(f"This folder cannot be written: {ROOT} ({error.strerror})")
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _refuse("Another make installs packages into .venv. Wait for its end.")
        yield


def _require_venv() -> None:
    """Create the virtual environment, again if its Python is gone."""
    with contextlib.suppress(OSError):
        if subprocess.run([PYTHON, "-c", ""], capture_output=True).returncode == 0:
            return
    way: list[str | Path]
    if uv := shutil.which("uv"):
        way = [uv, "venv", "--seed", "--clear", "--python", sys.executable, VENV]
    else:
        if subprocess.run([sys.executable, "-c", "import venv, ensurepip"], capture_output=True).returncode:
            _refuse("Python's venv module is missing. On Debian or Ubuntu: apt-get install python3-venv")
        way = [sys.executable, "-m", "venv", "--clear", VENV]
    if not _called(*way):
        _refuse(f"The virtual environment could not be created. The whole log: {LOG}")


def _own_uv() -> Path | None:
    """Return the uv of the virtual environment, installed at the pinned version; None where it cannot be had."""
    uv = VENV / "bin" / "uv"
    pin = re.search(r"^uv==\S+", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    if not uv.exists() and pin:
        _called(PYTHON, "-m", "pip", "install", "--no-compile", "--retries", "1", pin[0])
    return uv if uv.exists() else None


def _called(*command: str | Path) -> bool:
    """Run a command, with its output in the log and its progress on the terminal; return whether it succeeded."""
    environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    if index := os.environ.get("PIP_INDEX_URL"):
        environment.setdefault("UV_DEFAULT_INDEX", index)
    process = subprocess.Popen(
        list(map(str, command)), cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout
    with LOG.open("a") as log:
        for line in process.stdout:
            log.write(line)
            if text := _progress(line.strip()):
                print(f"    {text}", flush=True)
    return process.wait() == 0


def _progress(line: str) -> str | None:
    """Return what a line of output is worth on the terminal."""
    if line.startswith(INSTALLING):
        return f"Installing {line.count(',') + 1} packages"
    return line if TELLING.fullmatch(line) else None


def _refuse(reason: str) -> NoReturn:
    print(reason, file=sys.stderr)
    sys.exit(2)


if __name__ == "__main__":
    main(sys.argv[1])
