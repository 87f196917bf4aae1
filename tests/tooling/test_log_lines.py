"""Log lines of functions on the emulator: an invocation has all of them, however late they are read."""

import os
import queue
import threading
from types import SimpleNamespace

import pytest

from infra.local import log_lines


class Environment:
    """What the emulator keeps of a function's environment: the end of its output, and the lines that were read."""

    def __init__(self, holds: int = 100) -> None:
        reads, self.writes = os.pipe()
        self._proc = SimpleNamespace(stdout=os.fdopen(reads, "rb"))
        self.lines: queue.Queue[str] = queue.Queue(holds)
        self.reader = threading.Thread(target=log_lines.pump, args=(self._proc.stdout, self.lines))

    def _drain_stderr(self) -> str:
        return "\n".join(self.lines.get_nowait() for _ in range(self.lines.qsize()))


@pytest.fixture
def environment():
    made = Environment()
    yield made
    os.close(made.writes)
    made.reader.join(10)
    assert made._proc.stdout.closed


def test_invocation_has_the_lines_that_are_read_late(environment):
    os.write(environment.writes, b"began\nended\n")
    late = threading.Timer(0.3, environment.reader.start)
    late.start()
    assert log_lines.drained(environment) == "began\nended"
    late.join()


def test_line_belongs_to_the_invocation_that_ended_it(environment):
    environment.reader.start()
    os.write(environment.writes, b"first\r\nhalf")
    assert log_lines.drained(environment, first_line_wait=0.1) == "first"
    os.write(environment.writes, b" a line \xff\n")
    assert log_lines.drained(environment) == "half a line �"
    assert log_lines.drained(environment) == ""


def test_dead_environment_gives_its_last_line_and_the_latest_of_too_many():
    environment = Environment(holds=2)
    environment.reader.start()
    os.write(environment.writes, b"one\ntwo\nthree")
    os.close(environment.writes)
    environment.reader.join(10)
    assert log_lines.drained(environment) == "two\nthree"
    environment._proc = None
    assert log_lines.drained(environment) == ""
