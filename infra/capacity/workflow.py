"""Standard workflow: runs the states of a Step Functions definition, with its retry policies.

Only the way without business errors is followed: an execution whose retries are exhausted ends as failed. Sources: Step
Functions developer guide, "Service quotas" and "Handling errors in Step Functions workflows".
"""

from collections.abc import Callable
from typing import Any

from infra.capacity.pool import Bucket, Simulation

WAITS_FOR_TOKEN = "waitForTaskToken"

Call = Callable[[str, Any, Callable[[str | None], None]], None]
"""Call a function by its logical id, with an order."""


class Workflow:
    """`call` invokes a function by its logical id."""

    def __init__(
        self,
        simulation: Simulation,
        name: str,
        definition: dict[str, Any],
        transitions: Bucket,
        call: Call,
    ) -> None:
        self.name, self.definition = name, definition
        self.started = self.completed = self.failed = self.retries = 0
        self.simulation, self.transitions, self.call = simulation, transitions, call

    def start(self, order: Any, then: Callable[[], None]) -> "Execution":
        self.started += 1
        return Execution(self, order, then)


class Execution:
    """One order's way through a workflow."""

    def __init__(self, workflow: Workflow, order: Any, then: Callable[[], None]) -> None:
        self._workflow, self._order, self._then = workflow, order, then
        self._is_over = False
        self._resume: Callable[[], None] | None = None
        self._enter(workflow.definition["StartAt"])

    def resume(self) -> None:
        """Go on after the state that waits for its task token."""
        if self._resume:
            go_on, self._resume = self._resume, None
            go_on()

    def _completed(self) -> None:
        if not self._is_over:
            self._is_over = True
            self._workflow.completed += 1
            self._then()

    def _failed(self) -> None:
        if not self._is_over:
            self._is_over = True
            self._workflow.failed += 1

    def _enter(self, name: str) -> None:
        state = self._workflow.definition["States"][name]
        go_on = self._completed if state.get("End") else lambda: self._enter(state["Next"])
        self._try(state, go_on, {})

    def _try(self, state: dict[str, Any], go_on: Callable[[], None], attempts: dict[int, int]) -> None:
        """Run a state as soon as the account's quota of state transitions allows it. A retry is a transition too."""
        seconds = self._workflow.transitions.wait(self._workflow.simulation.now)
        if seconds:
            self._workflow.simulation.after(seconds, self._do, state, go_on, attempts)
        else:
            self._do(state, go_on, attempts)

    def _do(self, state: dict[str, Any], go_on: Callable[[], None], attempts: dict[int, int]) -> None:
        resource, given = state.get("Resource", ""), state.get("Arguments", {})
        if resource.endswith(WAITS_FOR_TOKEN):
            self._resume = go_on
            self._call(given["FunctionName"], state, go_on, attempts, waits=True)
        elif state["Type"] == "Task":
            self._call(resource, state, go_on, attempts, waits=False)
        elif state["Type"] == "Fail":
            self._failed()
        else:
            go_on()

    def _call(
        self, function: str, state: dict[str, Any], go_on: Callable[[], None], attempts: dict[int, int], waits: bool
    ) -> None:
        """Call the function until it succeeds or the retries are exhausted. `waits` leaves going on to `resume`."""

        def ended(error: str | None) -> None:
            pause = self._pause(state, error, attempts) if error else 0
            if not error:
                if not waits:
                    go_on()
            elif pause is None:
                self._failed()
            else:
                self._workflow.retries += 1
                self._workflow.simulation.after(pause, self._try, state, go_on, attempts)

        self._workflow.call(function, self._order, ended)

    def _pause(self, state: dict[str, Any], error: str, attempts: dict[int, int]) -> float | None:
        """Return the seconds before the next attempt, or None if the first policy for this error is exhausted."""
        for position, policy in enumerate(state.get("Retry", [])):
            if not {error, "States.ALL"} & set(policy["ErrorEquals"]):
                continue
            done = attempts.get(position, 0)
            if done >= policy.get("MaxAttempts", 3):
                return None
            attempts[position] = done + 1
            longest = policy.get("IntervalSeconds", 1) * policy.get("BackoffRate", 2) ** done
            longest = min(longest, policy.get("MaxDelaySeconds", longest))
            return longest * (self._workflow.simulation.random.random() if "JitterStrategy" in policy else 1)
        return None
