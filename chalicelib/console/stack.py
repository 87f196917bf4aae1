"""Stack reader: the deployed template and resource names from CloudFormation, and recent metrics from CloudWatch."""

import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from chalicelib.console.system import Component, Map, drawn
from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.shared_answers import SharedAnswers

if TYPE_CHECKING:
    from types_boto3_cloudformation.client import CloudFormationClient
    from types_boto3_cloudwatch.client import CloudWatchClient
    from types_boto3_cloudwatch.type_defs import DimensionTypeDef, MetricDataQueryTypeDef, MetricTypeDef

KEPT_SECONDS = 300
WINDOW = timedelta(minutes=5)
"""The span over which invocations are counted. CloudWatch counts by whole minutes."""
COUNTED_EVERY = timedelta(minutes=1)
"""How long all viewers share one count.

CloudWatch charges 0.01 USD per 1,000 metrics requested. Two metrics of 40 functions in one call a minute, 43,200 calls
a month, cost at most 35 USD a month, however many viewers there are. Without the cache, one viewer who asks every four
seconds costs 520 USD.
"""
RUNNING_AT_MOST = 100
"""The most running executions that are counted; each hundred takes another call."""


class Invocations(BaseModel):
    invocations: int
    errors: int


class Counts(BaseModel):
    functions: dict[str, Invocations]


class Activity(BaseModel):
    """By part id: running executions, up to RUNNING_AT_MOST, and recent invocations."""

    window_minutes: int
    running: dict[str, int]
    functions: dict[str, Invocations]


class Stack:
    def __init__(self, cloudformation: "CloudFormationClient", name: str) -> None:
        self._cloudformation = cloudformation
        self._name = name
        self._map: Map | None = None
        self._read_at = 0.0

    def map(self) -> Map:
        """Return the map; it is cached for five minutes."""
        if self._map is None or time.time() > self._read_at + KEPT_SECONDS:
            answer = self._cloudformation.get_template(StackName=self._name, TemplateStage="Original")
            self._map = drawn(answer["TemplateBody"], self._names())
            self._read_at = time.time()
        return self._map

    def _names(self) -> dict[str, str]:
        pages = self._cloudformation.get_paginator("list_stack_resources").paginate(StackName=self._name)
        found = [resource for page in pages for resource in page["StackResourceSummaries"]]
        return {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in found if "PhysicalResourceId" in each}


class Meters:
    def __init__(self, cloudwatch: "CloudWatchClient", clock: Callable[[], datetime], shared: SharedAnswers) -> None:
        self._cloudwatch = cloudwatch
        self._clock = clock
        self._shared = shared

    def invocations(self, functions: list[Component]) -> dict[str, Invocations]:
        """Return recent invocations by function, at most two periods of COUNTED_EVERY old. Raises AnswerPending."""
        return self._shared.current("invocations", lambda: self._counted(functions), Counts).functions

    def _counted(self, functions: list[Component]) -> Counts:
        """One call serves up to 250 functions."""
        queries = [query for number, part in enumerate(functions) for query in _queries(number, part)]
        end = self._clock()
        answer = self._cloudwatch.get_metric_data(MetricDataQueries=queries, StartTime=end - WINDOW, EndTime=end)
        sums = {result["Id"]: int(sum(result["Values"])) for result in answer["MetricDataResults"]}
        return Counts(
            functions={
                part.id: Invocations(invocations=sums.get(f"i{number}", 0), errors=sums.get(f"e{number}", 0))
                for number, part in enumerate(functions)
            }
        )


def _queries(number: int, function: Component) -> Iterator["MetricDataQueryTypeDef"]:
    for prefix, metric in (("i", "Invocations"), ("e", "Errors")):
        dimensions: list[DimensionTypeDef] = [{"Name": "FunctionName", "Value": function.name}]
        described: MetricTypeDef = {"Namespace": "AWS/Lambda", "MetricName": metric, "Dimensions": dimensions}
        yield {"Id": f"{prefix}{number}", "MetricStat": {"Metric": described, "Period": 60, "Stat": "Sum"}}
