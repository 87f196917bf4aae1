"""Prepared environments: what a snapshot must not freeze."""

import ast
from pathlib import Path

from infra.build.template import ROOT

WITHIN_AN_INVOCATION = {
    "console/logs.py",
    "dead_letters/queue.py",
    "platform/http.py",
    "platform/log.py",
    "platform/sqs_batch.py",
}
"""Modules that measure durations of a call with the monotonic clock."""


def _uses(path: Path, name: str) -> bool:
    return any(isinstance(node, ast.Attribute) and node.attr == name for node in ast.walk(ast.parse(path.read_text())))


def test_age_of_what_is_cached_is_measured_by_the_wall_clock():
    """The monotonic clock stands still in a snapshot, so a secret that was read before it would seem new."""
    code = ROOT / "chalicelib"
    found = {path.relative_to(code).as_posix() for path in code.rglob("*.py") if _uses(path, "monotonic")}
    assert found == WITHIN_AN_INVOCATION
