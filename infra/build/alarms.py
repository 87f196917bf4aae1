"""Alarms: those that follow from queues, workflows, schedules, streams and rules, and what all alarms have in common.

An alarm in a fragment states what it watches, and `Metadata: {Runbook: anchor}` names its section in docs/runbooks.md.
Prices: each metric that an alarm watches costs 0.10 USD a month, so alarms that count for the whole account use the
one metric without dimensions.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Template = dict[str, Any]

ALARM = "AWS::CloudWatch::Alarm"

BACKLOG_SECONDS = 900
BACKLOG_OF = {"FulfilmentQueue": 300, "CancellationsQueue": 300, "WarehouseQueue": 3600, "ImportRowsQueue": 3600}
"""Age of the oldest message, where it is not the usual: buyers wait for orders, and a warehouse has hours."""

SLOW_PERCENT = 80
SLOW = {
    "APIHandler": None, "AuthorizePayment": "authorize_payment", "CapturePayment": "capture_payment",
    "ReconcilePayments": "reconcile_payments",
}  # fmt: skip
"""Functions that call Stripe or that a visitor waits for, by logical id, with their names in Chalice's config."""

WATCHED_RULES = ("FulfilmentRule", "CancellationsRule", "ReturnsRule", "CompletedOrdersRule", "DeadWorkflowsRule")
"""Without their events orders do not move. Each target has a dead-letter queue with an alarm too, for all rules."""


def alarms(template: Template, chalice: Path) -> Template:
    """Return all alarms of the template, complete. `chalice` is Chalice's config file."""
    fragments = of_type(template, ALARM)
    made = dict(_made(template, json.loads(chalice.read_text())))
    return {name: _complete(made.get(name) or template["Resources"][name]) for name in fragments | made}


def _made(template: Template, config: dict[str, Any]) -> Iterator[tuple[str, Template]]:
    yield from _dead_letters(template)
    yield from _failed_workflows(template)
    yield from _backlogs(template)
    yield from _late_streams(template)
    yield from _jobs(template)
    yield "FailedDeliveries", _failed_deliveries(template)
    yield "SlowFunctions", _slow(config)


def _dead_letters(template: Template) -> Iterator[tuple[str, Template]]:
    for name, queue in of_type(template, "AWS::SQS::Queue").items():
        if meaning := queue.get("Metadata", {}).get("Alarm"):
            yield (
                f"{name}Alarm",
                {
                    "Metadata": {"Runbook": "dead-letters"},
                    "Properties": {
                        "AlarmDescription": meaning,
                        "Namespace": "AWS/SQS",
                        "MetricName": "ApproximateNumberOfMessagesVisible",
                        "Dimensions": [_queue_name(name)],
                        "Statistic": "Maximum",
                    },
                },
            )


def _failed_workflows(template: Template) -> Iterator[tuple[str, Template]]:
    for name, machine in of_type(template, "AWS::StepFunctions::StateMachine").items():
        yield f"{name}Alarm", _of_workflow(name, "ExecutionsFailed", machine["Metadata"]["Alarm"])
        too_late = "An execution exceeded the time limit of its workflow."
        yield f"{name}TimedOut", _of_workflow(name, "ExecutionsTimedOut", too_late)


def _of_workflow(name: str, metric: str, description: str) -> Template:
    return {
        "Metadata": {"Runbook": "failed-workflows"},
        "Properties": {
            "AlarmDescription": description,
            "Namespace": "AWS/States",
            "MetricName": metric,
            "Dimensions": [{"Name": "StateMachineArn", "Value": {"Ref": name}}],
        },
    }


def _backlogs(template: Template) -> Iterator[tuple[str, Template]]:
    for name, queue in of_type(template, "AWS::SQS::Queue").items():
        if "RedrivePolicy" in queue.get("Properties", {}):
            yield (
                f"{name}Backlog",
                {
                    "Metadata": {"Runbook": "queue-backlog"},
                    "Properties": {
                        "AlarmDescription": f"Messages wait in {name} for longer than they should.",
                        "Namespace": "AWS/SQS",
                        "MetricName": "ApproximateAgeOfOldestMessage",
                        "Dimensions": [_queue_name(name)],
                        "Statistic": "Maximum",
                        "EvaluationPeriods": 3,
                        "Threshold": BACKLOG_OF.get(name, BACKLOG_SECONDS),
                    },
                },
            )


def _late_streams(template: Template) -> Iterator[tuple[str, Template]]:
    readers = {
        mapping["Properties"]["FunctionName"]["Fn::GetAtt"][0]
        for mapping in of_type(template, "AWS::Lambda::EventSourceMapping").values()
        if mapping["Properties"]["EventSourceArn"]["Fn::GetAtt"][1] == "StreamArn"
    }
    for function in sorted(readers):
        yield (
            f"{function}Late",
            {
                "Metadata": {"Runbook": "late-stream"},
                "Properties": {
                    "AlarmDescription": f"{function} reads records of a stream minutes after they were written.",
                    "Namespace": "AWS/Lambda",
                    "MetricName": "IteratorAge",
                    "Dimensions": [_function_name(function)],
                    "Statistic": "Maximum",
                    "Period": 300,
                    "Threshold": 300_000,
                },
            },
        )


def _jobs(template: Template) -> Iterator[tuple[str, Template]]:
    """A schedule that does not run leaves no trace but the absence of invocations."""
    for schedule in of_type(template, "AWS::Scheduler::Schedule").values():
        job = schedule["Properties"]["Target"]["Arn"]["Fn::GetAtt"][0]
        period, periods = silence(schedule["Properties"]["ScheduleExpression"])
        yield (
            f"{job}DidNotRun",
            {
                "Metadata": {"Runbook": "job-did-not-run"},
                "Properties": {
                    "AlarmDescription": f"The schedule of {job} did not run it.",
                    "Namespace": "AWS/Lambda",
                    "MetricName": "Invocations",
                    "Dimensions": [_function_name(job)],
                    "Period": period,
                    "EvaluationPeriods": periods,
                    "Threshold": 1,
                    "ComparisonOperator": "LessThanThreshold",
                    "TreatMissingData": "breaching",
                },
            },
        )


def silence(expression: str) -> tuple[int, int]:
    """Return the seconds of a period and the number of periods after which a schedule has missed its time."""
    match = re.fullmatch(r"rate\((\d+) (minute|hour|day)s?\)", expression)
    if not match:
        return 86_400, 1
    seconds = int(match[1]) * {"minute": 60, "hour": 3600, "day": 86_400}[match[2]]
    return (max(seconds, 300), 2) if seconds < 86_400 else (86_400, 1)


def _failed_deliveries(template: Template) -> Template:
    metrics = [
        _metric(f"m{place}", "AWS/Events", "FailedInvocations", _rule(name, template["Resources"][name]), "Sum")
        for place, name in enumerate(WATCHED_RULES)
    ]
    return {
        "Metadata": {"Runbook": "failed-deliveries"},
        "Properties": {
            "AlarmDescription": "EventBridge could not deliver an event about orders to its target.",
            "Metrics": [_expression("SUM(FILL(METRICS(), 0))", "failed deliveries"), *metrics],
        },
    }


def _rule(name: str, rule: Template) -> list[Template]:
    """Return the dimensions of a rule's metrics: with the bus, unless it is the account's default bus."""
    bus = rule["Properties"].get("EventBusName")
    dimensions = [{"Name": "EventBusName", "Value": bus}] if bus else []
    return [*dimensions, {"Name": "RuleName", "Value": rule_name(name, rule)}]


def rule_name(name: str, rule: Template) -> Template:
    """Return a rule's name. `Ref` of a rule on a bus of its own is `bus|rule`, and its ARN ends in `rule/bus/rule`."""
    if "EventBusName" not in rule["Properties"]:
        return {"Ref": name}
    return {"Fn::Select": [2, {"Fn::Split": ["/", {"Fn::GetAtt": [name, "Arn"]}]}]}


def _slow(config: dict[str, Any]) -> Template:
    limits = {
        logical: config["lambda_functions"][name]["lambda_timeout"] if name else config["lambda_timeout"]
        for logical, name in SLOW.items()
    }
    metrics = [
        _metric(f"m{place}", "AWS/Lambda", "Duration", [_function_name(name)], "Maximum")
        for place, name in enumerate(limits)
    ]
    shares = ", ".join(f"FILL(m{place}, 0) / {10 * seconds}" for place, seconds in enumerate(limits.values()))
    return {
        "Metadata": {"Runbook": "slow-functions"},
        "Properties": {
            "AlarmDescription": "A function needed almost all of its time limit.",
            "Metrics": [_expression(f"MAX([{shares}])", "percent of the time limit"), *metrics],
            "EvaluationPeriods": 3,
            "Threshold": SLOW_PERCENT,
        },
    }


def _metric(key: str, namespace: str, name: str, dimensions: list[Template], statistic: str) -> Template:
    metric = {"Namespace": namespace, "MetricName": name, "Dimensions": dimensions}
    return {"Id": key, "ReturnData": False, "MetricStat": {"Metric": metric, "Period": 300, "Stat": statistic}}


def _expression(text: str, label: str) -> Template:
    return {"Id": "result", "Expression": text, "Label": label, "ReturnData": True}


def _queue_name(name: str) -> Template:
    return {"Name": "QueueName", "Value": {"Fn::GetAtt": [name, "QueueName"]}}


def _function_name(name: str) -> Template:
    return {"Name": "FunctionName", "Value": {"Ref": name}}


def _complete(alarm: Template) -> Template:
    """Return an alarm with what all have in common: one datapoint above zero, the topic and the link to its section."""
    given = alarm["Properties"]
    common = {"EvaluationPeriods": 1, "Threshold": 0, "ComparisonOperator": "GreaterThanThreshold"}
    # A metric that is absent is a zero that AWS did not write.
    common |= {"TreatMissingData": "notBreaching", "AlarmActions": [{"Ref": "AlarmTopic"}]}
    if "Metrics" not in given:
        common |= {"Period": 60} | ({} if "ExtendedStatistic" in given else {"Statistic": "Sum"})
    link = f"{given['AlarmDescription']} ${{RunbooksUrl}}#{alarm['Metadata']['Runbook']}"
    return {"Type": ALARM, "Properties": common | given | {"AlarmDescription": {"Fn::Sub": link}}}


def of_type(template: Template, kind: str) -> Template:
    """Return the resources of a type. Fragments that only add to what Chalice makes have no type."""
    return {name: resource for name, resource in template["Resources"].items() if resource.get("Type") == kind}
