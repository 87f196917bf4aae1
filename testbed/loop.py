"""Event loop in virtual time: runs tasks one at a time, deterministically, and skips the time between them.

A task is a greenlet, so that ordinary blocking code can run in it: where it would wait, it pauses, and others go on.
Nothing is drawn from a shared source of random numbers: each draw follows from the seed, the task's name and how
often that task has drawn. So a run stays the same where a part of it is left out.
"""

import hashlib
import heapq
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from greenlet import getcurrent, greenlet

from testbed.chance import chance

START = datetime(2031, 3, 3, 9, 0, tzinfo=UTC)
"""The moment at which each run begins: a Monday, away from changes of the clock."""


class Killed(BaseException):
    """The process of this task ended; no call that it still tries has an effect."""


class Stuck(Exception):
    """The run did not come to rest within its bounds."""


class Task(greenlet):
    """One process: an invocation of a function, or a person. `name` is unique in a run."""

    def __init__(self, loop: "Loop", name: str, work: Callable[[], Any]) -> None:
        super().__init__(work)
        self.name = name
        self.subject: str | None = None
        self.death: str | None = None
        """Why it was killed, if it was."""
        self.doom = 0
        """The number of the call before which it is to be killed; 0 for never."""
        self.calls = 0
        self.skew = 0.0
        """Seconds by which its clock is ahead."""
        self._loop = loop
        self._draws = 0

    def draw(self) -> float:
        """Return the next number of this task, in [0, 1)."""
        self._draws += 1
        return self._loop.draw(f"{self.name}#{self._draws}")

    def random_bytes(self, size: int) -> bytes:
        self._draws += 1
        text = f"{self._loop.seed}:{self.name}#{self._draws}"
        return hashlib.blake2b(text.encode(), digest_size=min(size, 64)).digest().ljust(size, b"\0")


class Loop:
    """Virtual time since START in seconds (`now`), and what is due when."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.now = 0.0
        self._due: list[tuple[float, float, int, Callable[..., Any], tuple[Any, ...]]] = []
        self._number = 0
        self._names: dict[str, int] = {}
        self._hub = getcurrent()

    @property
    def time(self) -> datetime:
        return START + timedelta(seconds=self.now)

    def draw(self, name: str) -> float:
        """Return the number in [0, 1) that this name has under this seed."""
        return chance(f"{self.seed}:{name}")

    def unique(self, name: str) -> str:
        """Return `name`, with a number from its second use on."""
        used = self._names[name] = self._names.get(name, 0) + 1
        return name if used == 1 else f"{name}~{used}"

    def at(self, seconds: float, action: Callable[..., Any], *arguments: Any) -> None:
        """Call an action at a time. The order of what is due at the same time follows from the seed."""
        self._number += 1
        tie = chance(f"{self.seed}:tie{self._number}")
        moment = seconds if seconds > self.now else self.now
        heapq.heappush(self._due, (moment, tie, self._number, action, arguments))

    def after(self, seconds: float, action: Callable[..., Any], *arguments: Any) -> None:
        self.at(self.now + seconds, action, *arguments)

    def spawn(self, name: str, work: Callable[[], Any], after: float = 0) -> Task:
        """Start a task with a unique name; return it before it begins."""
        task = Task(self, name, work)
        task.parent = self._hub
        self.after(after, task.switch)
        return task

    def kill(self, task: Task, reason: str) -> None:
        """End a task where it pauses. A task that has ended is left alone."""
        if not task.dead and task.death is None:
            task.death = reason
            self.after(0, self._end, task)

    @staticmethod
    def _end(task: Task) -> None:
        if task:
            task.throw(Killed)
        elif not task.dead:
            # It has not begun: a greenlet that is thrown into before its start never runs its code.
            task.run = lambda: None
            task.switch()

    @staticmethod
    def running() -> Task | None:
        """Return the task that runs; None outside of one."""
        current = getcurrent()
        return current if isinstance(current, Task) else None

    def pause(self, seconds: float) -> None:
        """Let the running task wait. Raises Killed."""
        task = self.running()
        assert task, "only a task may wait"
        if task.death is not None:
            raise Killed
        self.after(seconds, self._resume, task)
        self._hub.switch()

    def wait_for(self, begin: Callable[[Callable[[Any], None]], None]) -> Any:
        """Let the running task wait until the function that `begin` is given is called; return its argument.

        Raises Killed.
        """
        task = self.running()
        assert task, "only a task may wait"
        if task.death is not None:
            raise Killed
        answers: list[Any] = []

        def answer(value: Any) -> None:
            if not answers:
                answers.append(value)
                self.after(0, self._resume, task)

        begin(answer)
        self._hub.switch()
        return answers[0]

    @staticmethod
    def _resume(task: Task) -> None:
        if task:
            task.switch()

    def run(self, until: Callable[[], bool], limit: float, steps: int = 5_000_000) -> None:
        """Go on until the condition holds, which is asked before each moment, or nothing is due.

        `limit` is in seconds of virtual time, `steps` the number of actions. Raises Stuck at the limits.
        """
        last = -1.0
        for _ in range(steps):
            if not self._due:
                return
            if self._due[0][0] > last:
                last = self._due[0][0]
                if until():
                    return
            moment, _, _, action, arguments = heapq.heappop(self._due)
            if moment > limit:
                raise Stuck(f"no rest after {limit:.0f} s")
            self.now = moment
            action(*arguments)
        raise Stuck(f"no rest after {steps} steps")
