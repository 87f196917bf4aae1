"""The documents name only files and tests that exist."""

import re
from functools import cache
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


@pytest.fixture(params=DOCUMENTS, ids=lambda document: str(document.relative_to(ROOT)))
def document(request):
    return request.param


@cache
def all_tests():
    return set(re.findall(r"def (test_\w+)", "".join(path.read_text() for path in ROOT.glob("tests/**/*.py"))))


def unknown(pattern, document, is_known):
    """Return what a document names and nobody knows."""
    return [found for found in sorted(set(pattern.findall(document.read_text()))) if not is_known(found)]


def test_file_named_in_a_document_exists(document):
    text = document.read_text()
    assert unknown(NAMED_FILE, document, lambda path: (ROOT / path).exists() or f"A new file `{path}`" in text) == []


def test_link_in_a_document_leads_to_a_file(document):
    assert unknown(LINK, document, lambda target: (document.parent / target).exists()) == []


def test_test_named_in_a_document_exists(document):
    def is_known(name):
        return name in all_tests() or list(ROOT.glob(f"tests/**/{name}.py"))

    assert unknown(NAMED_TEST, document, is_known) == []


def test_command_named_in_a_document_exists(document):
    assert unknown(COMMAND, document, TARGETS.__contains__) == []


@pytest.mark.parametrize(("pattern", "least"), [(NAMED_FILE, 400), (LINK, 80), (NAMED_TEST, 30), (COMMAND, 100)])
def test_pattern_finds_what_documents_name(pattern, least):
    """A pattern that no longer fits would find nothing that is wrong."""
    assert sum(len(set(pattern.findall(document.read_text()))) for document in DOCUMENTS) >= least


def test_readme_fits_the_limits_of_length_and_width():
    lines = (ROOT / "README.md").read_text().splitlines()
    assert len(lines) <= 150
    assert [line for line in lines if len(line) > 120] == []
