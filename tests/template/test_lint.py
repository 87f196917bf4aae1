"""The templates are such that CloudFormation accepts them, as far as its schemas can tell."""

import subprocess
import sys
from pathlib import Path


def test_cfn_lint_finds_nothing(packaged, stage):
    """Warnings included, nothing ignored."""
    lint = Path(sys.executable).parent / "cfn-lint"
    run = subprocess.run(
        [str(lint), "--include-checks", "W", "--regions", "eu-west-1", "-t", str(packaged[stage])],
        capture_output=True,
        text=True,
    )
    assert (run.returncode, run.stdout + run.stderr) == (0, "")
