"""The word check finds refused words in prose, and only there."""

import pytest

from infra.build.template import ROOT
from infra.lint import words


@pytest.fixture
def file_with():
    """A file in the project's folder for build results, which is ignored by git."""
    folder = ROOT / ".build" / "words"
    folder.mkdir(parents=True, exist_ok=True)
    written = []

    def write(name, text):
        path = folder / name
        path.write_text(text)
        written.append(path)
        return path

    yield write
    for path in written:
        path.unlink()


@pytest.mark.parametrize(
    "line",
    ["# The relay is told anew.", 'x = "Somebody failed"', '"""Whatever the caller said."""', "was_told = 1"],
    ids=["comment", "string", "docstring", "name"],
)
def test_word_check_finds_a_refused_word_with_its_line(file_with, line):
    found = words.findings(file_with("prose.py", f"import os\n\n{line}\n"))
    assert found and all(each.startswith(".build/words/prose.py:3: ") for each in found)


def test_word_check_passes_code_in_text_and_standard_terms(file_with):
    source = "dead_letters = units(parts)\n# A queue of dead letters; `told` is a name.\n"
    assert words.findings(file_with("names.py", source)) == []
    assert words.findings(file_with("page.md", "Run:\n```\nsay anew\n```\nthen read `pieces`.\n")) == []


@pytest.mark.parametrize(
    "line",
    [
        "// The relay is told.",
        "fail('Somebody failed');",
        "html`<p>The page is told.</p>`",
        "/** Told. */",
        "const isTold = 1;",
    ],
    ids=["comment", "string", "element", "docs", "name"],
)
def test_word_check_finds_a_refused_word_in_typescript(file_with, line):
    source = f"reply = pieces(letters);\n\n{line}\n"
    assert [each.split(": ")[0] for each in words.findings(file_with("page.ts", source))] == [".build/words/page.ts:3"]


def test_word_check_passes_copy_for_buyers_and_no_comment_of_the_storefront(file_with, monkeypatch):
    monkeypatch.setattr(words, "STOREFRONT", ".build/words/")
    source = "fail('The goods');\nhtml`<p>The goods</p>`;\n// The goods\n"
    assert [each.split(": ")[0] for each in words.findings(file_with("page.ts", source))] == [".build/words/page.ts:3"]


def test_places_and_exceptions_of_the_word_check_exist():
    places = {*words.CLEAN, *words.LEFT_OUT, *(path for path, _ in words.ALLOWED)}
    assert sorted(place for place in places if not (ROOT / place).exists()) == []


def test_allowed_words_are_still_in_their_files():
    idle = [(p, w) for p, w in words.ALLOWED if w not in (ROOT / p).read_text().lower()]
    assert idle == []
