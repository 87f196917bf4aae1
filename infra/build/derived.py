"""Derived template parts: the resources that an admin may operate, the retries of each job, the event contracts.

They follow from the other parts, so a new queue, rule, job or event needs no entry here.
"""

import json
import re
from typing import Any

from chalicelib.dead_letters.model import queue_name
from chalicelib.events.contracts import EVENT_CONTRACTS
from chalicelib.events.schemas import json_schema
from chalicelib.platform.shop import shop

Template = dict[str, Any]


def operated(template: Template) -> Template:
    """`OperatedParts`, a parameter that lists the queues and rules by name, and the API's permission for the queues
    and jobs. It is a parameter because it is too long for a function's environment."""
    queues = _queues(template)
    return {
        "OperatedParts": {
            "Type": "AWS::SSM::Parameter",
            "Properties": {
                "Name": {"Fn::Sub": "/${AWS::StackName}/operated-parts"},
                "Description": "The queues and rules that an admin may operate.",
                "Type": "String",
                "Tier": "Intelligent-Tiering",
                "Value": {"Fn::Sub": _compact({"queues": _references(queues), "rules": _rules(template)})},
            },
        },
        # Managed, because all inline policies of a role together may have 10,240 characters.
        "OperateQueues": {
            "Type": "AWS::IAM::ManagedPolicy",
            "Properties": {
                "Description": "Redrive queues and start jobs again, for operators.",
                "Roles": [{"Ref": "ApiHandlerRole"}],
                "PolicyDocument": {"Version": "2012-10-17", "Statement": _statements(queues, _jobs(template))},
            },
        },
    }


def audited(template: Template) -> Template:
    """Allow the auditor to count the messages of every dead-letter queue."""
    dead_letters = [parts["dead_letters"] for parts in _queues(template).values()]
    see = {"Effect": "Allow", "Action": "sqs:GetQueueAttributes", "Resource": _arns(dead_letters)}
    return {
        "AuditQueues": {
            "Type": "AWS::IAM::Policy",
            "Properties": {
                "PolicyName": "see-what-was-given-up",
                "Roles": [{"Ref": "AuditorRole"}],
                "PolicyDocument": {"Version": "2012-10-17", "Statement": [see]},
            },
        }
    }


def _compact(value: Any) -> str:
    """Return JSON without white space: a parameter holds 8 KB at most."""
    return json.dumps(value, separators=(",", ":"))


def in_shop_time(template: Template) -> Template:
    """Return the time zone of each schedule that names an hour: the shop's, with its clock changes."""
    schedules = _of_type(template, "AWS::Scheduler::Schedule")
    return {
        name: {"Properties": {"ScheduleExpressionTimezone": shop().time_zone}}
        for name, schedule in schedules.items()
        if schedule["Properties"]["ScheduleExpression"].startswith("cron(")
    }


def named_after_shop() -> Template:
    """Return the subjects of the user pool's emails."""
    return {
        "UserPool": {
            "Properties": {
                "VerificationMessageTemplate": {"EmailSubject": f"Your code for {shop().name}"},
                "AdminCreateUserConfig": {
                    "InviteMessageTemplate": {"EmailSubject": f"Your invitation to {shop().name}"}
                },
            }
        }
    }


def protected(template: Template) -> Template:
    """Return the deletion protection of the tables that outlive the stack."""
    return {
        name: {"Properties": {"DeletionProtectionEnabled": {"Fn::If": ["IsProtected", True, False]}}}
        for name, table in _of_type(template, "AWS::DynamoDB::Table").items()
        if "DeletionPolicy" in table
    }


def asynchronous(template: Template) -> Template:
    """Give each scheduled function the retries of its schedule. A schedule invokes asynchronously: its own retries end
    when Lambda accepts the call; Lambda then retries as often and as long, and reports to the same queue."""
    schedules = [s["Properties"]["Target"] for s in _of_type(template, "AWS::Scheduler::Schedule").values()]
    targets = {target["Arn"]["Fn::GetAtt"][0]: target for target in schedules}
    queues = [target["DeadLetterConfig"]["Arn"] for target in targets.values()]
    report = {
        "Effect": "Allow",
        "Action": "sqs:SendMessage",
        "Resource": [queue for position, queue in enumerate(queues) if queue not in queues[:position]],
    }
    policy = {
        "Type": "AWS::IAM::Policy",
        "Properties": {
            "PolicyName": "report-failed-jobs",
            "Roles": [{"Ref": f"{job}Role"} for job in targets],
            "PolicyDocument": {"Version": "2012-10-17", "Statement": [report]},
        },
    }
    return {"ReportFailedJobs": policy} | {f"{job}Attempts": _attempts(job, target) for job, target in targets.items()}


def _attempts(job: str, target: dict[str, Any]) -> dict[str, Any]:
    retry = target["RetryPolicy"]
    return {
        "Type": "AWS::Lambda::EventInvokeConfig",
        "DependsOn": "ReportFailedJobs",
        "Properties": {
            "FunctionName": {"Ref": job},
            "Qualifier": "$LATEST",
            "MaximumRetryAttempts": min(2, retry["MaximumRetryAttempts"]),
            "MaximumEventAgeInSeconds": retry.get("MaximumEventAgeInSeconds", 3600),
            "DestinationConfig": {"OnFailure": {"Destination": target["DeadLetterConfig"]["Arn"]}},
        },
    }


def schema_registry() -> Template:
    """Each event's contract where EventBridge's console and code generators look for it. EventBridge itself does not
    hold events against them; the publisher and the consumer in `chalicelib/events` do."""
    registry = {
        "EventRegistry": {
            "Type": "AWS::EventSchemas::Registry",
            "Properties": {
                "RegistryName": {"Fn::Sub": "${AWS::StackName}-events"},
                "Description": "The events of the shop; written from chalicelib/events/contracts.py.",
            },
        }
    }
    schemas = {
        f"{contract.type}V{contract.version}Schema": {
            "Type": "AWS::EventSchemas::Schema",
            "Properties": {
                "RegistryName": {"Fn::GetAtt": ["EventRegistry", "RegistryName"]},
                "SchemaName": f"{contract.source}@{contract.name}",
                "Description": contract.data.__doc__,
                "Type": "JSONSchemaDraft4",
                "Content": json.dumps(json_schema(contract)),
            },
        }
        for contract in EVENT_CONTRACTS
    }
    return registry | schemas


def _queues(template: Template) -> dict[str, dict[str, str]]:
    """By name: the logical ids of a queue and its dead letters, or of a queue that is nothing but dead letters."""
    queues = _of_type(template, "AWS::SQS::Queue")
    found = {}
    for logical_id, queue in queues.items():
        if redrive := queue.get("Properties", {}).get("RedrivePolicy"):
            dead_letters = redrive["deadLetterTargetArn"]["Fn::GetAtt"][0]
            found[queue_name(logical_id)] = {"url": logical_id, "dead_letters": dead_letters}
    taken = {queue["dead_letters"] for queue in found.values()}
    alone = [k for k, queue in queues.items() if "Alarm" in queue.get("Metadata", {}) and k not in taken]
    return found | {queue_name(logical_id): {"dead_letters": logical_id} for logical_id in alone}


def _references(queues: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    return {name: {part: f"${{{logical}}}" for part, logical in parts.items()} for name, parts in queues.items()}


def patterns(template: Template) -> dict[str, dict[str, Any]]:
    """The pattern of each rule of our bus, by the rule's logical id."""
    rules = {name: rule["Properties"] for name, rule in _of_type(template, "AWS::Events::Rule").items()}
    ours = {name: rule for name, rule in rules.items() if rule.get("EventBusName") == {"Ref": "EventBus"}}
    return {name: _pattern(rule["EventPattern"]) for name, rule in ours.items()}


def _pattern(pattern: dict[str, Any]) -> dict[str, Any]:
    """Also of one that is a text with substitutions, which can be numbers only."""
    return json.loads(re.sub(r"\$\{\w+\}", "0", pattern["Fn::Sub"])) if "Fn::Sub" in pattern else pattern


def _rules(template: Template) -> list[dict[str, Any]]:
    return [
        {"arn": f"${{{name}.Arn}}", "types": pattern["detail-type"]} for name, pattern in patterns(template).items()
    ]


def _jobs(template: Template) -> list[str]:
    """The functions that run by the clock."""
    schedules = _of_type(template, "AWS::Scheduler::Schedule").values()
    return [schedule["Properties"]["Target"]["Arn"]["Fn::GetAtt"][0] for schedule in schedules]


def _statements(queues: dict[str, dict[str, str]], jobs: list[str]) -> list[dict[str, Any]]:
    sources = [parts["url"] for parts in queues.values() if "url" in parts]
    dead_letters = [parts["dead_letters"] for parts in queues.values()]
    handle = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes"]
    return [
        {"Effect": "Allow", "Action": handle, "Resource": _arns(dead_letters)},
        {"Effect": "Allow", "Action": ["sqs:SendMessage", "sqs:GetQueueAttributes"], "Resource": _arns(sources)},
        {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": _arns(sorted(set(jobs)))},
    ]


def _of_type(template: Template, kind: str) -> Template:
    """Fragments that only add to what Chalice makes have no type."""
    return {name: resource for name, resource in template["Resources"].items() if resource.get("Type") == kind}


def _arns(logical_ids: list[str]) -> list[Template]:
    return [{"Fn::GetAtt": [logical_id, "Arn"]} for logical_id in logical_ids]
