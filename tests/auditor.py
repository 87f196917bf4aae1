"""Auditor for tests: runs the shop's auditor on a shop of the tests."""

import time
from typing import Any

import boto3

from infra import audit
from infra.audit.auditor import POLL_SECONDS
from infra.commands.audit import of_local


class Auditor(audit.Auditor):
    """`scenarios` is how many have ended since the last audit."""

    scenarios = 0

    def __init__(self, session: boto3.Session, outputs: dict[str, Any]) -> None:
        super().__init__(of_local(session, outputs))

    def wait_for_rest(self, seconds: float = 90) -> None:
        """Wait until a cheap check finds no order, workflow or event in progress."""
        deadline = time.monotonic() + seconds
        while self._reader.sees_work():
            assert time.monotonic() < deadline, "work is still in progress"
            time.sleep(POLL_SECONDS)
