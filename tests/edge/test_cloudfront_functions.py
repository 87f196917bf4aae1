"""The CloudFront functions: their tests in Node, and what their runtime, which is not Node, allows."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from infra.build.template import ROOT

HERE = Path(__file__).parent
NODE = Path(sys.executable).parent / "node"
FUNCTIONS = sorted((ROOT / "infra" / "edge").glob("*.js"))
LARGEST = 10 * 1024

NOT_IN_THE_RUNTIME = {
    "for … of": r"\bfor\s*\([^;)]*\bof\b",
    "classes": r"\bclass\s+\w+",
    "destructuring": r"\b(const|let|var)\s*[\[{]|\(\s*[\[{][^)]*[\]}]\s*\)\s*=>",
    "spread": r"\.\.\.",
    "optional chaining": r"\?\.\w|\?\?",
    "lookbehind": r"\(\?<[!=]",
    "generators": r"\bfunction\s*\*|\byield\b",
    "modules that are not there": r"\bimport\b|\brequire\b",
    "eval": r"\beval\b|\bnew Function\b",
    "timers": r"\bset(Timeout|Interval|Immediate)\b",
}


@pytest.mark.parametrize("tests", sorted(HERE.glob("*.test.mjs")), ids=lambda path: path.name)
def test_cloudfront_functions_pass_their_tests_in_node(tests: Path) -> None:
    run = subprocess.run([NODE, "--test", "--test-reporter=tap", tests], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    assert int(re.search(r"^# pass (\d+)$", run.stdout, re.MULTILINE)[1]) >= 10


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda path: path.name)
def test_cloudfront_function_is_tested_and_within_the_size_limit(function: Path) -> None:
    assert (HERE / f"{function.stem}.test.mjs").exists()
    assert function.stat().st_size <= LARGEST


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda path: path.name)
def test_cloudfront_function_uses_only_syntax_of_its_runtime(function: Path) -> None:
    code = re.sub(r"^\s*//.*$", "", function.read_text(), flags=re.MULTILINE)
    assert [name for name, pattern in NOT_IN_THE_RUNTIME.items() if re.search(pattern, code)] == []


def test_cloudfront_functions_exist() -> None:
    assert [path.stem for path in FUNCTIONS] == ["viewer_request", "viewer_response"]
