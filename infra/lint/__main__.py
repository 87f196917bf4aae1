"""`make lint`: everything that can be found without running the shop. `--quick`: what costs seconds only.

Each step says what to do about what it found. Scanners have a virtual environment of their own, `.venv-lint`.
"""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from infra.build import storefront
from infra.build.template import ROOT, asl
from infra.lint.exceptions import ACCEPTED
from infra.local.package import package_each_stage

TOOLS = Path(sys.executable).parent
SCANNERS = ROOT / ".venv-lint" / "bin"
HERE = Path(__file__).parent
EDGE = ROOT / "infra" / "edge" / "template.yaml"
CFN_LINT = ("cfn-lint", "--include-checks", "W", "--regions", "eu-west-1")
"""Warnings included, nothing ignored."""


class CheckFailed(Exception):
    """Something is wrong; the message says what."""


class CheckSkipped(Exception):
    """The step needs something that this machine cannot reach; nothing was found out."""


@dataclass(frozen=True)
class Step:
    name: str
    check: Callable[[], None]
    remedy: str
    is_quick: bool = False


def style() -> None:
    _run(TOOLS / "ruff", "check", "--quiet", ".")


def layout() -> None:
    _run(TOOLS / "ruff", "format", "--check", "--quiet", ".")


def types() -> None:
    _run(TOOLS / "mypy")


def workflows() -> None:
    """Each as Step Functions gets it, with something in place of what CloudFormation fills in."""
    _node_packages(HERE)
    with TemporaryDirectory() as folder:
        written = [_filled_in(path, Path(folder)) for path in sorted((ROOT / "statemachine").glob("*.asl.yaml"))]
        files = [option for path in written for option in ("--json-path", str(path))]
        _run(TOOLS / "node", HERE / "node_modules" / ".bin" / "asl-validator", *files)


def pages() -> None:
    _node_packages(storefront.FRONTEND)
    storefront.check()


def templates() -> None:
    with TemporaryDirectory() as folder:
        _run(TOOLS / CFN_LINT[0], *CFN_LINT[1:], "-t", *package_each_stage(Path(folder)).values(), EDGE)


def security() -> None:
    """The stage `demo` has all that the others have."""
    _scanners()
    with TemporaryDirectory() as folder:
        template = package_each_stage(Path(folder))["demo"]
        told = _output(
            *(SCANNERS / "checkov", "--file", template, EDGE, "--framework", "cloudformation"),
            *("--skip-download", "--compact", "--quiet", "--output", "json"),
        )
    refuse(_failed_checks(json.loads(told)))


def refuse(failed: set[tuple[str, str, str]]) -> None:
    """What is not accepted, and what is accepted in vain. Raises CheckFailed."""
    open_ones = [
        f"{check} on {resource}: {title}"
        for check, resource, title in sorted(failed)
        if not any(accepted.covers(check, resource) for accepted in ACCEPTED)
    ]
    idle = [
        f"{accepted.check}{f' on {name}' if name else ''}: nothing of this is found any more; take it out of ACCEPTED"
        for accepted in ACCEPTED
        for name in accepted.on or {""}
        if not any(accepted.check == check and name in ("", resource) for check, resource, _ in failed)
    ]
    if open_ones or idle:
        raise CheckFailed("\n".join(open_ones + idle))


def vulnerabilities() -> None:
    """Of what runs in Lambda and of what develops it, by the versions that are pinned."""
    _scanners()
    pinned = ("-r", ROOT / "requirements.txt", "-r", ROOT / "constraints.txt")
    try:
        told = json.loads(_output(SCANNERS / "pip-audit", *pinned, "--no-deps", "--disable-pip", "--format", "json"))
    except ValueError:
        raise CheckSkipped("the service that knows vulnerabilities does not answer from here") from None
    packages = told["dependencies"]
    if all("skip_reason" in package for package in packages):
        raise CheckSkipped(f"the service that knows vulnerabilities knows none of our {len(packages)} packages here")
    known = [f"{p['name']} {p['version']}: {v['id']}" for p in packages for v in p.get("vulns", [])]
    if known:
        raise CheckFailed("\n".join(known))


STEPS = (
    Step("style (ruff)", style, ".venv/bin/ruff check --fix . mends most of it", is_quick=True),
    Step("layout (ruff format)", layout, ".venv/bin/ruff format . does it", is_quick=True),
    Step("types (mypy)", types, "say what may be missing, or see that it cannot be; no ignores", is_quick=True),
    Step("workflows (asl-validator)", workflows, "mend the file in statemachine/", is_quick=True),
    Step("types of the pages (tsc)", pages, "mend the file in frontend/src/"),
    Step("templates (cfn-lint)", templates, "mend the piece in infra/template/; make package STAGE=… shows the whole"),
    Step("security of the templates (checkov)", security, "mend it, or say in infra/lint/exceptions.py why it stays"),
    Step("known vulnerabilities (pip-audit)", vulnerabilities, "raise the version in requirements and constraints.txt"),
)


def main(only_quick: bool) -> int:
    failed = 0
    for step in STEPS:
        if only_quick and not step.is_quick:
            continue
        print(f"  {step.name} …", end=" ", flush=True)
        began = time.monotonic()
        try:
            step.check()
        except CheckSkipped as reason:
            print(f"not checked: {reason}")
        except CheckFailed as found:
            failed += 1
            print(f"\n\n{found}\n\n  {step.name}: {step.remedy}\n")
        else:
            print(f"fine ({time.monotonic() - began:.0f} s)")
    return 1 if failed else 0


def _filled_in(workflow: Path, folder: Path) -> Path:
    numbers = re.sub(r"\$\{\w+Seconds\}", "60", asl(workflow))
    text = re.sub(r"\$\{(\w+)\}", r"arn:aws:lambda:eu-west-1:123456789012:function:\1", numbers)
    written = folder / f"{workflow.name.split('.')[0]}.json"
    written.write_text(text)
    return written


def _failed_checks(report: Any) -> set[tuple[str, str, str]]:
    """Check, logical id, title."""
    found = report["results"]["failed_checks"]
    return {(each["check_id"], each["resource"].rpartition(".")[2], each["check_name"]) for each in found}


def _run(tool: Path, *arguments: str | Path) -> None:
    run = _called(tool, *arguments)
    if run.returncode:
        raise CheckFailed((run.stdout + run.stderr).strip())


def _output(tool: Path, *arguments: str | Path) -> str:
    """Of a tool that may end with an error because it found something."""
    return _called(tool, *arguments).stdout


def _called(tool: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "NO_COLOR": "1"}
    return subprocess.run([tool, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True)


def _node_packages(folder: Path) -> None:
    try:
        storefront.install(folder)
    except storefront.BuildFailed as failure:
        raise CheckSkipped(f"its packages could not be installed:\n{failure}") from None


def _scanners() -> None:
    """Installed when they are first wanted, and again when their versions change."""
    wanted, installed = HERE / "requirements.txt", SCANNERS.parent / ".installed"
    if installed.exists() and installed.stat().st_mtime >= wanted.stat().st_mtime:
        return
    print("(installing the scanners, about a minute, once) …", end=" ", flush=True)
    _run(Path(sys.executable), "-m", "venv", SCANNERS.parent)
    run = _called(SCANNERS / "pip", "install", "--quiet", "--disable-pip-version-check", "-r", wanted)
    if run.returncode:
        raise CheckSkipped(f"the scanners could not be installed. Is there a network?\n{run.stderr[-500:]}")
    installed.touch()


if __name__ == "__main__":
    sys.exit(main(only_quick="--quick" in sys.argv))
