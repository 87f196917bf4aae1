"""Alarms: they watch metrics that exist, reach a person, and have a section in the runbooks."""

import json
import re

import pytest

from chalicelib.platform import metrics
from infra.build.alarms import silence
from infra.build.edge import EDGE
from infra.build.template import ROOT, read

from .template import FUNCTION, QUEUE, of_type, queue_subscriptions, referred

ALARM = "AWS::CloudWatch::Alarm"
RUNBOOKS = (ROOT / "docs" / "runbooks.md").read_text()
SECTION = re.compile(r"^## ([\w-]+)$", re.MULTILINE)
PRICE = re.compile(r"A stage watches (\d+) metrics: ([\d.]+) USD a month")


@pytest.fixture
def alarms(template):
    return of_type(template, ALARM)


@pytest.fixture
def own_alarms(alarms):
    return [alarm for alarm in alarms.values() if alarm.get("Namespace") == metrics.NAMESPACE]


@pytest.fixture
def emitted(template, monkeypatch, capsys):
    """What a metric of ours looks like when a function of this template writes it."""
    variables = template["Globals"]["Function"]["Environment"]["Variables"]
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", variables["POWERTOOLS_SERVICE_NAME"])
    monkeypatch.setattr(metrics, "settings", lambda: type("Settings", (), {"stage": "the-stage"}))
    metrics.count("Anything")
    return json.loads(capsys.readouterr().out)


def watched(alarm):
    """Each metric of an alarm: namespace, name and dimensions."""
    stats = [each["MetricStat"]["Metric"] for each in alarm.get("Metrics", []) if "MetricStat" in each]
    return [(each["Namespace"], each["MetricName"], each.get("Dimensions", [])) for each in stats or [alarm]]


def targets(alarms, metric):
    """The logical ids of what is watched by this metric."""
    found = set()
    for alarm in alarms.values():
        for _, name, dimensions in watched(alarm):
            if name == metric:
                values = [each["Value"] for each in dimensions if isinstance(each["Value"], dict)]
                values = [value.get("Fn::If", [value])[-1] for value in values]
                found |= {value.get("Ref") or value["Fn::GetAtt"][0] for value in values}
    return found


def test_alarm_watches_the_dimensions_that_the_code_emits(own_alarms, emitted):
    """CloudWatch adds nothing up over other dimensions:
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html, dimension combinations."""
    assert len(own_alarms) >= 5
    [dimensions] = emitted["_aws"]["CloudWatchMetrics"][0]["Dimensions"]
    expected = {name: emitted[name] for name in dimensions}
    for alarm in own_alarms:
        seen = {each["Name"]: each["Value"] for each in alarm["Dimensions"]}
        assert {**seen, "stage": "the-stage"} == expected, alarm["MetricName"]
        assert seen["stage"] == {"Ref": "Stage"}
        assert alarm.get("Unit", "Count") == emitted["_aws"]["CloudWatchMetrics"][0]["Metrics"][0]["Unit"]


def test_money_that_is_lost_or_did_not_arrive_raises_an_alarm(own_alarms):
    names = {alarm["MetricName"] for alarm in own_alarms}
    assert names >= {"LedgerMismatch", "PaymentDisputed", "PaymentDisputeLost", "PaymentRefundFailed"}


def test_alarms_notify_the_topic_that_people_subscribe_to(template, alarms):
    for name, alarm in alarms.items():
        assert alarm["AlarmActions"] == [{"Ref": "AlarmTopic"}], name
    subscription = template["Resources"]["AlarmSubscription"]
    assert subscription["Condition"] == "HasAlarmEmail"
    assert subscription["Properties"]["Endpoint"] == {"Ref": "AlarmEmail"}
    assert subscription["Properties"]["TopicArn"] == {"Ref": "AlarmTopic"}
    assert template["Outputs"]["AlarmTopicArn"]["Value"] == {"Ref": "AlarmTopic"}


def test_alarms_and_sections_of_the_runbooks_match(alarms):
    linked = {}
    edge = of_type(read(EDGE / "template.yaml"), ALARM)
    for name, alarm in (alarms | edge).items():
        text = alarm["AlarmDescription"]["Fn::Sub"]
        assert len(text) < 900, "AlarmDescription has 1,024 characters at most"
        linked[name] = re.fullmatch(r".*\. \$\{RunbooksUrl\}#([\w-]+)", text)[1]
    assert set(linked.values()) == set(SECTION.findall(RUNBOOKS))


def test_runbooks_name_each_alarm_that_shares_a_section(alarms):
    """The alarms of queues, jobs and streams follow a pattern that their section states."""
    patterns = ("Backlog", "DidNotRun")
    shared = [name for name in alarms if name.endswith(("DeadLettersAlarm", "QueueAlarm", "Late"))]
    assert [name for name in shared if f"`{name}`" not in RUNBOOKS] == []
    assert all(f"`<{kind}>{pattern}`" in RUNBOOKS for kind, pattern in zip(("Queue", "Job"), patterns, strict=True))


def test_runbook_sections_explain_the_meaning_the_checks_and_the_repair():
    for section in re.split(r"^## ", RUNBOOKS, flags=re.MULTILINE)[1:]:
        positions = [section.find(part) for part in ("**Means.**", "**Look.**", "**Do.**")]
        assert -1 not in positions and positions == sorted(positions), section.splitlines()[0]


def test_runbooks_state_the_price_of_all_alarms(alarms, stage):
    """0.10 USD per metric: https://aws.amazon.com/cloudwatch/pricing/, standard resolution alarms."""
    # A stage has either those of the REST API or those of the HTTP API, which are as many.
    count = sum(len(watched(alarm)) for name, alarm in alarms.items() if not name.startswith("HttpApi"))
    assert count <= 87
    stated = PRICE.search(RUNBOOKS)
    assert (int(stated[1]), float(stated[2])) == (count, round(count * 0.10, 2))


def test_metric_math_stays_within_its_limits(alarms):
    """Ten metrics, one result, and no SEARCH:
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Create-alarm-on-metric-math-expression.html"""
    for name, alarm in alarms.items():
        if "Metrics" in alarm:
            assert len(watched(alarm)) <= 10, name
            assert sum(each.get("ReturnData", True) for each in alarm["Metrics"]) == 1, name
            assert "SEARCH" not in json.dumps(alarm["Metrics"]), name
            assert not {"Namespace", "MetricName", "Period", "Statistic"} & set(alarm), name


def test_evaluation_range_of_each_alarm_is_accepted(alarms):
    """A day, or a week for periods of an hour and more:
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html, EvaluationPeriods."""
    for name, alarm in alarms.items():
        periods = {each["MetricStat"]["Period"] for each in alarm.get("Metrics", []) if "MetricStat" in each}
        [period] = periods or {alarm["Period"]}
        assert period % 60 == 0, name
        assert period * alarm["EvaluationPeriods"] <= (604_800 if period >= 3600 else 86_400), name


def test_queue_workflow_stream_and_schedule_is_watched(template, alarms):
    queues = of_type(template, QUEUE)
    assert targets(alarms, "ApproximateAgeOfOldestMessage") == {n for n, q in queues.items() if "RedrivePolicy" in q}
    machines = of_type(template, "AWS::StepFunctions::StateMachine")
    assert targets(alarms, "ExecutionsFailed") == targets(alarms, "ExecutionsTimedOut") == set(machines)
    mappings = of_type(template, "AWS::Lambda::EventSourceMapping").values()
    readers = {referred(each["FunctionName"]) for each in mappings if referred(each["EventSourceArn"]) not in queues}
    assert targets(alarms, "IteratorAge") == readers == {"RelayEvents", "PushUpdates"}
    schedules = of_type(template, "AWS::Scheduler::Schedule").values()
    jobs = {referred(schedule["Target"]["Arn"]) for schedule in schedules}
    silent = {name: alarm for name, alarm in alarms.items() if alarm.get("TreatMissingData") == "breaching"}
    assert targets(silent, "Invocations") == jobs
    assert targets(alarms, "Duration") <= set(of_type(template, FUNCTION))


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("rate(1 minute)", (300, 2)),
        ("rate(5 minutes)", (300, 2)),
        ("rate(1 hour)", (3600, 2)),
        ("cron(45 4 * * ? *)", (86_400, 1)),
    ],
)
def test_silence_of_a_schedule_is_noticed_after_its_second_run_is_missing(schedule, expected):
    assert silence(schedule) == expected


def test_slow_functions_are_measured_against_their_own_time_limits(template, alarms):
    """SlowFunctions divides milliseconds by a hundredth of each function's timeout."""
    metrics_of = alarms["SlowFunctions"]["Metrics"]
    divisors = [int(each) for each in re.findall(r"/ (\d+)", metrics_of[0]["Expression"])]
    names = [each["MetricStat"]["Metric"]["Dimensions"][0]["Value"]["Ref"] for each in metrics_of[1:]]
    assert divisors == [10 * of_type(template, FUNCTION)[name]["Timeout"] for name in names]


def test_api_metrics_are_those_of_this_stage(template, alarms):
    """API Gateway keys REST metrics by the API's name, and Chalice gives the same name in every stage:
    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-metrics-and-dimensions.html"""
    api = template["Resources"]["RestAPI"]["Properties"]
    name = {"Ref": "AWS::StackName"}
    assert (api["Name"], api["DefinitionBody"]["info"]["title"]) == (name, name)
    for alarm in ("ApiErrors", "ApiLatency"):
        dimensions = {each["Name"]: each["Value"] for each in alarms[alarm]["Dimensions"]}
        assert dimensions == {"ApiName": name, "Stage": api["StageName"]}


def test_dead_letters_raise_the_alarm(template, alarms):
    queues = of_type(template, QUEUE)
    dead_letters = {
        referred(q["RedrivePolicy"]["deadLetterTargetArn"]) for q in queues.values() if "RedrivePolicy" in q
    }
    for rule in of_type(template, "AWS::Events::Rule").values():
        dead_letters |= {referred(target["DeadLetterConfig"]["Arn"]) for target in rule["Targets"]}
    for mapping in of_type(template, "AWS::Lambda::EventSourceMapping").values():
        if "DestinationConfig" in mapping:
            dead_letters.add(referred(mapping["DestinationConfig"]["OnFailure"]["Destination"]))
    for subscription in queue_subscriptions(template).values():
        dead_letters.add(referred(subscription["RedrivePolicy"]["deadLetterTargetArn"]))
    for schedule in of_type(template, "AWS::Scheduler::Schedule").values():
        dead_letters.add(referred(schedule["Target"]["DeadLetterConfig"]["Arn"]))
    listed_for_people = template["Outputs"]["DeadLetterQueueUrls"]["Value"]["Fn::Join"][1]
    depths = targets(alarms, "ApproximateNumberOfMessagesVisible")
    assert depths == dead_letters | {"ParkedOrdersQueue"} == {url["Ref"] for url in listed_for_people}
