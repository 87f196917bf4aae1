"""Metrics that alarms watch, written into the log in CloudWatch's embedded format."""

from aws_lambda_powertools import single_metric
from aws_lambda_powertools.metrics import MetricUnit

from chalicelib.platform.settings import settings

NAMESPACE = "Storefront"


def count(name: str, value: int = 1) -> None:
    with single_metric(name=name, unit=MetricUnit.Count, value=value, namespace=NAMESPACE) as metric:
        metric.add_dimension(name="stage", value=settings().stage)
