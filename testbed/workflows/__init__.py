"""Workflow interpreter: Amazon States Language in virtual time, driven from outside.

An execution is a generator. It yields what it needs (`effects.py`) and gets an outcome for each; the driver decides how
long that takes. It runs in one thread, reads no clock and draws no random number of its own, so the same outcomes give
the same run. `interpreter.py` evaluates the states, `virtual_time.py` is a driver for one workflow by itself.
"""

from testbed.workflows.definition import DefinitionInvalid
from testbed.workflows.effects import (
    AwaitToken,
    Branches,
    CallService,
    Effect,
    Event,
    Execution,
    ExecutionFailed,
    Failure,
    Invoke,
    Outcome,
    Sleep,
    Success,
)
from testbed.workflows.interpreter import Workflow

__all__ = [
    "AwaitToken",
    "Branches",
    "CallService",
    "DefinitionInvalid",
    "Effect",
    "Event",
    "Execution",
    "ExecutionFailed",
    "Failure",
    "Invoke",
    "Outcome",
    "Sleep",
    "Success",
    "Workflow",
]
