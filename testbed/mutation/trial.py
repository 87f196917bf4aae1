"""Trial: runs functions in processes of their own, forked from one that has imported the libraries, with a time limit.

What a function prints is dropped. A process that uses up its time, or dies, has noticed the mutant too.
"""

import os
import resource
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import Pipe, get_context
from multiprocessing.connection import Connection, wait
from typing import Any

LIMIT_SECONDS = 120
"""Of the processor's time. The longest run without a mutant takes a sixth of it."""


@dataclass(frozen=True)
class Trial:
    """A function that returns what noticed the mutant, None if nothing did, for the subject `name`."""

    name: str
    run: Callable[[], Any]


@dataclass(frozen=True)
class Ended:
    """`answer` is what the function returned; `death` is why it returned nothing. `seconds` are the processor's."""

    answer: Any
    death: str | None
    seconds: float


def run_all(trials: Sequence[Trial], workers: int, limit: int = LIMIT_SECONDS) -> Iterator[tuple[str, Ended]]:
    """Run the trials, at most so many at a time, and yield how each ended, in the order in which they end.

    `limit` is in seconds of the processor.
    """
    context = get_context("fork")
    left = list(reversed(trials))
    running: dict[Any, tuple[str, Any, Connection]] = {}
    while left or running:
        while left and len(running) < workers:
            trial = left.pop()
            here, there = Pipe(duplex=False)
            process = context.Process(target=_run, args=(trial.run, there, limit))
            process.start()
            there.close()
            running[here] = (trial.name, process, here)
        for ready in wait(list(running)):
            name, process, here = running.pop(ready)
            yield name, _received(here, process, limit)


def _received(here: Connection, process: Any, limit: int) -> Ended:
    try:
        answer, death, seconds = here.recv()
    except EOFError:
        process.join()
        answer, death, seconds = None, f"the process ended with {process.exitcode}", float(limit)
    process.join()
    here.close()
    return Ended(answer, death, seconds)


def _run(run: Callable[[], Any], there: Connection, limit: int) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 5))
    nothing = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nothing, stream)
    sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    began = time.process_time()
    try:
        sent: tuple[Any, str | None] = (run(), None)
    except BaseException as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        sent = (None, f"{type(error).__name__}: {str(error)[:120]} ({os.path.basename(place.filename)}:{place.lineno})")
    there.send((*sent, time.process_time() - began))
    there.close()
    # Threads that a run left behind do not keep the process.
    os._exit(0)
