"""SECURITY.md promises only what a test proves."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "SECURITY.md").read_text()
PROOFS = sorted(set(re.findall(r"`(tests/[\w/]+\.py)((?:::\w+)*)`", TEXT)))


def test_security_document_names_proofs():
    assert len(PROOFS) > 40


@pytest.mark.parametrize(("path", "name"), PROOFS)
def test_proof_of_the_security_document_exists(path, name):
    found = ast.parse((ROOT / path).read_text()).body
    for part in name.split("::")[1:]:
        found = [inner for node in found if getattr(node, "name", None) == part for inner in [node, *node.body]]
        assert found, part


@pytest.mark.parametrize(
    "row", [line for line in TEXT.splitlines() if line.startswith("| ") and "| threat" not in line]
)
def test_protection_of_the_security_document_has_a_proof(row):
    """Each row of the threat tables has three columns: STRIDE categories or a known threat, protection, reference."""
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert len(cells) == 3 and (cells[2].startswith("`") or row in _assets())


def _assets():
    return TEXT.partition("## Where trust ends")[0].splitlines()
