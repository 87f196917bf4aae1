"""End of a chaos run: does what AWS and an operator do, until every order has ended and every queue is empty."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import quote

from botocore.exceptions import BotoCoreError, ClientError

from infra.audit.auditor import Auditor
from infra.audit.books import Books
from infra.commands import job
from infra.commands.client import Buyer

MACHINES = ("StateMachineArn", "ReturnMachineArn", "UndoMachineArn")
DEAD = ("FAILED", "TIMED_OUT", "ABORTED")
JOBS = ("RepublishEvents", "SweepWorkflows", "SweepReservations")
"""Of which each runs every few minutes on AWS."""
LOOK_SECONDS = 2
JOBS_EVERY_SECONDS = 15
REDRIVES = 5
"""A message that fails so often without faults does so for a reason of its own."""


class DeadWorkflows:
    """Sends the event of each execution that died, as Step Functions does; the AWS emulator sends none."""

    def __init__(self, session: Any, stack: dict[str, str], queue: str) -> None:
        self._session, self._stack, self._queue = session, stack, queue
        self._known: set[str] = set()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def watch(self) -> None:
        self._thread.start()

    def stop(self) -> int:
        """Return how many died."""
        self._over.set()
        self._thread.join()
        return len(self._known)

    def _work(self) -> None:
        while not self._over.wait(LOOK_SECONDS):
            with suppress(OSError, BotoCoreError, ClientError):  # the emulator may be restarting
                self.report()

    def report(self) -> int:
        """Send the events of the executions that died since the last look, and return how many have died in all."""
        stepfunctions = self._session.client("stepfunctions")
        pages = stepfunctions.get_paginator("list_executions")
        for machine in (self._stack[name] for name in MACHINES):
            for status in DEAD:
                found = pages.paginate(stateMachineArn=machine, statusFilter=status)
                for execution in (each for page in found for each in page["executions"]):
                    if execution["executionArn"] not in self._known:
                        self._send(machine, execution)
                        self._known.add(execution["executionArn"])
        return len(self._known)

    def _send(self, machine: str, execution: dict[str, Any]) -> None:
        detail = {"stateMachineArn": machine, **{key: execution[key] for key in ("executionArn", "name", "status")}}
        event = {"source": "aws.states", "detail-type": "Step Functions Execution Status Change", "detail": detail}
        self._session.client("sqs").send_message(QueueUrl=self._queue, MessageBody=json.dumps(event))


class Ending:
    """Waits for the end. `redriven` counts dead letters by queue, `problems` says what did not end.

    `run_job` runs the scheduled job of a function. Raises job.JobFailed.
    """

    def __init__(
        self,
        admin: Buyer,
        auditor: Auditor,
        run_job: Callable[[str], object],
        look_seconds: float = LOOK_SECONDS,
        jobs_every_seconds: float = JOBS_EVERY_SECONDS,
    ) -> None:
        self._admin, self._auditor, self._run_job = admin, auditor, run_job
        self._look_seconds, self._jobs_every_seconds = look_seconds, jobs_every_seconds
        self.redriven: Counter[str] = Counter()
        self.problems: list[str] = []
        self._redrives: Counter[str] = Counter()

    def wait(self, seconds: float) -> Books:
        """Return the books when nothing is left to do, or after that time."""
        began = time.monotonic()
        deadline, jobs_at, reconciled = began + seconds, began + self._jobs_every_seconds, False
        while True:
            if time.monotonic() >= jobs_at:
                self._run(JOBS)
                jobs_at = time.monotonic() + self._jobs_every_seconds
            left = self._redrive()
            books, unfinished = self._auditor.look() if not left else (None, left)
            if books and not unfinished:
                if reconciled:
                    return books
                self._run(("ReconcilePayments",))
                reconciled = True
            elif time.monotonic() > deadline:
                self.problems = unfinished
                return books or self._auditor.look()[0]
            time.sleep(self._look_seconds)

    def _run(self, jobs: tuple[str, ...]) -> None:
        for name in jobs:
            with suppress(job.JobFailed):  # its next run tries again
                self._run_job(name)

    def _redrive(self) -> list[str]:
        """Redrive all dead letters, and return a line for each queue that is not empty."""
        left = []
        for queue in self._admin.must("GET", "/admin/queues")["items"]:
            name, dead = queue["name"], queue["dead_letters"]["waiting"]
            if dead and self._redrives[name] < REDRIVES:
                answer = self._admin.must("POST", f"/admin/queues/{quote(name, safe='')}/redrive", {})
                self.redriven[name] += len(answer["redriven"])
                self._redrives[name] += answer["complete"]
            if messages := sum((queue["messages"] or {}).values()) + sum(queue["dead_letters"].values()):
                left.append(f"{messages} messages in {name}, of which {dead} dead letters")
        return left
