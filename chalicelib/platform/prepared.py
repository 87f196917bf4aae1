"""Runtime hooks of prepared environments: those with provisioned concurrency, and those that start from a snapshot.

Such an environment is initialized before its first call, so it loads then what that call would load. From one snapshot
(SnapStart) several environments start, perhaps days later. What each of them must have for itself:

* random numbers, of which pauses between retries are made: seeded again. Ids and tokens come from the operating system,
  whose generator Lambda reseeds: AWS Lambda developer guide, "Handling uniqueness with Lambda SnapStart".
* connections, which the other side has closed meanwhile: closed before the snapshot.
* the age of cached values, such as secrets: measured by the wall clock, because a monotonic clock stands still in a
  snapshot. `tests/unit/test_prepared.py` allows the monotonic clock only for durations within an invocation.
"""

import os
import random
from collections.abc import Callable

INITIALIZATION = "AWS_LAMBDA_INITIALIZATION_TYPE"
"""AWS Lambda developer guide, "Defined runtime environment variables"."""


def prepare(load: Callable[[], object]) -> None:
    """Let a prepared environment `load` before its first call. In others this does nothing."""
    match os.environ.get(INITIALIZATION):
        case "provisioned-concurrency":
            load()
        case "snap-start":
            _register(load)


def _register(load: Callable[[], object]) -> None:
    """Register the hooks. Those before the snapshot run in reverse order: AWS Lambda developer guide, "Lambda SnapStart
    runtime hooks for Python"."""
    from snapshot_restore_py import register_after_restore, register_before_snapshot

    from chalicelib.platform import aws

    register_before_snapshot(aws.close_connections)
    register_before_snapshot(load)
    register_after_restore(random.seed)
