"""Run the tools that the lint steps consist of: programs of the virtual environments and of npm."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

from infra.build import storefront
from infra.build.template import ROOT

TOOLS = Path(sys.executable).parent
HERE = Path(__file__).parent
NODE_PACKAGES = HERE / "package-lock.json"
FAULTLESS = ROOT / ".build" / "faultless"
"""An empty file for each check of given files that found nothing."""
CFN_LINT = ("--include-checks", "W", "--regions", "eu-west-1")
"""Warnings included, nothing ignored."""
INSTALLING = threading.Lock()
"""Held while packages are installed, which several steps share."""


class CheckFailed(Exception):
    """A check found something wrong; the message names it."""


class CheckSkipped(Exception):
    """The check needs something that this machine cannot reach; nothing was checked."""


def run(tool: Path, *arguments: str | Path) -> None:
    """Raise CheckFailed with the tool's output if it exits with an error."""
    result = called(tool, *arguments)
    if result.returncode:
        raise CheckFailed((result.stdout + result.stderr).strip())


def output(tool: Path, *arguments: str | Path) -> str:
    """Return the output of a tool that exits with an error when it finds something."""
    return called(tool, *arguments).stdout


def called(tool: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "NO_COLOR": "1"}
    return subprocess.run([tool, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True)


def once(tool: str, files: Iterable[Path], check: Callable[[], None]) -> None:
    """Run a check, unless it found nothing in the same files before. Raises what the check raises.

    `tool` names what checks; a file among `files` or `tool` itself must change with its version and options.
    """
    contents = [tool.encode(), *(path.read_bytes() for path in files)]
    mark = FAULTLESS / sha256(b"".join(sha256(content).digest() for content in contents)).hexdigest()
    if not mark.exists():
        check()
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()


def cfn_lint(template: Path) -> None:
    """Check a template by CloudFormation's schemas, which takes ten seconds. Raises CheckFailed."""
    tool = f"cfn-lint {version('cfn-lint')} {' '.join(CFN_LINT)}"
    once(tool, [template], lambda: run(TOOLS / "cfn-lint", *CFN_LINT, "-t", template))


def node_tool(name: str, *arguments: str | Path) -> None:
    """Run a program from this folder's npm packages. Raises CheckFailed, CheckSkipped."""
    node_script(HERE / "node_modules" / ".bin" / name, *arguments)


def node_script(script: Path, *arguments: str | Path) -> None:
    """Run a script that may import this folder's npm packages. Raises CheckFailed, CheckSkipped."""
    node_packages(HERE)
    run(TOOLS / "node", script, *arguments)


def node_packages(folder: Path) -> None:
    """Install the folder's pinned npm packages. Raises CheckSkipped where they cannot be installed."""
    try:
        with INSTALLING:
            storefront.install(folder)
    except storefront.BuildFailed as failure:
        raise CheckSkipped(f"its packages could not be installed:\n{failure}") from None
