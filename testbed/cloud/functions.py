"""Functions: invocations of handlers, each in a task of its own, which can be throttled, delayed or killed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from testbed.loop import Killed, Loop
from testbed.plan import Injector, Site, What

Handler = Callable[[Any, Any], Any]
MAX_CALLS_BEFORE_DEATH = 25
"""A kill strikes before one of so many calls; a handler that makes fewer dies at its end, before it answers."""


@dataclass(frozen=True)
class Function:
    """A handler, and how many seconds an invocation may take."""

    handler: Handler
    timeout_seconds: float


@dataclass(frozen=True)
class Result:
    """Result of an invocation: `value`, or the name of its `error` as a workflow sees it."""

    value: Any = None
    error: str | None = None
    cause: str = ""


@dataclass(frozen=True)
class Context:
    """Lambda's context object, as far as handlers read it."""

    function_name: str
    aws_request_id: str
    memory_limit_in_mb: int = 512
    log_group_name: str = ""

    @property
    def invoked_function_arn(self) -> str:
        return f"arn:aws:lambda:eu-west-1:123456789012:function:{self.function_name}"

    def get_remaining_time_in_millis(self) -> int:
        return 10_000


Then = Callable[[Result], None]
Note = Callable[[str, str, str | None, Result, list[What]], None]
"""Called at the end of each invocation with the task's name, the function, the subject, its result and its faults."""


class Functions:
    """`functions` by logical id. `cold_start_seconds` bounds how long an invocation waits for an environment."""

    def __init__(
        self, loop: Loop, injector: Injector, functions: Mapping[str, Function], cold_start_seconds: float = 0.2
    ) -> None:
        self._loop, self._injector, self._functions = loop, injector, functions
        self._cold_start = cold_start_seconds
        self.noted: list[Note] = []
        self.running = 0

    def invoke(self, name: str, event: Any, subject: str | None, then: Then) -> None:
        """Invoke a function; `then` gets its result. `subject` is what the event is about, if it is about one thing."""
        function = self._functions[name]
        called = self._loop.unique(f"{name}({subject or ''})")
        fault = self._injector.strike(Site("function", name), self._loop.now, called)
        faults = [fault.what] if fault else []
        delay = self._loop.draw(f"{called}:start") * self._cold_start
        self.running += 1

        def ended(result: Result) -> None:
            self.running -= 1
            for note in self.noted:
                note(called, name, subject, result, faults)
            then(result)

        if fault is not None and fault.what in REFUSALS:
            self._loop.after(delay, ended, REFUSALS[fault.what])
            return
        if fault is not None and fault.what == What.DELAY:
            delay += fault.seconds
        answered: list[Result] = []

        def work() -> None:
            try:
                answered.append(Result(function.handler(event, Context(name, called))))
                self._loop.pause(0.001)
                if task.doom:
                    task.death = "killed"
                    raise Killed
            except Killed:
                answered[:] = []
            except Exception as error:
                answered[:] = [Result(error=type(error).__name__, cause=str(error))]
            dead = Result(error=DEATHS[task.death or "killed"], cause=f"{name} was {task.death}")
            self._loop.after(0, ended, answered[0] if answered else dead)

        task = self._loop.spawn(called, work, delay)
        task.subject = subject
        if fault is not None and fault.what == What.KILL:
            task.doom = 1 + int(self._loop.draw(f"{called}:doom") * MAX_CALLS_BEFORE_DEATH)
        clock = self._injector.strike(Site("clock", name), self._loop.now, called)
        if clock is not None:
            faults.append(clock.what)
            task.skew = clock.seconds * (2 * self._loop.draw(f"{called}:skew") - 1)
        self._loop.after(delay + function.timeout_seconds, self._loop.kill, task, "timed out")


REFUSALS = {
    What.ERROR: Result(error="Lambda.ServiceException", cause="injected"),
    What.THROTTLE: Result(error="Lambda.TooManyRequestsException", cause="injected"),
    What.TIMEOUT: Result(error="Lambda.ClientExecutionTimeoutException", cause="injected"),
}
"""Step Functions developer guide, "Handle transient Lambda service exceptions"."""
DEATHS = {"killed": "Lambda.Unknown", "timed out": "Sandbox.Timedout"}
"""Step Functions developer guide, "Handling errors in Step Functions workflows", Lambda."""
