"""Auditor client: invoke the function that checks the invariants. The invariants themselves are in `infra/audit`."""

import json
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import Field

from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.errors import NotFound, Unavailable

if TYPE_CHECKING:
    from types_boto3_lambda.client import LambdaClient


class AuditNotOffered(NotFound):
    """This stage has no auditor to ask. Run `make audit` instead."""


class AuditFailed(Unavailable):
    """The auditor failed, or did not finish in time."""


class Violation(BaseModel):
    subject: str
    text: str


class Promise(BaseModel):
    promise: str
    checked: Annotated[int, Field(description="How many subjects were checked.")]
    violated: int
    violations: Annotated[list[Violation], Field(description="Up to twenty of them.")]


class Pace(BaseModel):
    second: str
    placed: int
    ended: int


class OrdersTally(BaseModel):
    """Counts of the orders in the requested span."""

    placed: int
    under_way: int
    endings: Annotated[dict[str, int], Field(examples=[{"COMPLETED": 7, "CANCELLED PAYMENT_DECLINED": 1}])]
    pace: Annotated[list[Pace], Field(description="The last two minutes; only seconds with an event.")]


class Audit(BaseModel):
    read_at: str
    promises: list[Promise]
    orders: OrdersTally


class Auditor:
    def __init__(self, lambda_client: "LambdaClient", function: str) -> None:
        self._lambda = lambda_client
        self._function = function

    def audit(self, since: datetime | None) -> Audit:
        """Run the audit and return its result. Raises AuditNotOffered, AuditFailed."""
        if not self._function:
            raise AuditNotOffered
        payload = json.dumps({"since": since.isoformat() if since else None})
        try:
            answer = self._lambda.invoke(FunctionName=self._function, Payload=payload)
            found = answer["Payload"].read()
        except (ClientError, BotoCoreError) as error:
            raise AuditFailed from error
        if answer.get("FunctionError"):
            raise AuditFailed(found.decode(errors="replace")[:500])
        return Audit.model_validate_json(found)
