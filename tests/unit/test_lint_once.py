"""Checks that keep their verdict: only files that are the same and were faultless are not checked again."""

import pytest

from infra.lint import tools
from infra.lint.tools import CheckFailed, once


@pytest.fixture(autouse=True)
def faultless(tmp_path, monkeypatch):
    monkeypatch.setattr(tools, "FAULTLESS", tmp_path / "faultless")


@pytest.fixture
def files(tmp_path):
    written = [tmp_path / name for name in ("template.json", "rules.yaml")]
    for file in written:
        file.write_text("first")
    return written


def test_faultless_files_are_checked_once(files):
    checked = []
    for _ in range(2):
        once("files", lambda: checked.append("first"), "1.0", *files)
    assert checked == ["first"]


@pytest.mark.parametrize("changed", [0, 1])
def test_files_are_checked_again_after_a_change(files, changed):
    checked = []
    for content in ("second", "third", "third"):
        files[changed].write_text(content)
        once("files", lambda content=content: checked.append(content), "1.0", *files)
    assert checked == ["second", "third"]


def test_another_version_of_the_tool_checks_again(files):
    checked = []
    for version in ("1.0", "1.1"):
        once("files", lambda version=version: checked.append(version), version, *files)
    assert checked == ["1.0", "1.1"]


def test_fault_is_found_each_time(files):
    def find():
        raise CheckFailed("a fault")

    for _ in range(2):
        with pytest.raises(CheckFailed):
            once("files", find, "1.0", *files)
