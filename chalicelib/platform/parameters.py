"""A secret that may be changed while the shop is open."""

import time
from collections.abc import Callable

CACHED_SECONDS = 300
REFRESH_SECONDS = 5


class Parameter:
    """Read on first use, and again when it is older than five minutes.

    Whoever is refused with it asks for it `anew`: it may have been changed in the meantime. That too reads it only
    every few seconds, because anybody can cause a refusal, and where secrets are kept there are limits.
    """

    def __init__(self, read: Callable[[], str], clock: Callable[[], float] = time.monotonic) -> None:
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
