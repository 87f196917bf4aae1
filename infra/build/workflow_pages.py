"""Pages about the workflows in `docs/workflows`: definition, diagram, order of states, compensations, time budget."""

import json
import subprocess
from collections.abc import Iterable
from typing import Any

from infra.build import storefront
from infra.build.template import ROOT
from infra.build.workflow_graph import Budget, Way, Workflow, branches

PAGES = ROOT / "docs" / "workflows"
NOTE = "<!-- `make workflows` writes this page. -->"


def files(workflow: Workflow) -> dict[str, str]:
    """Return the text of each file about a workflow, by name, except for the picture."""
    return {
        f"{workflow.name}.json": json.dumps(workflow.definition, indent=1) + "\n",
        f"{workflow.name}.mmd": mermaid(workflow),
        f"{workflow.name}.md": page(workflow),
    }


def picture(workflow: Workflow) -> str:
    """Return the graph as the console draws it, as SVG. Raises PackagesMissing, BuildFailed."""
    storefront.install(storefront.FRONTEND)
    command, given = [storefront.tool("node"), "workflow-picture.mjs"], json.dumps(_in_one_level(workflow.definition))
    run = subprocess.run(command, cwd=storefront.FRONTEND, input=given, capture_output=True, text=True)
    if run.returncode:
        raise storefront.BuildFailed(run.stderr)
    return run.stdout


def _in_one_level(definition: dict[str, Any]) -> dict[str, Any]:
    """Return the definition with the states of each Map between it and what follows it, for drawing."""
    states: dict[str, Any] = {}
    for name, state in definition["States"].items():
        if inside := state.get("ItemProcessor"):
            leads = {key: state[key] for key in ("Next", "End") if key in state}
            outer = {key: value for key, value in state.items() if key not in leads}
            states[name] = outer | {"Next": inside["StartAt"]}
            ends = {
                each: {**inner, "End": False} | leads for each, inner in inside["States"].items() if inner.get("End")
            }
            states |= inside["States"] | ends
        else:
            states[name] = state
    return definition | {"States": states}


def index(workflows: Iterable[Workflow]) -> str:
    """Return the page that lists the workflows."""
    rows = [
        [
            f"[{each.name}]({each.name}.md)",
            each.definition["Comment"],
            str(len(each.states)),
            _span(_total(each.longest_path())),
            _span(each.definition["TimeoutSeconds"]),
        ]
        for each in workflows
    ]
    head = ["workflow", "what it does", "states", "longest path", "time limit"]
    return _lines(
        NOTE,
        "# Workflows",
        "",
        "The state machines as Step Functions gets them. `make workflows` writes these pages and the files beside",
        "them: the definition as JSON, the diagram as Mermaid (`.mmd`) and SVG. A test compares them with the",
        "definitions in `statemachine/`.",
        "",
        *_table(head, rows),
    )


def page(workflow: Workflow) -> str:
    path, forward = workflow.longest_path(), workflow.longest_path(forward=True)
    limit = workflow.definition["TimeoutSeconds"]
    return _lines(
        NOTE,
        f"# {workflow.name}",
        "",
        workflow.definition["Comment"],
        "",
        f"![Graph of the workflow]({workflow.name}.svg)",
        "",
        "## Topological order",
        "",
        "Each state stands after all that lead to it. States in one line lead to each other: a step, and its wait.",
        "",
        *(f"{number}. {' ⇄ '.join(f'`{name}`' for name in place)}" for number, place in enumerate(workflow.order, 1)),
        "",
        *_compensations(workflow),
        "## Time",
        "",
        "Every retry policy is used up once, without jitter, and every attempt takes as long as it may. The longest",
        f"path takes {_span(_total(path))} of the {_span(limit)} after which an execution is ended. The longest one on",
        f"which every step succeeds in the end takes {_span(_total(forward))}.",
        "",
        *_table(
            ["state on the longest path", "one attempt", "retries and waits before the last one"],
            [[f"`{name}`", _span(spent.attempt), _span(spent.retries)] for name, spent in path],
        ),
        "",
        "## Diagram",
        "",
        "```mermaid",
        mermaid(workflow).rstrip(),
        "```",
    )


def mermaid(workflow: Workflow) -> str:
    """Return the graph as a Mermaid flowchart. A dotted line is taken after an error."""
    inside = {name for state in workflow.states.values() for each in branches(state) for name in each["States"]}
    nodes = [f"  {_node(workflow, name)}" for name in workflow.states if name not in inside]
    for name, state in workflow.states.items():
        if branches(state):
            members = [f"    {_node(workflow, each)}" for branch in branches(state) for each in branch["States"]]
            nodes += [f"  subgraph in{name} [inside {name}]", *members, "  end"]
    lines = []
    for start, end, data in workflow.graph.edges(data=True):
        if start in inside and end not in inside:
            continue
        if Way.CATCH in data["ways"] and not data["ways"] - {Way.CATCH}:
            errors = ", ".join(error.removeprefix("States.ALL") or "any other" for error in data["errors"])
            lines.append(f'  {start} -. "{errors}" .-> {end}')
        else:
            lines.append(f"  {start} --> {end}")
    return _lines("flowchart TD", f"  start(( )) --> {workflow.start}", *nodes, *lines)


def _node(workflow: Workflow, name: str) -> str:
    kind = workflow.states[name]["Type"]
    left, right = {"Fail": ("{{", "}}"), "Succeed": ("([", "])"), "Choice": ("{", "}")}.get(kind, ("[", "]"))
    return f"{name}{left}{name}{right}"


def _compensations(workflow: Workflow) -> list[str]:
    found = workflow.compensations()
    if not found:
        return []
    rows = [[f"`{step}`", " → ".join(f"`{name}`" for name in chain)] for step, chain in found.items()]
    return [
        "## Compensations",
        "",
        "A failed step may have taken effect, so its own undo comes first, then those of the steps before it, in",
        "reverse order.",
        "",
        *_table(["step that failed", "compensations in their order"], rows),
        "",
    ]


def _total(path: Iterable[tuple[str, Budget]]) -> float:
    return sum(spent.total for _, spent in path)


def _span(seconds: float) -> str:
    """Return seconds as `1 d 2 h`, in the two largest units."""
    rest = round(seconds)
    parts = []
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows]]


def _lines(*lines: str) -> str:
    return "\n".join(lines) + "\n"
