"""Log lines: an invocation has all that its function printed before it answered.

The emulator takes the lines that come within five milliseconds of each other. On a busy machine the last ones came
later: the next invocation of that environment had them, and often there was none.
"""

import fcntl
import os
import queue
import select
import struct
import termios
import threading
import time
from typing import IO, Any

CHUNK_BYTES = 65_536
PAUSE_SECONDS = 0.001
PATIENCE_SECONDS = 5
"""The longest wait for the reader of an environment's output."""

_reading = threading.Lock()
"""Held from before a line leaves the pipe until after it is in the queue."""


def install() -> None:
    from ministack.core.lambda_runtime import ProvidedWorker

    environment: Any = ProvidedWorker
    environment._pump_output = lambda environment, stream, lines: pump(stream, lines)
    environment._drain_stderr_bounded = drained


def pump(stream: IO[bytes], lines: "queue.Queue[str]") -> None:
    """Queue each line of a pipe until its end. Of more lines than the queue holds, keep the latest."""
    ready, rest = select.poll(), b""
    ready.register(stream, select.POLLIN)
    while not stream.closed:
        ready.poll()
        with _reading:
            chunk = os.read(stream.fileno(), CHUNK_BYTES)
            *whole, rest = (rest + chunk).split(b"\n")
            if not chunk:
                whole += [rest] if rest else []
                stream.close()
            for line in whole:
                if lines.full():
                    lines.get_nowait()
                lines.put_nowait(line.decode(errors="replace").rstrip("\r"))


def drained(environment: Any, **pauses: float) -> str:
    """Return what the environment has printed since the last call."""
    process, deadline = environment._proc, time.monotonic() + PATIENCE_SECONDS
    while process and _has_unread(process.stdout) and time.monotonic() < deadline:
        time.sleep(PAUSE_SECONDS)
    return str(environment._drain_stderr())


def _has_unread(stream: IO[bytes]) -> bool:
    with _reading:
        if stream.closed:
            return False
        (unread,) = struct.unpack("i", fcntl.ioctl(stream, termios.FIONREAD, bytes(4)))
        return bool(unread)
