"""Garbage collection, rarely: runs and tests make millions of objects and few cycles, and looking for those takes a
sixth of the time."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

THRESHOLDS = 20_000, 10, 10
"""For `gc.set_threshold`. The first is the number of new objects before a look at them; Python's own is 700."""


@contextmanager
def collected_rarely() -> Iterator[None]:
    """Collect rarely within the context."""
    before = gc.get_threshold()
    gc.set_threshold(*THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)
