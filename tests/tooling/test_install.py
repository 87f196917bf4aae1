"""Installation: uv first, pip where uv fails, and each failure in one line."""

import pytest

from infra.commands import install


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(install, "ROOT", tmp_path)
    monkeypatch.setattr(install, "HOME", tmp_path / ".local")
    monkeypatch.setattr(install, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(install, "LOG", tmp_path / ".local" / "install.log")
    (tmp_path / "constraints.txt").write_text("uv==1.0.0\n")
    return tmp_path


@pytest.fixture
def calls(folder, monkeypatch):
    """Record the commands; those whose program is in `failing` fail."""

    class Calls(list):
        failing: set = set()

    found = Calls()

    def called(*command):
        found.append(command)
        return not found.failing & {str(command[0]), *map(str, command[1:3])}

    monkeypatch.setattr(install, "_called", called)
    monkeypatch.setattr(install, "_require_venv", lambda: None)
    monkeypatch.setattr(install.shutil, "which", lambda name: "/usr/bin/uv")
    return found


def refused(capsys):
    with pytest.raises(SystemExit) as end:
        install.main("local")
    (line,) = capsys.readouterr().err.splitlines()
    assert end.value.code == 2
    return line


def test_packages_are_installed_by_uv_alone(calls):
    install.main("local")
    assert [call[0] for call in calls] == ["/usr/bin/uv"]
    assert calls[0][-2:] == ("-r", "requirements-local.txt")


def test_packages_that_uv_cannot_install_are_installed_by_pip(calls):
    calls.failing = {"/usr/bin/uv"}
    install.main("dev")
    assert calls[-1][1:4] == ("-m", "pip", "install") and calls[-1][-1] == "requirements-dev.txt"


def test_uv_is_installed_at_its_pin_where_there_is_none(calls, monkeypatch):
    monkeypatch.setattr(install.shutil, "which", lambda name: None)
    install.main("local")
    assert calls[0][-1] == "uv==1.0.0" and calls[1][1:3] == ("-m", "pip")


def test_packages_that_nothing_can_install_name_the_log(calls, capsys):
    calls.failing = {"/usr/bin/uv", "pip"}
    assert "Is there a network? The whole log: " in refused(capsys)


def test_folder_that_cannot_be_written_is_named(folder, capsys):
    (folder / ".local").write_text("a file where the folder would be")
    assert f"This folder cannot be written: {folder}" in refused(capsys)


def test_second_installation_at_the_same_time_is_refused(calls, capsys):
    with install._alone():
        assert "Another make installs packages" in refused(capsys)
    assert calls == []


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("Resolved 73 packages in 1.2s", "Resolved 73 packages in 1.2s"),
        ("Downloading ministack (10.1MiB)", "Downloading ministack (10.1MiB)"),
        ("Installing collected packages: six, tzdata", "Installing 2 packages"),
        ("WARNING: Location '/opt' is ignored", None),
    ],
)
def test_progress_shows_the_lines_that_say_how_far_it_is(line, shown):
    assert install._progress(line) == shown
