"""Workflows: writes `docs/workflows`, with what can be read off the definitions of the state machines."""

import shutil

from rich.console import Console

from infra.build.workflow_graph import all_workflows
from infra.build.workflow_pages import PAGES, files, index, picture


def write(console: Console) -> None:
    """Write the pages of all workflows, and remove those of workflows that no longer exist.

    Raises PackagesMissing, BuildFailed.
    """
    workflows = all_workflows()
    pictures = {workflow.name: picture(workflow) for workflow in workflows}
    shutil.rmtree(PAGES, ignore_errors=True)
    PAGES.mkdir(parents=True)
    (PAGES / "README.md").write_text(index(workflows))
    for workflow in workflows:
        for name, text in files(workflow).items():
            (PAGES / name).write_text(text)
        (PAGES / f"{workflow.name}.svg").write_text(pictures[workflow.name])
        console.print(f"  docs/workflows/{workflow.name}.md")
