"""The chapter about a step of one's own in docs/testing.md, followed to the letter in a copy of the project."""

import re
import shutil
import subprocess
import sys

import pytest

from infra.build.template import ROOT

CHAPTER = re.compile(r"^## Your own step, fault-tested$(.*?)^## ", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(
    r"""^(?:A\ new\ file\ `(?P<new>[^`]+)`
        |In\ `(?P<path>[^`]+)`,\ (?P<where>after\ each|after|before|instead\ of)\ `(?P<anchor>[^\n]+)`)
        :\n\n```\w+\n(?P<code>.*?)^```""",
    re.MULTILINE | re.DOTALL | re.VERBOSE,
)
FAULTS = "function.AwardStamp=kill@0.3[0:1500]"
COPIED = (".chalice", "app.py", "chalicelib", "infra", "shop.json", "statemachine", "testbed", "frontend/src")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy of the project, as far as a simulation needs it."""
    folder = tmp_path_factory.mktemp("fork")
    ignored = shutil.ignore_patterns("__pycache__", "node_modules")
    for name in COPIED:
        source, target = ROOT / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=ignored)
        else:
            shutil.copy(source, target)
    return folder


def blocks():
    [chapter] = CHAPTER.findall((ROOT / "docs" / "testing.md").read_text())
    return [match.groupdict() for match in BLOCK.finditer(chapter)]


def follow(project, block):
    """Make the change that a block of the chapter asks for."""
    path, code = project / (block["new"] or block["path"]), block["code"]
    if block["new"]:
        return path.write_text(code)
    text, anchor = path.read_text(), block["anchor"] + "\n"
    assert anchor in text, f"{block['path']} has no line {block['anchor']!r}"
    replaced = {"instead of": code, "before": code + anchor}.get(block["where"], anchor + code)
    path.write_text(text.replace(anchor, replaced, -1 if block["where"] == "after each" else 1))


def simulated(project):
    command = [sys.executable, "-m", "infra.commands", "simulate", "--orders", "6", "--seeds", "1", "--faults", FAULTS]
    run = subprocess.run(command, cwd=project, capture_output=True, text=True)
    return run.returncode, run.stdout + run.stderr


def test_reader_of_the_chapter_finds_the_fault_and_corrects_it(project):
    *step, correction = blocks()
    assert f'FAULTS="{FAULTS}"' in (ROOT / "docs" / "testing.md").read_text()
    assert len(step) == 9
    for block in step:
        follow(project, block)
    code, output = simulated(project)
    assert code == 1 and "As many stamps were given as orders were completed" in output, output

    follow(project, correction)
    code, output = simulated(project)
    assert code == 0, output
