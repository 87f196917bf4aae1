"""Executions of the shipped workflows, taken from call to call by a test that decides the outcome of each."""

import json
import re
from collections.abc import Callable
from datetime import datetime
from functools import cache
from random import Random
from typing import Any

from infra.build.template import ROOT, asl
from testbed.workflows import (
    AwaitToken,
    CallService,
    Event,
    ExecutionFailed,
    Failure,
    Outcome,
    Sleep,
    Success,
    Workflow,
)

PLACEHOLDER = re.compile(r"\$\{(\w+)\}")
SECONDS = {"WarehouseHeartbeatSeconds": 300, "BuyerConfirmationSeconds": 900}


@cache
def workflow(machine: str) -> Workflow:
    """Return `statemachine/{machine}.asl.yaml`. Each function has the name of its state."""
    text = asl(ROOT / "statemachine" / f"{machine}.asl.yaml")
    filled = PLACEHOLDER.sub(lambda found: str(SECONDS.get(found[1], found[1])), text)
    return Workflow(machine, json.loads(filled))


class Execution:
    """`call` is what it asks for next, None after the end. Pauses before retries pass at once, and messages are sent.

    `edges` are those that it took: they decide how it goes on, apart from the number of retries.
    """

    def __init__(self, machine: str, name: str, given: dict[str, str], clock: Callable[[], datetime]) -> None:
        self.machine, self.name = machine, name
        self.edges: list[str] = []
        self.error: str | None = None
        self._generator = workflow(machine).run(given, name, Random(0), clock, self._note)
        self.call: Any = None
        self._send(None)

    @property
    def is_running(self) -> bool:
        return self.call is not None

    @property
    def state(self) -> str | None:
        return self.call.state if self.call else None

    @property
    def token(self) -> str | None:
        """The task token of a state that waits for one."""
        return self.call.token if isinstance(self.call, AwaitToken) else None

    def succeeded(self, result: Any = None) -> None:
        self._send(Success({} if result is None else result))

    def failed(self, error: str) -> None:
        """Fail the call: it is attempted again if a policy says so, and otherwise caught."""
        self._send(Failure(error, ""))

    def failed_for_good(self, error: str) -> None:
        """Fail the call at each attempt."""
        state = self.state
        while self.state == state:
            self.failed(error)

    def ends(self, error: str) -> None:
        """End it from outside."""
        self._generator.close()
        self.call, self.error = None, error

    def _send(self, outcome: Outcome | None) -> None:
        try:
            self.call = self._generator.send(outcome)
            while isinstance(self.call, Sleep | CallService):
                self.call = self._generator.send(Success({}))
        except StopIteration:
            self.call = None
        except ExecutionFailed as failed:
            self.call, self.error = None, failed.error

    def _note(self, event: Event, state: str, **details: Any) -> None:
        if event == Event.EDGE:
            self.edges.append(f"{details['target']} {details['cause']}")
