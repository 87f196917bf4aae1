"""Processor meter of the functions: appends what each invocation took to a file, one JSON object per line.

`PROCESSOR_METER` names the file; nothing is recorded while it does not exist. `make tune` makes it for as long as it
measures. The emulator does not know it: its functions run in processes of their own (infra/local/forker.py).
"""

import json
import os
import time
from typing import Any

FILE = "PROCESSOR_METER"


def install(path: str, function: str) -> None:
    """Meter the invocations of this process by AWS's runtime client."""
    from awslambdaric import bootstrap

    handle = bootstrap.handle_event_request
    is_first = True

    def metered(*arguments: Any, **named: Any) -> Any:
        nonlocal is_first
        began, used = time.monotonic(), time.process_time()
        try:
            return handle(*arguments, **named)
        finally:
            took = {"processor_ms": 1000 * (time.process_time() - used), "ms": 1000 * (time.monotonic() - began)}
            _append(path, {"function": function, "is_first": is_first, **took})
            is_first = False

    bootstrap.handle_event_request = metered


def _append(path: str, record: dict[str, Any]) -> None:
    if os.path.exists(path):
        with open(path, "a") as file:
            file.write(json.dumps(record) + "\n")
