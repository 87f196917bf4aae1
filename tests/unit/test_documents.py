"""The documents name only files and tests that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "SECURITY.md", ROOT / "frontend/README.md", *sorted(ROOT.glob("docs/**/*.md"))]
TOP = r"(?:app\.py|shop\.json|chalicelib/|statemachine/|infra/|tests/|docs/|testbed/|\.chalice/|frontend/)"
NAMED_FILE = re.compile(rf"`({TOP}[\w./-]*)`")
NAMED_TEST = re.compile(r"`(test_\w+)`")
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")
COMMAND = re.compile(r"`(?:[A-Z_]+=\S+ )*make ([a-z][a-z-]*)")
TARGETS = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
ALL_TESTS = set(re.findall(r"def (test_\w+)", "".join(path.read_text() for path in ROOT.glob("tests/**/*.py"))))


def each(pattern: re.Pattern[str]) -> list:
    return [
        pytest.param(document, found, id=f"{document.relative_to(ROOT)}:{found}")
        for document in DOCUMENTS
        for found in sorted(set(pattern.findall(document.read_text())))
    ]


@pytest.mark.parametrize(("document", "path"), each(NAMED_FILE))
def test_file_named_in_a_document_exists(document, path):
    assert (ROOT / path).exists() or f"A new file `{path}`" in document.read_text()


@pytest.mark.parametrize(("document", "target"), each(LINK))
def test_link_in_a_document_leads_to_a_file(document, target):
    assert (document.parent / target).exists()


@pytest.mark.parametrize(("document", "name"), each(NAMED_TEST))
def test_test_named_in_a_document_exists(document, name):
    assert name in ALL_TESTS or list(ROOT.glob(f"tests/**/{name}.py"))


@pytest.mark.parametrize(("document", "target"), each(COMMAND))
def test_command_named_in_a_document_exists(document, target):
    assert target in TARGETS


def test_readme_fits_the_limits_of_length_and_width():
    lines = (ROOT / "README.md").read_text().splitlines()
    assert len(lines) <= 150
    assert [line for line in lines if len(line) > 120] == []
