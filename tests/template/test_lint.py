"""The template is valid by CloudFormation's schemas."""

import subprocess

import pytest

from infra.lint.__main__ import CFN_LINT, TOOLS

pytestmark = pytest.mark.takes_long


def test_cfn_lint_finds_nothing(packaged):
    """In the stage that has all that the others have; `make lint` looks at each of them, for seven seconds each."""
    run = subprocess.run([TOOLS / CFN_LINT[0], *CFN_LINT[1:], "-t", packaged["demo"]], capture_output=True, text=True)
    assert (run.returncode, run.stdout + run.stderr) == (0, "")


def test_demo_stage_has_all_resources_of_the_others(packaged, template):
    whole = packaged["demo"].read_text()
    assert {f'"{name}": {{' for name in template["Resources"] if f'"{name}": {{' not in whole} == set()
