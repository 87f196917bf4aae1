"""Run the tools that the lint steps consist of: programs of the virtual environments and of npm."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from infra.build import reuse, storefront
from infra.build.template import ROOT

TOOLS = Path(sys.executable).parent
HERE = Path(__file__).parent
NODE_PACKAGES = HERE / "package-lock.json"
FAULTLESS = ROOT / ".build" / "faultless"
"""A record for each check that found nothing."""
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


def once(name: str, check: Callable[[], None], *sources: str | Path) -> None:
    """Run a check, unless it found nothing when its sources were last the same. Raises what the check raises.

    `sources` are all that decides its verdict: texts and files, with the version and the options of what checks.
    """
    record, digest = FAULTLESS / f"{name}.json", reuse.digest(*sources)
    if not reuse.is_current(record, digest):
        check()
        reuse.note(record, digest, [])


def cfn_lint(template: Path) -> None:
    """Check a template by CloudFormation's schemas, which takes ten seconds. Raises CheckFailed."""
    once(
        f"cfn-lint-{template.parent.name}",
        lambda: run(TOOLS / "cfn-lint", *CFN_LINT, "-t", template),
        *(version("cfn-lint"), *CFN_LINT, template),
    )


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
