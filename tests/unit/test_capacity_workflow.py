"""The workflow of the capacity plan: order of states, retries, task tokens and quotas of transitions."""

import math
from collections.abc import Callable
from typing import Any

import pytest

from infra.build.template import ROOT, workflow
from infra.capacity.pool import Bucket, Simulation
from infra.capacity.workflow import Execution, Workflow

FULFILMENT = workflow(ROOT / "statemachine" / "order_fulfilment.asl.yaml")
THROTTLED = "Lambda.TooManyRequestsException"
HAPPY_PATH = ["ReserveInventory", "AuthorizePayment", "ShipOrder", "CapturePayment", "CompleteOrder"]


class World:
    """Functions that take a second each, and fail as often as `failures` says."""

    def __init__(self, failures: dict[str, list[str]] | None = None, transitions: float = math.inf) -> None:
        self.simulation = Simulation(1)
        self.calls: list[tuple[str, float]] = []
        self.ended: list[float] = []
        self._failures = failures or {}
        self.bucket = Bucket("state_transitions", transitions, 1, math.inf)
        self.saga = Workflow(self.simulation, "Saga", FULFILMENT, self.bucket, self._call)

    def _call(self, function: str, order: object, then: Callable[[str | None], None]) -> None:
        name = function.removeprefix("${").removesuffix("}")
        self.calls.append((name, self.simulation.now))
        errors = self._failures.get(name, [])
        if errors:
            then(errors.pop(0))
        else:
            self.simulation.after(1, then, None)

    def start(self) -> Execution:
        return self.saga.start(object(), lambda: self.ended.append(self.simulation.now))

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.calls]


def test_execution_runs_the_states_of_the_definition_and_waits_for_its_token() -> None:
    world = World(transitions=1e9)
    execution = world.start()
    world.simulation.run(100)
    assert world.names == HAPPY_PATH[:3] and not world.ended
    execution.resume()
    world.simulation.run(200)
    assert world.names == HAPPY_PATH and world.ended == [102] and world.saga.completed == 1
    assert world.bucket.used == 5, "as the header of the definition says"


@pytest.mark.parametrize("state", ["ReserveInventory", "ShipOrder"])
def test_throttled_state_is_tried_again_and_still_goes_on(state: str) -> None:
    world = World({state: [THROTTLED] * 3}, transitions=1e9)
    execution = world.start()
    world.simulation.run(500)
    execution.resume()
    world.simulation.run(600)
    assert world.names.count(state) == 4 and world.saga.retries == 3 and world.saga.completed == 1
    assert world.bucket.used == 5 + 3, "a retry is billed as a transition"


def test_retries_end_where_the_first_policy_that_names_the_error_ends() -> None:
    policy = next(
        each for each in FULFILMENT["States"]["ReserveInventory"]["Retry"] if THROTTLED in each["ErrorEquals"]
    )
    world = World({"ReserveInventory": [THROTTLED] * 1_000}, transitions=1e9)
    world.start()
    world.simulation.run(100_000)
    assert len(world.calls) == policy["MaxAttempts"] + 1 and world.saga.failed == 1
    pauses = [later - earlier for (_, earlier), (_, later) in zip(world.calls, world.calls[1:], strict=False)]
    assert max(pauses) <= policy["MaxDelaySeconds"]


def test_state_transitions_wait_for_their_quota() -> None:
    """Step Functions developer guide, "Service quotas": transitions beyond it are delayed, not refused."""
    world = World(transitions=0.5)
    execution: Any = world.start()
    world.simulation.run(100)
    execution.resume()
    world.simulation.run(200)
    assert world.saga.completed == 1 and world.bucket.delayed > 0 == world.bucket.refused
    assert [when for name, when in world.calls if name == "AuthorizePayment"] == [2]
