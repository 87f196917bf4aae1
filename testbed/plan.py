"""Fault plan: where which fault is injected, and when.

A fault is written as text, as on the command line, or as a mapping, as in YAML:

    dynamodb.PutItem/Orders*=throttle@0.1        one call in ten, chosen by the seed
    payments.capture=lost_answer#1,3             the first and the third call
    function.capture_payment=kill@0.02[0:300]    only in the first 300 seconds of the run

    faults:
      - {where: dynamodb.PutItem/Orders*, what: throttle, probability: 0.1}
      - {where: payments.capture, what: lost_answer, calls: [1, 3]}
"""

import re
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from testbed.chance import chance


class What(StrEnum):
    """Kind of a fault. All but the messages' three concern one call and its answer."""

    ERROR = "error"
    """The call fails before it has an effect."""
    LOST_ANSWER = "lost_answer"
    """The call takes effect, and its answer is lost."""
    TIMEOUT = "timeout"
    """The call has no effect, and the caller waits until its time limit."""
    THROTTLE = "throttle"
    """The service refuses the call, as above a rate limit."""
    DELAY = "delay"
    """The answer, the message or the clock is late by `seconds`."""
    DUPLICATE = "duplicate"
    """The message is delivered twice."""
    REORDER = "reorder"
    """The message is delivered after later ones."""
    KILL = "kill"
    """The process ends before the call, without running any further line of code."""
    KILL_AFTER = "kill_after"
    """The process ends after the call took effect, before it gets the answer."""


DEATHS = {What.KILL, What.KILL_AFTER}
ON_CALLS = {What.ERROR, What.LOST_ANSWER, What.TIMEOUT, What.THROTTLE, What.DELAY}
ON_MESSAGES = {What.DELAY, What.DUPLICATE, What.REORDER}
POSSIBLE = {
    **dict.fromkeys(("dynamodb", "sqs", "sns", "events", "states", "s3", "ses", "ssm"), ON_CALLS | DEATHS),
    "payments": ON_CALLS | DEATHS,
    "function": {What.ERROR, What.TIMEOUT, What.THROTTLE, What.KILL, What.DELAY},
    "workflow": {What.KILL},
    "queue": ON_MESSAGES,
    "stream": {What.DELAY, What.DUPLICATE},
    "bus": ON_MESSAGES,
    "entry": {What.ERROR},
    "webhook": ON_MESSAGES | {What.ERROR},
    "warehouse": ON_MESSAGES | {What.ERROR},
    "clock": {What.DELAY},
}
"""The faults that are possible at each boundary. A stream keeps the order of its records, so none overtakes another.
An `entry` is one event of a PutEvents call, which can be refused while the others are taken."""

TEXT = re.compile(
    r"(?P<where>[\w.*?/\[\]-]+?)=(?P<what>\w+)"
    r"(?:@(?P<probability>[\d.]+)|\#(?P<calls>\d+(?:,\d+)*))?"
    r"(?:\[(?P<since>\d+):(?P<until>\d+)?\])?(?:~(?P<seconds>[\d.]+))?"
)


class Site(NamedTuple):
    """Where a fault can strike: an operation at a boundary, on a resource (a table, a queue, …) if it has one."""

    boundary: str
    operation: str = ""
    resource: str = ""

    def __str__(self) -> str:
        return f"{self.boundary}.{self.operation}" + (f"/{self.resource}" if self.resource else "")


class Fault(BaseModel):
    """One kind of fault at the sites whose name matches `where`, a pattern with `*` and `?`.

    It strikes with `probability`, or at the calls with these numbers (the first is 1), counted per fault over all
    matching calls; `since` and `until` are seconds of the run, `seconds` is the length of a delay.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    where: str
    what: What
    probability: Annotated[float, Field(ge=0, le=1)] = 1
    calls: tuple[Annotated[int, Field(ge=1)], ...] = ()
    since: Annotated[float, Field(ge=0)] = 0
    until: float | None = None
    seconds: Annotated[float, Field(gt=0)] = 30

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, given: Any) -> Any:
        if not isinstance(given, str):
            return given
        found = TEXT.fullmatch(given.strip())
        if not found:
            raise ValueError(f"{given!r} is no fault: write e.g. dynamodb.PutItem/Orders*=throttle@0.1")
        values: dict[str, Any] = {name: value for name, value in found.groupdict().items() if value is not None}
        return values | ({"calls": values["calls"].split(",")} if "calls" in values else {})

    @model_validator(mode="after")
    def _is_possible(self) -> "Fault":
        boundary = self.where.partition(".")[0]
        known = [self.what in possible for name, possible in POSSIBLE.items() if fnmatchcase(name, boundary)]
        if not known:
            raise ValueError(f"there is no boundary {boundary!r}, but: {', '.join(POSSIBLE)}")
        if not any(known):
            raise ValueError(f"{self.what} is not possible at {boundary!r}")
        return self

    def __str__(self) -> str:
        """Return the fault as it is written on the command line."""
        often = f"#{','.join(map(str, self.calls))}" if self.calls else f"@{self.probability:g}"
        window = f"[{self.since:g}:{'' if self.until is None else f'{self.until:g}'}]"
        is_always = self.until is None and not self.since
        return f"{self.where}={self.what}{often}{'' if is_always else window}~{self.seconds:g}"

    def matches(self, site: Site) -> bool:
        """Return whether it can strike there."""
        return self.what in POSSIBLE[site.boundary] and (
            fnmatchcase(str(site), self.where) or fnmatchcase(str(site), f"{self.where}/*")
        )


class FaultPlan(BaseModel):
    """The faults of a run. The first one that strikes a call is injected."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    faults: tuple[Fault, ...] = ()

    def __str__(self) -> str:
        return " ".join(map(str, self.faults))

    @classmethod
    def of(cls, text: str) -> "FaultPlan":
        """Return the plan of a command line: faults as text, separated by white space. Raises PlanInvalid."""
        return cls._parsed({"faults": text.split()})

    @classmethod
    def read(cls, path: Path) -> "FaultPlan":
        """Return the plan in a YAML file. Raises PlanInvalid, OSError."""
        try:
            return cls._parsed(yaml.safe_load(path.read_text()) or {})
        except yaml.YAMLError as error:
            raise PlanInvalid(f"{path} is no YAML: {error}") from None

    @classmethod
    def _parsed(cls, given: Any) -> "FaultPlan":
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            raise PlanInvalid(f"{place}: {first['msg'].removeprefix('Value error, ')}") from None


class PlanInvalid(Exception):
    """The text is no fault plan; the message says where and why."""


class Injector:
    """Decides which call meets which fault. The same plan, seed and calls give the same faults.

    `injected` counts the faults by where they struck and what they were. `struck` names them, in their order; with
    `only`, no others strike. `calls` are the names of all calls of tasks.
    """

    def __init__(self, plan: FaultPlan, seed: int | str, only: frozenset[str] | None = None) -> None:
        self.injected: dict[tuple[str, What], int] = {}
        self.struck: list[str] = []
        self.calls: list[str] = []
        self._seed, self._only = seed, only
        self._faults = plan.faults
        self._calls = [0] * len(plan.faults)
        self._matching: dict[Site, list[tuple[int, Fault]]] = {}

    def strike(self, site: Site, seconds: float, call: str = "") -> Fault | None:
        """Return the fault that this call meets, if any; `seconds` is the time since the run began.

        `call` names the call, so that whether a fault strikes it depends on nothing but the seed and that name;
        without it, on how many calls there were before.
        """
        if "#" in call:
            self.calls.append(call)
        if site not in self._matching:
            self._matching[site] = [(number, each) for number, each in enumerate(self._faults) if each.matches(site)]
        found: Fault | None = None
        for number, fault in self._matching[site]:
            if seconds < fault.since or (fault.until is not None and seconds >= fault.until):
                continue
            self._calls[number] += 1
            # Counted for each fault, so that another one in the plan does not change which calls it meets.
            name = f"{number}:{call or self._calls[number]}"
            if found is None and self._hits(fault, name, self._calls[number]):
                found = fault
                self.struck.append(name)
                key = (str(site), fault.what)
                self.injected[key] = self.injected.get(key, 0) + 1
        return found

    def _hits(self, fault: Fault, name: str, calls: int) -> bool:
        if self._only is not None:
            return name in self._only
        if fault.calls:
            return calls in fault.calls
        return chance(f"{self._seed}:{name}") < fault.probability
