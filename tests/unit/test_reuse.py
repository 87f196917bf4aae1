"""Build reuse: a build is repeated when a source or a result differs from the last one, and only then."""

import pytest

from infra.build import reuse


@pytest.fixture
def built(tmp_path):
    """Return the folder of a build that has ended, with its record."""
    for name in ("src/a.py", "src/b.py", "out/code.zip"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name)
    reuse.note(
        tmp_path / "records" / "record.json", reuse.digest("demo", tmp_path / "src"), [tmp_path / "out/code.zip"]
    )
    return tmp_path


def is_current(folder, text="demo"):
    return reuse.is_current(folder / "records" / "record.json", reuse.digest(text, folder / "src"))


def test_unchanged_build_is_reused(built):
    assert is_current(built)


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "src/a.py").write_text("other"),
        lambda folder: (folder / "src/a.py").rename(folder / "src/c.py"),
        lambda folder: (folder / "src/new.py").touch(),
        lambda folder: (folder / "src/b.py").unlink(),
        lambda folder: (folder / "out/code.zip").write_text("by hand"),
        lambda folder: (folder / "out/code.zip").unlink(),
        lambda folder: (folder / "records" / "record.json").unlink(),
        lambda folder: (folder / "records" / "record.json").write_text("{"),
    ],
    ids=["source", "name", "added", "removed", "result", "no-result", "no-record", "cut-record"],
)
def test_changed_build_is_repeated(built, change):
    change(built)
    assert not is_current(built)


def test_build_of_another_stage_is_repeated(built):
    assert not is_current(built, "prod")


def test_files_that_follow_from_others_are_not_read(built):
    for folder in ("node_modules", "__pycache__", "generated"):
        (built / "src" / folder).mkdir()
        (built / "src" / folder / "x").touch()
    assert is_current(built)
