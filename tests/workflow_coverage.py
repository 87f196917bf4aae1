"""Workflow coverage of a run: joins the edges that all processes took, and demands every edge of every workflow."""

from testbed import coverage
from tests import whole_run


class Judge(whole_run.Judge):
    """The part of a run that demands that every edge was taken. A whole run leaves what it took for `make coverage`."""

    variable = coverage.FOLDER
    needed = ("e2e", "browser", "workflow")
    test = "tests/workflow_coverage.py::test_run_takes_every_edge_of_every_workflow"

    def findings(self, passed: bool) -> set[str] | None:
        if not self.is_whole:
            return None
        known = coverage.definitions()
        records = coverage.noted(self.folder, known)
        coverage.write(records, coverage.RESULT)
        return {f"No test took {edge}" for edge in coverage.missing(records, known)} if passed else None
