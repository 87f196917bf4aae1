"""Asking the auditor. What it checks is in `infra/audit`, and only there: no copy of a promise is kept here."""

import json
from datetime import datetime
from typing import Annotated, Any

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import BaseModel, Field

from chalicelib.platform.errors import NotFound, Unavailable


class AuditNotOffered(NotFound):
    """This stage has no auditor to ask. Run `make audit` instead."""


class AuditFailed(Unavailable):
    """The auditor did not come to an end, or not in time."""


class Violation(BaseModel):
    subject: str
    text: str


class Promise(BaseModel):
    promise: str
    checked: Annotated[int, Field(description="Subjects that it was checked on.")]
    violated: int
    violations: Annotated[list[Violation], Field(description="Up to twenty of them.")]


class Pace(BaseModel):
    second: str
    placed: int
    ended: int


class OrdersTally(BaseModel):
    """Of the orders that were asked for."""

    placed: int
    under_way: int
    endings: Annotated[dict[str, int], Field(examples=[{"COMPLETED": 7, "CANCELLED PAYMENT_DECLINED": 1}])]
    pace: Annotated[list[Pace], Field(description="Of two minutes; only seconds in which something happened.")]


class Audit(BaseModel):
    read_at: str
    promises: list[Promise]
    orders: OrdersTally


class Auditor:
    def __init__(self, lambda_client: Any, function: str) -> None:
        self._lambda = lambda_client
        self._function = function

    def audit(self, since: datetime | None) -> Audit:
        """Raises AuditNotOffered, AuditFailed."""
        if not self._function:
            raise AuditNotOffered
        payload = json.dumps({"since": since.isoformat() if since else None})
        try:
            answer = self._lambda.invoke(FunctionName=self._function, Payload=payload)
            found = answer["Payload"].read()
        except (ClientError, BotoCoreError) as error:
            raise AuditFailed from error
        if "FunctionError" in answer:
            raise AuditFailed(found.decode(errors="replace")[:500])
        return Audit.model_validate_json(found)
