"""Whole executions: a simulated one takes each edge of a workflow and then ends, as its variables allow.

What a single state does with an error is in `test_states.py`; here the states before and after it run too. The large
import is written in JSONPath, which the interpreter does not know: its edges are taken on the emulator.
"""

from itertools import pairwise
from random import Random
from typing import Any

import networkx
import pytest

from testbed import coverage
from testbed.coverage import END, START, Edge
from testbed.record import How
from testbed.workflows import ExecutionFailed, Failure, Success, Workflow
from testbed.workflows.virtual_time import VirtualTime

DEFINITIONS = coverage.definitions()
SIMULATED = [name for name in DEFINITIONS if name != "import_large"]
GIVEN = {"order_id": "order-1", "return_id": "return-1", "reason": "OUT_OF_STOCK", "key": "file.csv", "etag": "1"}
ANSWERS = {"ReadImport": {"batches": [1, 2]}, "RefundReturn": {"refunded": 1250, "shortfall": None}}
EDGES = [edge for name in SIMULATED for edge in coverage.edges(name, DEFINITIONS[name])]


def way_to(edge: Edge) -> list[Edge]:
    """Return the edges of the shortest way from the start that takes an edge at its end."""
    graph: networkx.MultiDiGraph[str] = networkx.MultiDiGraph()
    definition = DEFINITIONS[edge.workflow]
    # In this order, so that a way without an error is taken before one with an error.
    for each in sorted(coverage.edges(edge.workflow, definition), key=lambda each: each.cause):
        graph.add_edge(each.source, each.target, key=each.cause)
    if edge.source == START:
        return [edge]
    steps = networkx.shortest_path(graph, START, edge.source)
    pairs = pairwise(steps)
    return [*(Edge(edge.workflow, one, other, next(iter(graph[one][other]))) for one, other in pairs), edge]


class Script:
    """Answers of all calls: each step fails until the error led to the planned state, and then succeeds."""

    def __init__(self, way: list[Edge]) -> None:
        self.taken: list[Edge] = []
        self._workflow = way[0].workflow
        self._failures = [edge for edge in way if edge.cause]

    def perform(self, call: Any) -> Success | Failure:
        if self._failures and call.state in self._steps_of(self._failures[0].source):
            cause = self._failures[0].cause
            return Failure("Broken" if cause == "States.ALL" else cause, "a test")
        return Success(ANSWERS.get(call.state, {}))

    def on_event(self, event: str, state: str, **details: Any) -> None:
        if event == "edge":
            edge = Edge(self._workflow, state, details["target"], details["cause"])
            self.taken.append(edge)
            if self._failures and edge == self._failures[0]:
                self._failures.pop(0)

    def _steps_of(self, state: str) -> set[str]:
        inside = coverage.inside(DEFINITIONS[self._workflow]["States"][state])
        return {state, *(name for branch in inside for name in branch["States"])}


@pytest.mark.parametrize("edge", EDGES, ids=str)
def test_execution_takes_the_edge_and_ends(edge):
    definition, way = DEFINITIONS[edge.workflow], way_to(edge)
    script, note = Script(way), coverage.listening(edge.workflow)
    ended = []

    def on_event(event, state, **details):
        note(event, state, **details)
        script.on_event(event, state, **details)
        ended.extend([state] if event == "ended" else [])

    time = VirtualTime(script.perform)
    execution = Workflow(edge.workflow, definition).run(GIVEN, "one", Random(1), time.clock, on_event)
    try:
        time.run(execution, definition["TimeoutSeconds"])
    except ExecutionFailed as failed:
        assert failed.error == definition["States"][ended[0]]["Error"]
    assert [each for each in way if each not in script.taken] == []
    assert Edge(edge.workflow, ended[0], END) in coverage.edges(edge.workflow, definition)


LARGE = DEFINITIONS["import_large"]["States"]
WITH_BATCHES, WITHOUT_BATCHES = {"batches": "batches/1.jsonl"}, {"products": 0}


@pytest.mark.parametrize(
    ("name", "given", "error", "following"),
    [
        ("PrepareImport", {}, None, "HasBatches"),
        ("PrepareImport", {}, "Broken", "NeedsAttention"),
        ("HasBatches", WITH_BATCHES, None, "WriteBatches"),
        ("HasBatches", WITHOUT_BATCHES, None, "NothingToDo"),
        ("NothingToDo", {}, None, END),
        ("WriteBatch", {}, None, "BatchWritten"),
        ("WriteBatch", {}, "Broken", "QueueBatch"),
        ("QueueBatch", {}, None, "BatchWritten"),
        ("BatchWritten", {}, None, END),
        ("NeedsAttention", {}, None, END),
    ],
)
def test_state_of_the_large_import_leads_on(run_state, name, given, error, following):
    states = LARGE | LARGE["WriteBatches"]["ItemProcessor"]["States"]
    answer = run_state({"QueryLanguage": "JSONPath", **states[name]}, error, **given)
    assert answer.get("nextState", END) == following
    coverage.note("import_large", name, following, answer["error"] if error else "", How.SINGLE)


def test_map_of_the_large_import_that_cannot_read_its_batches_needs_attention(ended_execution):
    definition = {
        "StartAt": "WriteBatches",
        "States": {name: LARGE[name] for name in ("WriteBatches", "NeedsAttention")},
    }
    ended = ended_execution(definition, {"batches": "no/such/file"}, "import_large")
    assert (ended["status"], ended["error"]) == ("FAILED", "LargeImportFailed")
