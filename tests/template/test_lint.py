"""The template is valid by CloudFormation's schemas."""

import pytest

from infra.lint.tools import cfn_lint

pytestmark = pytest.mark.takes_long


def test_cfn_lint_finds_nothing(packaged):
    """In the stage that has all that the others have; `make lint` looks at each of them."""
    cfn_lint(packaged["demo"])


def test_demo_stage_has_all_resources_of_the_others(packaged, template):
    whole = packaged["demo"].read_text()
    assert {f'"{name}": {{' for name in template["Resources"] if f'"{name}": {{' not in whole} == set()
