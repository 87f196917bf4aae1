"""Parameter store values, cached for five minutes, so that a rotated secret needs no deployment."""

import time
from collections.abc import Callable

CACHED_SECONDS = 300
REFRESH_SECONDS = 5


class Parameter:
    """One value, read on first use and again when it is older than five minutes.

    A caller whose secret was refused asks for the `refreshed` value, because it may have been rotated. That reads at
    most every few seconds: any visitor can cause a refusal, and the parameter store limits its requests.

    `clock` is the wall clock, which goes on while an environment is a snapshot.
    """

    def __init__(self, read: Callable[[], str], clock: Callable[[], float] = time.time) -> None:
        self._read = read
        self._clock = clock
        self._value = ""
        self._read_at: float | None = None

    def __call__(self) -> str:
        return self._younger_than(CACHED_SECONDS)

    def refreshed(self) -> str:
        return self._younger_than(REFRESH_SECONDS)

    def _younger_than(self, seconds: float) -> str:
        if self._read_at is None or self._clock() - self._read_at >= seconds:
            self._value, self._read_at = self._read(), self._clock()
        return self._value
