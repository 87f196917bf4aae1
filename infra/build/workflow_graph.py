"""Graph of a Step Functions workflow: order of its states, what is undone by what, and the longest time it can take.

A step that waits for a person has an edge to the state that waits and one back. Such a loop counts as one place in the
topological order, and its step runs twice: before the wait and after it.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import networkx
import yaml

from infra.build.template import RETRIES, ROOT, SECONDS, Yaml, merged_template, workflow

State = dict[str, Any]
Chain = list[str]

DIRECTORY = ROOT / "statemachine"
PLACEHOLDER = re.compile(r"\$\{(\w+)\}")
NO_ANSWER = "States.Timeout"
LAMBDA_REFUSED = "Lambda.TooManyRequestsException"
"""Named by the policy for calls that Lambda refuses, which take no time: AWS Lambda developer guide, "Understanding
Lambda function scaling", throttling."""


class Way(StrEnum):
    NEXT = "next"
    CATCH = "catch"
    BRANCH = "branch"


@dataclass(frozen=True)
class Budget:
    """Seconds that a state takes at most: `attempt` is its time limit, `retries` passes before the last attempt."""

    attempt: float
    retries: float

    @property
    def total(self) -> float:
        return self.attempt + self.retries


@dataclass(frozen=True)
class Workflow:
    """A definition as Step Functions gets it. `functions` are the logical ids that its tasks call, by state.

    `wait_limits` are the seconds after which the function of a state ends its wait. Until then its time limit only
    causes one more check.
    """

    name: str
    definition: State
    functions: Mapping[str, str]
    wait_limits: Mapping[str, int]

    @cached_property
    def states(self) -> dict[str, State]:
        """Return all states by name, those inside a Parallel included."""
        return dict(_states(self.definition))

    @property
    def start(self) -> str:
        return str(self.definition["StartAt"])

    @cached_property
    def graph(self) -> "networkx.DiGraph[Any]":
        """Return the states as nodes. An edge has `ways`, and `errors` if it is a catch."""
        graph: networkx.DiGraph[Any] = networkx.DiGraph()
        graph.add_nodes_from(self.states)
        for level in _levels(self.definition):
            for name, state in level["States"].items():
                _connect(graph, name, state)
        return graph

    @cached_property
    def unreachable(self) -> set[str]:
        return set(self.states) - {self.start} - networkx.descendants(self.graph, self.start)

    @cached_property
    def order(self) -> list[list[str]]:
        """Return the states in topological order. States of one loop stand together, the step before its wait."""
        loops = networkx.condensation(self.graph)
        places = networkx.lexicographical_topological_sort(loops, key=lambda place: self._position(loops, place))
        return [sorted(loops.nodes[place]["members"], key=self._index.__getitem__) for place in places]

    def chain(self, name: str) -> Chain:
        """Return the states from this one on as long as nothing fails, by the first way of each choice."""
        state = self.states[name]
        following = state.get("Next") or next((choice["Next"] for choice in state.get("Choices", [])), None)
        return [name, *(self.chain(following) if following else [])]

    def compensations(self) -> dict[str, Chain]:
        """Return, for each step on the way forward that is undone, the compensations in the order they run."""
        caught = {step: [self.chain(name) for name in self._caught(step)] for step in self.chain(self.start)}
        undone = {step: [chain for chain in chains if self._is_settled_by(chain)] for step, chains in caught.items()}
        return {step: max(chains, key=len) for step, chains in undone.items() if chains}

    def budget(self, name: str) -> Budget:
        """Return the longest time of a state: every policy once through, without jitter, each attempt at its limit."""
        state = self.states[name]
        attempt = state.get("TimeoutSeconds", 0)
        limit = self.wait_limits.get(name, 0)
        rules = [rule for rule in state.get("Retry", []) if not (limit and rule["ErrorEquals"] == [NO_ANSWER])]
        return Budget(attempt, limit + sum(waits(rule) + self._attempts(name, rule) for rule in rules))

    def longest_path(self, forward: bool = False) -> list[tuple[str, Budget]]:
        """Return the way through the workflow that takes longest; with `forward`, the one on which nothing fails."""
        graph = (
            self.graph.subgraph([step for place in self._forward_places() for step in place]) if forward else self.graph
        )
        loops = networkx.condensation(graph)
        steps = {place: self._once_round(loops.nodes[place]["members"]) for place in loops}
        weighted: networkx.DiGraph[Any] = networkx.DiGraph()
        weighted.add_nodes_from(loops)
        for start, end in loops.edges:
            weighted.add_edge(start, end, weight=sum(self.budget(name).total for name in steps[end]))
        longest = networkx.dag_longest_path(weighted)
        return [(name, self.budget(name)) for place in longest for name in steps[place]]

    def _is_settled_by(self, chain: Chain) -> bool:
        """Return whether these states do something and end in success. Others park the order, or end at once."""
        first, last = self.states[chain[0]], self.states[chain[-1]]
        return first["Type"] == "Task" and last["Type"] != "Fail"

    def _attempts(self, name: str, rule: State) -> float:
        """Return the seconds that the attempts take which this policy repeats."""
        error, function = rule["ErrorEquals"][0], self.functions.get(name)
        if error == LAMBDA_REFUSED:
            return 0
        limit = lambda_timeout(function) if function and error != NO_ANSWER else self.states[name]["TimeoutSeconds"]
        return float(rule["MaxAttempts"] * limit)

    def _forward_places(self) -> list[list[str]]:
        """Return the states on which nothing fails, each with the states that it waits in."""
        forward = set(self.chain(self.start))
        inside = {name for step in forward for branch in branches(self.states[step]) for name, _ in _states(branch)}
        return [place for place in self.order if set(place) & (forward | inside)]

    def _once_round(self, loop: set[str]) -> Chain:
        ordered = sorted(loop, key=self._index.__getitem__)
        return ordered if len(ordered) == 1 else [*ordered, ordered[0]]

    def _caught(self, step: str) -> list[str]:
        """Return where the errors of a step lead, and those of the state that waits in its place."""
        loop = next(place for place in self.order if step in place)
        edges = [edge for name in loop for edge in self.graph.out_edges(name, data=True)]
        return [end for _, end, data in edges if Way.CATCH in data["ways"] and end not in loop]

    @cached_property
    def _index(self) -> dict[str, int]:
        return {name: number for number, name in enumerate(self.states)}

    def _position(self, loops: "networkx.DiGraph[Any]", place: int) -> int:
        return min(self._index[name] for name in loops.nodes[place]["members"])


def read(path: Path) -> Workflow:
    """Read a workflow as stage `prod` gets it. ARNs and queue addresses keep their placeholders."""
    unfilled = workflow(path)
    text = SECONDS.sub(r"\1\2", json.dumps(unfilled))
    values = merged_template("prod")["Parameters"]
    definition = json.loads(PLACEHOLDER.sub(lambda match: _value(match, values), text))
    called = {name: function_of(state) for name, state in _states(unfilled)}
    source = yaml.load(RETRIES.read_text() + path.read_text(), Yaml)
    limits = {name: int(values[parameter]["Default"]) for name, parameter in source.get("x-wait-limits", {}).items()}
    return Workflow(
        path.name.removesuffix(".asl.yaml"), definition, {name: each for name, each in called.items() if each}, limits
    )


@cache
def all_workflows() -> tuple[Workflow, ...]:
    """Read every workflow, once."""
    return tuple(read(path) for path in sorted(DIRECTORY.glob("*.asl.yaml")))


def _value(match: re.Match[str], parameters: State) -> str:
    """Return the number of a time limit. Everything else is known only after the deployment."""
    return str(parameters[match[1]]["Default"]) if match[1].endswith("Seconds") else match[0]


def _levels(definition: State) -> Iterator[State]:
    """Return the definition and the branches in it."""
    yield definition
    for state in definition["States"].values():
        for branch in branches(state):
            yield from _levels(branch)


def _states(definition: State) -> Iterator[tuple[str, State]]:
    for level in _levels(definition):
        yield from level["States"].items()


def branches(state: State) -> list[State]:
    """Return what runs inside a Parallel or a Map."""
    return [*state.get("Branches", []), *filter(None, [state.get("ItemProcessor")])]


def _connect(graph: "networkx.DiGraph[Any]", name: str, state: State) -> None:
    """Add the edges of a state. What is inside a Parallel or Map leads on, and fails, as that does."""
    inside = [(start, each) for branch in branches(state) for start, each in _states(branch)]
    ends = [start for start, each in inside if each.get("End")]
    following = [state.get("Next"), state.get("Default"), *(choice["Next"] for choice in state.get("Choices", []))]
    for end in filter(None, following):
        for start in [name, *ends]:
            _edge(graph, start, end, Way.NEXT)
    for catcher in state.get("Catch", []):
        for start in [name, *(start for start, _ in inside)]:
            _edge(graph, start, catcher["Next"], Way.CATCH, catcher["ErrorEquals"])
    for branch in branches(state):
        _edge(graph, name, branch["StartAt"], Way.BRANCH)


def _edge(graph: "networkx.DiGraph[Any]", start: str, end: str, way: Way, errors: Sequence[str] = ()) -> None:
    if not graph.has_edge(start, end):
        graph.add_edge(start, end, ways=set(), errors=[])
    graph.edges[start, end]["ways"].add(way)
    graph.edges[start, end]["errors"] += errors


def waits(rule: State) -> float:
    """Return the seconds that a policy waits at most."""
    grown = (rule["IntervalSeconds"] * rule["BackoffRate"] ** n for n in range(rule["MaxAttempts"]))
    return sum(min(wait, rule.get("MaxDelaySeconds", wait)) for wait in grown)


def function_of(state: State) -> str | None:
    """Return the logical id of the function that a state calls, of a definition with its `${…}` still in place."""
    match = PLACEHOLDER.fullmatch(state.get("Arguments", {}).get("FunctionName", state.get("Resource", "")))
    return match[1] if match else None


def lambda_timeout(function: str) -> int:
    """Return the time limit of a function in seconds."""
    config = json.loads((ROOT / ".chalice" / "config.json").read_text())
    name = re.sub(r"(?<!^)([A-Z])", r"_\1", function).lower()
    return int(config["lambda_functions"][name].get("lambda_timeout", config["lambda_timeout"]))
