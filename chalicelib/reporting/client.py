"""Reports client: invoke the function that asks the database.

The API's own function stays outside of the database's VPC, where it would need an endpoint for each service that it
calls, and a NAT gateway for Stripe.
"""

from typing import TYPE_CHECKING, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.errors import NotFound, Unavailable
from chalicelib.reporting.reports import (
    Categories,
    CategoriesQuery,
    Cohorts,
    CohortsQuery,
    OrderSearch,
    ReportedOrders,
    ReportName,
    ReportRequest,
)

if TYPE_CHECKING:
    from types_boto3_lambda.client import LambdaClient

Answer = TypeVar("Answer", bound=BaseModel)


class ReportingOff(NotFound):
    """This shop has no reporting database. Turn it on: REPORTING=1 make up, or Reporting: true in the stage file."""


class ReportFailed(Unavailable):
    """The reporting database did not answer in time, or its function failed."""


class Reports:
    """Each call raises ReportingOff, ReportFailed."""

    def __init__(self, lambda_client: "LambdaClient", function: str) -> None:
        self._lambda = lambda_client
        self._function = function

    def cohorts(self, query: CohortsQuery) -> Cohorts:
        return self._ask("cohorts", query, Cohorts)

    def categories(self, query: CategoriesQuery) -> Categories:
        return self._ask("categories", query, Categories)

    def orders(self, search: OrderSearch) -> ReportedOrders:
        return self._ask("orders", search, ReportedOrders)

    def _ask(self, report: ReportName, query: BaseModel, answer: type[Answer]) -> Answer:
        if not self._function:
            raise ReportingOff
        asked = ReportRequest(report=report, query=query.model_dump(mode="json", exclude_none=True))
        try:
            invoked = self._lambda.invoke(FunctionName=self._function, Payload=asked.model_dump_json().encode())
            found = invoked["Payload"].read()
        except (ClientError, BotoCoreError) as error:
            raise ReportFailed from error
        if invoked.get("FunctionError"):
            raise ReportFailed(found.decode(errors="replace")[:500])
        return answer.model_validate_json(found)
