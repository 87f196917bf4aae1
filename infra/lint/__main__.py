"""`make lint`: everything that can be found without running the shop. `--quick`: what costs seconds only.

Each step says what to do about what it found. Scanners have a virtual environment of their own, `.venv-lint`.
"""

import json
import re
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from infra.build import storefront
from infra.build.package import package_each_stage
from infra.build.template import ROOT, asl
from infra.lint import documents, words
from infra.lint.exceptions import ACCEPTED
from infra.lint.tools import (
    HERE,
    INSTALLING,
    NODE_PACKAGES,
    TOOLS,
    CheckFailed,
    CheckSkipped,
    called,
    cfn_lint,
    node_packages,
    node_tool,
    once,
    output,
    run,
)

SCANNERS = ROOT / ".venv-lint" / "bin"
EDGE = ROOT / "infra" / "edge" / "template.yaml"
REPORTING = ROOT / "infra" / "reporting" / "template.yaml"
AT_ONCE = 2
"""Steps. Most of them wait for one program."""


@dataclass(frozen=True)
class Step:
    name: str
    check: Callable[[], None]
    remedy: str
    is_quick: bool = False


def style() -> None:
    run(TOOLS / "ruff", "check", "--quiet", ".")


def layout() -> None:
    run(TOOLS / "ruff", "format", "--check", "--quiet", ".")


def types() -> None:
    run(TOOLS / "mypy")


def workflows() -> None:
    """Each as Step Functions gets it, with something in place of what CloudFormation fills in."""
    with TemporaryDirectory() as folder:
        written = [_filled_in(path, Path(folder)) for path in sorted((ROOT / "statemachine").glob("*.asl.yaml"))]
        files = [option for path in written for option in ("--json-path", str(path))]
        once("workflows", lambda: node_tool("asl-validator", *files), *written, NODE_PACKAGES)


def pages() -> None:
    node_packages(storefront.FRONTEND)
    try:
        storefront.check()
    except storefront.BuildFailed as failure:
        raise CheckFailed(str(failure)) from None


def page_tests() -> None:
    node_packages(storefront.FRONTEND)
    try:
        storefront.test()
    except storefront.BuildFailed as failure:
        raise CheckFailed(str(failure)) from None


def templates() -> None:
    with TemporaryDirectory() as folder:
        for template in (*package_each_stage(Path(folder)).values(), EDGE, REPORTING):
            cfn_lint(template)


def security() -> None:
    """The stage `demo` has all that the others have."""
    _scanners()
    with TemporaryDirectory() as folder:
        template = package_each_stage(Path(folder))["demo"]
        found = output(
            *(SCANNERS / "checkov", "--file", template, EDGE, "--framework", "cloudformation"),
            *("--skip-download", "--compact", "--quiet", "--output", "json"),
        )
    refuse(_failed_checks(json.loads(found)))


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
        found = json.loads(output(SCANNERS / "pip-audit", *pinned, "--no-deps", "--disable-pip", "--format", "json"))
    except ValueError:
        raise CheckSkipped("the service that knows vulnerabilities does not answer from here") from None
    packages = found["dependencies"]
    if all("skip_reason" in package for package in packages):
        raise CheckSkipped(f"the service that knows vulnerabilities knows none of our {len(packages)} packages here")
    known = [f"{p['name']} {p['version']}: {v['id']}" for p in packages for v in p.get("vulns", [])]
    if known:
        raise CheckFailed("\n".join(known))


STEPS = (
    Step("style (ruff)", style, "run: .venv/bin/ruff check --fix .", is_quick=True),
    Step("layout (ruff format)", layout, "run: .venv/bin/ruff format .", is_quick=True),
    Step("words", words.check, "use the plain term; the lists and reasons are in infra/lint/words.py", is_quick=True),
    Step("types (mypy)", types, "declare what may be None, or narrow it; add no ignores", is_quick=True),
    Step("workflows (asl-validator)", workflows, "correct the file in statemachine/", is_quick=True),
    Step(
        "events (@asyncapi/parser)", documents.events, "correct chalicelib/events/, run: make contracts", is_quick=True
    ),
    Step("API (spectral)", documents.api, "correct the routes, or chalicelib/platform/openapi*.py", is_quick=True),
    Step("types of the pages (tsc)", pages, "correct the file in frontend/src/, or the route whose answer changed"),
    Step("unit tests of the pages (node --test)", page_tests, "correct the module, or the test in frontend/tests/"),
    Step("templates (cfn-lint)", templates, "correct infra/template/; make package STAGE=… prints the whole template"),
    Step("security of the templates (checkov)", security, "correct it, or accept it in infra/lint/exceptions.py"),
    Step("known vulnerabilities (pip-audit)", vulnerabilities, "raise the version in requirements and constraints.txt"),
)


def main(only_quick: bool) -> int:
    """Run the steps, two at once, and report them in their order. Return 1 if one found something."""
    steps = [step for step in STEPS if step.is_quick or not only_quick]
    failed = 0
    with ThreadPoolExecutor(AT_ONCE) as pool:
        reports = [pool.submit(_report, step) for step in steps]
        for step, report in zip(steps, reports, strict=True):
            print(f"  {step.name} …", end=" ", flush=True)
            is_fine, text = report.result()
            failed += not is_fine
            print(text)
    return 1 if failed else 0


def _report(step: Step) -> tuple[bool, str]:
    """Return whether nothing was found, and what to print."""
    began = time.monotonic()
    try:
        step.check()
    except CheckSkipped as reason:
        return True, f"not checked: {reason}"
    except CheckFailed as found:
        return False, f"\n\n{found}\n\n  {step.name}: {step.remedy}\n"
    return True, f"fine ({time.monotonic() - began:.0f} s)"


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


def _scanners() -> None:
    """Installed when they are first wanted, and again when their versions change."""
    with INSTALLING:
        _install_scanners()


def _install_scanners() -> None:
    wanted, installed = HERE / "requirements.txt", SCANNERS.parent / ".installed"
    if installed.exists() and installed.stat().st_mtime >= wanted.stat().st_mtime:
        return
    print("(installing the scanners, about a minute, once) …", end=" ", flush=True)
    run(Path(sys.executable), "-m", "venv", SCANNERS.parent)
    result = called(SCANNERS / "pip", "install", "--quiet", "--disable-pip-version-check", "-r", wanted)
    if result.returncode:
        raise CheckSkipped(f"the scanners could not be installed. Is there a network?\n{result.stderr[-500:]}")
    installed.touch()


if __name__ == "__main__":
    sys.exit(main(only_quick="--quick" in sys.argv))
