"""Clean machine: every make target works or refuses in one line, with an empty home, no browser, node or network.

It runs a copy of the tracked files, as in a container. Only the virtual environment is the tests' own.
"""

import re
import shutil
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from infra.build.template import ROOT

pytestmark = pytest.mark.takes_long

PROGRAMS = ("sh", "awk", "date", "env", "git", "make", "mkdir", "ps", "rm", "touch", "tail")
NOT_RUNNING = "The shop is not running. Start it with: make up"
NO_ACCOUNT = "credentials"
EXPECTED = {
    "help": (0, "make up"),
    "up": (2, "is in use. Stop its program"),
    "down": (0, "Nothing is running."),
    "admin": (2, "Missing option '--email'"),
    "partner": (2, "Missing option '--name'"),
    "import": (2, "Missing option '--file'"),
    "job": (0, "write_sales_report"),
    "cost": (0, "Cheaper with Fargate from"),
    "plan": (0, "USD; per million orders"),
    "workflows": (2, "npm could not install the packages of frontend"),
    "coverage": (2, "No whole test run has left its coverage"),
    "package": (2, "The libraries of requirements.lock could not be installed"),
    "doctor": (2, NO_ACCOUNT),
    "deploy": (2, NO_ACCOUNT),
    "destroy": (2, "The stage's name"),
    "check": (2, "ruff format . does it"),
    "test": (2, "No Chromium was found"),
} | dict.fromkeys(
    (
        "bench",
        "demo",
        "tour",
        "tune",
        "logs",
        "mail",
        "lighthouse",
        "screenshots",
        "audit",
        "rush",
        "burst",
        "dlq",
        "replay",
        "reporting",
    ),
    (2, NOT_RUNNING),
)
"""By target: make's exit code, and a text that it prints."""

LEFT_OUT = {
    "bench-init": "It measures for minutes.",
    "bench-imports": "It measures for minutes.",
    "chaos": "It runs for minutes.",
    "crashes": "It runs for minutes.",
    "clean": "It would delete the copy's state under the other targets.",
    "coverage": "It draws what a run of all tests recorded.",
    "simulate": "It runs for minutes.",
    "mutate": "It runs for minutes.",
    "contracts": "`test_event_contracts.py` runs it.",
    "lint": "It takes minutes, and CI runs it.",
    "workflows": "It draws with Node.js; `tests/workflow/test_graph.py` compares its result.",
    "lock": "It needs the network; `tests/unit/test_lock.py` checks its result.",
}


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    """Return a function that runs a target on the clean machine."""
    folder = tmp_path_factory.mktemp("machine")
    copy, programs, home = (folder / name for name in ("shop", "bin", "home"))
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, tracked.split("\0")):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    (copy / "unformatted.py").write_text("x=1\n")
    (copy / ".venv").symlink_to(Path(sys.prefix))
    programs.mkdir()
    home.mkdir()
    for name in PROGRAMS:
        if found := shutil.which(name):
            (programs / name).symlink_to(found)
    (programs / "python3").symlink_to(sys.executable)
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        environment = {
            "HOME": str(home),
            "PATH": str(programs),
            "LANG": "C.UTF-8",
            "SHOP_PORT": str(busy.getsockname()[1]),
            "HTTPS_PROXY": "http://127.0.0.1:9",
            "HTTP_PROXY": "http://127.0.0.1:9",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        installed = ("--old-file", ".venv/.installed", "--old-file", ".venv/.installed-for-tests")

        def run(target):
            command = [shutil.which("make"), "--no-print-directory", *installed, target]
            return subprocess.run(
                command, cwd=copy, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL
            )

        yield run


def test_make_target_works_or_refuses_in_one_line(machine):
    with ThreadPoolExecutor(2) as pool:
        results = dict(zip(EXPECTED, pool.map(machine, EXPECTED), strict=True))
    for target, (code, text) in EXPECTED.items():
        result = results[target]
        printed = result.stdout + result.stderr
        refusal = [line for line in result.stderr.splitlines() if not line.startswith("make: ***")]
        assert result.returncode == code and text in printed, f"make {target}: {printed}"
        assert "Traceback" not in printed and len(refusal) <= 1, f"make {target}: {printed}"


def test_make_targets_are_all_tried_or_left_out():
    targets = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert targets == EXPECTED.keys() | LEFT_OUT.keys()
