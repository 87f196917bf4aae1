"""Checks of a whole test run: what each worker wrote down is joined at its end and judged as if it were a test."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
INSIDE = {"PYTEST_XDIST_WORKER", "PYTEST_CURRENT_TEST"}
"""Variables of a process that runs tests."""


class Judge:
    """A plugin in every process of the run. Workers write to `folder`; the controller judges its content.

    Subclasses set `variable`, which names the folder in the environment, `needed`, the folders of tests without which
    a run is not whole, and `test`, the name under which the result is reported.
    """

    variable: str
    needed: tuple[str, ...]
    test: str

    def __init__(self, config: pytest.Config) -> None:
        worker = getattr(config, "workerinput", {}).get("workerid")
        # A test may run pytest itself, in the environment of this run.
        self._judges = worker is None and not INSIDE & set(os.environ)
        self._owns = self.variable not in os.environ
        if self._owns:
            os.environ[self.variable] = tempfile.mkdtemp(prefix=f"{self.variable.lower()}-")
        self.folder = Path(os.environ[self.variable])
        self.name = worker or "only"
        self._selects_files = not any("::" in argument for argument in config.args)

    @property
    def is_whole(self) -> bool:
        """Whether the run collected all tests that it needs."""
        return (self.folder / "whole").exists()

    def findings(self, passed: bool) -> set[str] | None:
        """Return what is wrong, or None if there is nothing to judge."""
        raise NotImplementedError

    def pytest_deselected(self, items: list[pytest.Item]) -> None:
        self._selects_files = self._selects_files and not items

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Note whether all is there. With workers, only they see it, and all see the same."""
        collected = {item.path for item in session.items}
        needed = {path for folder in self.needed for path in (TESTS / folder).glob("test_*.py")}
        if self._selects_files and needed <= collected and not session.config.getoption("collectonly"):
            (self.folder / "whole").touch()

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        if not self._judges:
            return
        try:
            findings = self.findings(passed=exitstatus == pytest.ExitCode.OK)
        finally:
            if self._owns:
                shutil.rmtree(self.folder, ignore_errors=True)
        if findings is not None:
            self._report(session, findings)

    def _report(self, session: pytest.Session, findings: set[str]) -> None:
        path, _, name = self.test.partition("::")
        report = pytest.TestReport(
            nodeid=self.test,
            location=(path, 0, name),
            keywords={},
            outcome="failed" if findings else "passed",
            longrepr="\n".join(sorted(findings)) or None,
            when="call",
        )
        session.config.hook.pytest_runtest_logreport(report=report)
        if findings:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
