"""The shop's auditor, on a shop of the tests."""

from typing import Any

import boto3

from infra import audit
from infra.commands.audit import of_local


class Auditor(audit.Auditor):
    def __init__(self, session: boto3.Session, outputs: dict[str, Any]) -> None:
        super().__init__(of_local(session, outputs))
