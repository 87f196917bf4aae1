"""Alarms on metrics of our own watch what the code emits: CloudWatch adds nothing up over other dimensions."""

import json

import pytest

from chalicelib.platform import metrics
from tests.template.template import of_type

ALARM = "AWS::CloudWatch::Alarm"


@pytest.fixture
def own_alarms(template):
    return [alarm for alarm in of_type(template, ALARM).values() if alarm.get("Namespace") == metrics.NAMESPACE]


@pytest.fixture
def emitted(template, monkeypatch, capsys):
    """What a metric of ours looks like when a function of this template writes it."""
    variables = template["Globals"]["Function"]["Environment"]["Variables"]
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", variables["POWERTOOLS_SERVICE_NAME"])
    monkeypatch.setattr(metrics, "settings", lambda: type("Settings", (), {"stage": "the-stage"}))
    metrics.count("Anything")
    return json.loads(capsys.readouterr().out)


def test_alarm_watches_the_dimensions_that_the_code_emits(own_alarms, emitted):
    [dimensions] = emitted["_aws"]["CloudWatchMetrics"][0]["Dimensions"]
    expected = {name: emitted[name] for name in dimensions}
    for alarm in own_alarms:
        watched = {each["Name"]: each["Value"] for each in alarm["Dimensions"]}
        assert {**watched, "stage": "the-stage"} == expected, alarm["MetricName"]
        assert watched["stage"] == {"Ref": "Stage"}


def test_money_that_is_lost_or_did_not_arrive_raises_an_alarm(own_alarms):
    watched = {alarm["MetricName"] for alarm in own_alarms}
    assert watched >= {"LedgerMismatch", "PaymentDisputed", "PaymentDisputeLost", "PaymentRefundFailed"}
