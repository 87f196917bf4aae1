"""Redrive: do the work of dead letters again. Most are sent to their source queue; `actions.py` has the exceptions."""

from collections.abc import Callable, Mapping
from typing import Protocol

from chalicelib.dead_letters.actions import Action
from chalicelib.dead_letters.model import CannotRedrive, DeadLetter, Parts
from chalicelib.dead_letters.queue import Handled


class DeadLetters(Protocol):
    """The dead letters of a queue, by its URL."""

    def send(self, url: str, dead_letter: DeadLetter) -> None: ...

    def handle(
        self, url: str, wanted: list[str] | None, act: Callable[[DeadLetter], None], sent_until: int | None = None
    ) -> Handled: ...


class Redrives:
    """`actions` are those of queues whose dead letters are not sent. `outdated` returns, by queue, which dead letters
    need no more work: they are deleted and not sent."""

    def __init__(
        self,
        operated: Callable[[], Parts],
        dead_letters: DeadLetters,
        actions: Mapping[str, Action],
        outdated: Mapping[str, Callable[[DeadLetter], bool]],
    ) -> None:
        self._operated = operated
        self._dead_letters = dead_letters
        self._actions = actions
        self._outdated = outdated

    def redrive(self, name: str, wanted: list[str] | None, sent_until: int | None = None) -> Handled:
        """Redrive the dead letters with these ids, or as many as one call can handle of those sent until then (Unix
        ms).

        Raises QueueUnknown.
        """
        queue = self._operated().queue(name)

        def send_back(dead_letter: DeadLetter) -> None:
            if queue.url is None:
                raise CannotRedrive("it came from no queue")
            if not self._outdated.get(name, _never)(dead_letter):
                self._dead_letters.send(queue.url, dead_letter)

        action = self._actions.get(name, send_back)
        return self._dead_letters.handle(queue.dead_letters, wanted, action, sent_until)


def _never(dead_letter: DeadLetter) -> bool:
    return False
