"""Word check: words that have a plain or standard term instead are refused in prose and names.

Prose is the docstrings, comments, strings and names of Python files, the comments, strings, texts of elements and
declared names of TypeScript files, and documents without their code. Buyer-facing copy is left out, because it may have
a tone of its own: in the storefront only comments and names are checked.
"""

import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

from infra.build.template import ROOT
from infra.lint.tools import CheckFailed

INSTEAD = {
    r"told|tells?|heard|said": "returned, published, received, reported, logged",
    r"anew|once more": "again, retry",
    r"whoever|whatever|somebody": "name the person or thing: the buyer, an operator, the caller",
    r"borne": "accepted, tolerated",
    r"let go|lets go": "released",
    r"puts? right": "repaired",
    r"given up|gives up|gave up": "failed permanently, dead-lettered",
    r"blackened": "redacted",
    r"pieces": "units, parts",
    r"goods": "items",
    r"(?<!dead )(?<!dead-)(?<!capital )letters": "dead letters, characters",
    r"news": "update, event",
    r"(?<!MiniStack\), )the engine": "the AWS emulator, the emulator",
}
"""What to write instead, by the words that are refused."""

CLEAN = (
    "README.md",
    "SECURITY.md",
    "app.py",
    "chalicelib",
    "docs",
    "frontend/src",
    "frontend/tests",
    "infra/audit",
    "infra/build",
    "infra/commands",
    "infra/deploy",
    "infra/edge",
    "infra/lint",
    "infra/local",
    "infra/reference",
    "infra/seed",
    "infra/simulator",
    "infra/stripe_sandbox",
    "infra/template",
    "statemachine",
    "testbed",
    "tests/auditor.py",
    "tests/browser",
    "tests/builders.py",
    "tests/conftest.py",
    "tests/contract",
    "tests/e2e",
    "tests/edge",
    "tests/fakes.py",
    "tests/insights.py",
    "tests/price_rules.py",
    "tests/rights.py",
    "tests/stripe_sandbox",
    "tests/template",
    "tests/tooling",
    "tests/unit",
    "tests/workflow",
)
"""Folders and files without these words. Add the next one when it is clean; take none out."""

LEFT_OUT = {
    "infra/lint/words.py": "It has the list of the words.",
    "tests/unit/test_lint_words.py": "It tests the check with these words.",
    "docs/events": "Generated from the contracts: the check is for the source.",
    "chalicelib/notifications/model.py": "The texts of emails are copy for buyers.",
}
"""Files and folders that are not checked, and why."""

ALLOWED = {
    ("chalicelib/analytics/model.py", "pieces"): "A field of the API.",
    ("chalicelib/analytics/routes.py", "pieces"): "A field of the API.",
    ("chalicelib/analytics/service.py", "pieces"): "A field of the API.",
    ("chalicelib/analytics/store.py", "pieces"): "A stored attribute.",
    ("chalicelib/shipping/address.py", "letters"): "The data names the parts of an address by letters.",
    ("chalicelib/shipping/routes.py", "letters"): "The data names the parts of an address by letters.",
    ("infra/stripe_sandbox/ids.py", "letters"): "A name of the standard library.",
    ("tests/contract/test_analytics.py", "pieces"): "A field of the API.",
    ("tests/contract/test_loyalty.py", "pieces"): "A field of the API.",
    ("chalicelib/analytics/report.py", "pieces"): "A column of the published report.",
    ("chalicelib/analytics/report_pdf.py", "pieces"): "A field of the model.",
    ("tests/tooling/test_report_image.py", "pieces"): "A stored attribute.",
    ("chalicelib/console/system.py", "gives up"): "A value of the API, which the console draws.",
    ("chalicelib/platform/text.py", "letters"): "Letters of an alphabet.",
    ("chalicelib/catalog/folding.py", "letters"): "Letters of an alphabet.",
    ("chalicelib/orders/keys.py", "pieces"): "Hashed into the ids of returns, which must stay the same.",
    ("chalicelib/shipping/countries.py", "letters"): "The data names the parts of an address by letters.",
    ("frontend/src/admin/pages/insights.ts", "pieces"): "A field of the API.",
    ("frontend/src/admin/system/plan.ts", "gives up"): "A value of the API.",
    ("infra/commands/options.py", "letters"): "Letters of an alphabet.",
    ("infra/commands/tour.py", "pieces"): "A field of the API.",
    ("tests/browser/test_keyboard.py", "goods"): "Copy for buyers.",
    ("tests/browser/test_pages.py", "anew"): "Copy for buyers.",
    ("tests/e2e/test_analytics.py", "pieces"): "A field of the API.",
    ("tests/template/test_system_map.py", "gives up"): "A value of the API.",
    ("tests/unit/test_analytics.py", "pieces"): "A column of the published report.",
    ("tests/unit/test_money.py", "pieces"): "A column of the published report.",
}
"""Words that a file may contain, and why."""

MADE = {"node_modules", "__pycache__", "generated"}
"""Folders that tools write."""

STOREFRONT, CONSOLE = "frontend/src/", "frontend/src/admin/"
"""Strings and texts of the storefront are copy for buyers; the operator console is a part of its folder."""

SUFFIXES = (".py", ".md", ".yaml", ".mjs", ".js", ".css", ".html", ".ts")
INSTEADS = list(INSTEAD.values())
REFUSED = re.compile("|".join(rf"\b({words})\b" for words in INSTEAD), re.IGNORECASE)
"""A match's group number, from 1, is the position of what to write instead."""
SQUEEZED = {
    re.sub(plural, "", phrase).replace(" ", "")
    for words in INSTEAD
    for phrase in re.sub(r"\(\?<!(?:\\.|[^)])+\)", "", words).split("|")
    for plural in (r"\w\?", r"\?")
}
"""Each phrase without spaces. A text has no refused word if, without spaces and underscores, it has none of these."""
TYPESCRIPT = re.compile(r"'(?:[^'\\\n]|\\.)*'|/\*.*?\*/|//[^\n]*|>[^<>{}$;=()\n]+<", re.DOTALL)
DECLARED = re.compile(
    r"\b(?:const|let|function|class|type|interface|private|protected|get|set)\s+(\w+)|^\s+(?:async\s+)?(\w+)\([^\n]*\{$",
    re.MULTILINE,
)
HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|_+")
CODE = re.compile(r"^```.*?^```|`[^`\n]+`|\]\([^)]*\)", re.MULTILINE | re.DOTALL)


def check() -> None:
    """Raise CheckFailed with each refused word of the clean folders and its place."""
    found = [line for name in CLEAN for path in _files(ROOT / name) for line in findings(path)]
    if found:
        raise CheckFailed("\n".join(found))


def findings(path: Path) -> list[str]:
    """Return `file:line: word` for each refused word in the file's prose, with what to write instead."""
    source, name = path.read_text(), path.relative_to(ROOT).as_posix()
    squeezed = source.casefold().replace(" ", "").replace("_", "")
    if not any(phrase in squeezed for phrase in SQUEEZED):
        return []
    return [
        f"{name}:{first + text[: hit.start()].count(chr(10))}: {hit[0]} ({INSTEADS[(hit.lastindex or 0) - 1]})"
        for first, text in _prose(source, name)
        for hit in REFUSED.finditer(text)
        if (name, hit[0].lower()) not in ALLOWED
    ]


def _prose(source: str, name: str) -> Iterator[tuple[int, str]]:
    """Yield the first line and the text of each part of the file that people read."""
    if name.endswith(".py"):
        return _of_python(source)
    if name.endswith(".ts"):
        return _of_typescript(source, is_copy=name.startswith(STOREFRONT) and not name.startswith(CONSOLE))
    return iter([(1, CODE.sub(_blank, source))])


def _of_python(source: str) -> Iterator[tuple[int, str]]:
    """Yield the first line and the text of each comment, string and name."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.NAME:
            yield token.start[0], HUMP.sub(" ", token.string)
        if token.type in (tokenize.COMMENT, tokenize.STRING):
            yield token.start[0], re.sub(r"`[^`\n]+`", _blank, token.string)


def _of_typescript(text: str, is_copy: bool) -> Iterator[tuple[int, str]]:
    """Yield the first line and the text of each comment, string, text between tags and declared name."""
    for hit in TYPESCRIPT.finditer(text):
        if hit[0].startswith("/") or not is_copy:
            yield text[: hit.start()].count("\n") + 1, re.sub(r"`[^`\n]+`", _blank, hit[0])
    for hit in DECLARED.finditer(text):
        yield text[: hit.start()].count("\n") + 1, HUMP.sub(" ", hit[1] or hit[2])


def _blank(code: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", code[0])


def _files(place: Path) -> Iterator[Path]:
    for path in [place] if place.is_file() else sorted(place.rglob("*")):
        name = path.relative_to(ROOT).as_posix()
        is_ours = path.suffix in SUFFIXES and MADE.isdisjoint(path.parts)
        if is_ours and not any(name == left_out or name.startswith(f"{left_out}/") for left_out in LEFT_OUT):
            yield path
