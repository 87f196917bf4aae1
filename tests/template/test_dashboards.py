"""Dashboards and budget: every metric on a dashboard exists, and the free tier covers them."""

import json
import re

import pytest

from infra.build.edge import EDGE
from infra.build.template import read

from .metrics import is_published
from .physical import Physical
from .template import of_type

ALARM = "AWS::CloudWatch::Alarm"
FREE_METRICS = 50
"""Per dashboard, for three dashboards: https://aws.amazon.com/cloudwatch/pricing/"""
BODY_LIMIT = 1_000_000
SEARCHED = re.compile(r"SEARCH\('\{([\w/]+),(\w+)\} MetricName=\"(\w+)\" FunctionName=storefront-\w+', '\w+', \d+\)")


@pytest.fixture
def bodies(template, stage):
    """The dashboards as CloudFormation creates them, by name."""
    physical = Physical(template, stage)
    boards = of_type(template, "AWS::CloudWatch::Dashboard").values()
    return {physical.resolved(each["DashboardName"]): physical.resolved(each["DashboardBody"]) for each in boards}


def metrics_of(body):
    """Each metric: namespace, name and dimensions with their values."""
    for widget in json.loads(body)["widgets"]:
        for metric in widget["properties"]["metrics"]:
            if isinstance(metric[0], dict):
                namespace, dimension, name = SEARCHED.fullmatch(metric[0]["expression"]).groups()
                yield namespace, name, {dimension: "searched"}
            else:
                namespace, name, *rest = [each for each in metric if isinstance(each, str)]
                yield namespace, name, dict(zip(rest[::2], rest[1::2], strict=True))


def test_dashboards_are_one_for_business_and_one_technical(bodies, stage):
    assert set(bodies) == {f"storefront-{stage}-business", f"storefront-{stage}-technical"}


def test_metric_of_a_dashboard_exists(bodies):
    for body in bodies.values():
        found = list(metrics_of(body))
        assert len(found) > 15
        assert [metric for metric in found if not is_published(metric[0], metric[1], list(metric[2]))] == []


def test_metric_of_an_alarm_exists(template):
    edge = of_type(read(EDGE / "template.yaml"), ALARM)
    for name, alarm in (of_type(template, ALARM) | edge).items():
        stats = [each["MetricStat"]["Metric"] for each in alarm.get("Metrics", []) if "MetricStat" in each] or [alarm]
        for each in stats:
            dimensions = [dimension["Name"] for dimension in each.get("Dimensions", [])]
            assert is_published(each["Namespace"], each["MetricName"], dimensions), (name, each)


def test_dimension_values_are_resources_of_the_template(template, stage, bodies):
    """A value with a `$` was not filled in, and one that names no resource shows an empty graph."""
    physical = Physical(template, stage)
    known = {physical.physical_name(name) for name in template["Resources"]} | {stage, "api", "storefront", "searched"}
    known |= {physical.stack, *(physical.named(name) for name in of_type(template, "AWS::StepFunctions::StateMachine"))}
    for body in bodies.values():
        assert "${" not in body
        for _, _, dimensions in metrics_of(body):
            assert {value for value in dimensions.values() if value not in known} <= {physical.named("Stage")}


def test_dashboards_fit_into_the_free_tier_and_the_grid(bodies):
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html"""
    for name, body in bodies.items():
        assert len(body) <= BODY_LIMIT, name
        assert len(list(metrics_of(body))) <= FREE_METRICS, name
        places = [(widget["x"], widget["y"]) for widget in json.loads(body)["widgets"]]
        assert len(set(places)) == len(places) and max(x for x, _ in places) + 8 <= 24, name


def test_budget_warns_the_owner_before_and_after_it_is_spent(template):
    [budget] = [each for each in template["Resources"].values() if each["Type"] == "AWS::Budgets::Budget"]
    assert budget["Condition"] == "HasAlarmEmail"
    limit = budget["Properties"]["Budget"]["BudgetLimit"]
    assert limit == {"Amount": {"Ref": "MonthlyBudget"}, "Unit": "USD"}
    notices = budget["Properties"]["NotificationsWithSubscribers"]
    assert {each["Notification"]["NotificationType"] for each in notices} == {"ACTUAL", "FORECASTED"}
    assert all(each["Subscribers"][0]["Address"] == {"Ref": "AlarmEmail"} for each in notices)
