"""SECURITY.md promises only what a test proves."""

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "SECURITY.md").read_text()
PROOFS = sorted(set(re.findall(r"`(tests/[\w/]+\.py)((?:::\w+)*)`", TEXT)))


def test_security_document_names_proofs():
    assert len(PROOFS) > 40


def test_proofs_of_the_security_document_exist():
    assert [f"{path}{name}" for path, name in PROOFS if not _exists(path, name)] == []


def _exists(path, name):
    if not (ROOT / path).exists():
        return False
    found = _parsed(path).body
    for part in name.split("::")[1:]:
        found = [inner for node in found if getattr(node, "name", None) == part for inner in [node, *node.body]]
    return bool(found)


@cache
def _parsed(path):
    return ast.parse((ROOT / path).read_text())


def test_protections_of_the_security_document_have_proofs():
    """Each row of the threat tables has three columns: STRIDE categories or a known threat, protection, reference."""
    rows = [line for line in TEXT.splitlines() if line.startswith("| ") and "| threat" not in line]
    assert len(rows) > 60
    assert [row for row in rows if not _has_proof(row)] == []


def _has_proof(row):
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    return len(cells) == 3 and (cells[2].startswith("`") or row in _assets())


@cache
def _assets():
    return TEXT.partition("## Where trust ends")[0].splitlines()
