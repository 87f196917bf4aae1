"""Rule targets: an EventBridge rule delivers only where the target exists and its policy allows it.

A topic's policy must do so without a `Condition`. Undeliverable events go to the dead-letter queue without retries.
A schedule needs the permission in its own role instead; a call that its role does not allow is dropped.

Errors of a target that AWS would retry do not occur here: the emulator's targets are never throttled or unreachable.
"""

import json
import time
from typing import Any

from infra.local.strict.rule import Rule

SERVICE = "events.amazonaws.com"
ACTIONS = {"sqs": "sqs:SendMessage", "sns": "sns:Publish", "lambda": "lambda:InvokeFunction"}


def install() -> None:
    from ministack.services import cloudwatch, eventbridge

    invoke = eventbridge._invoke_target

    def invoke_target(target: dict[str, Any], event: Any, rule: dict[str, Any], view: Any = None) -> None:
        if ":scheduler:" in rule["Arn"]:
            if _role_allows(target["RoleArn"], target["Arn"]):
                invoke(target, event, rule, view)
            return
        problem = _problem(target.get("Arn", ""), rule["Arn"])
        if problem is None:
            invoke(target, event, rule, view)
            return
        counted = ["FailedInvocations"]
        if queue := (target.get("DeadLetterConfig") or {}).get("Arn"):
            view = view or eventbridge._pattern_event_view(event)
            kept = _problem(queue, rule["Arn"]) is None
            counted.append("InvocationsSentToDlq" if kept else "InvocationsFailedToBeSentToDlq")
            if kept:
                _keep(queue, json.dumps(view.event_with_detail()), target["Arn"], rule["Arn"], *problem)
        for metric in counted:
            cloudwatch.record_metric("AWS/Events", metric, 1, "Count", {"RuleName": rule["Name"]})

    eventbridge._invoke_target = invoke_target


def _problem(target: str, rule: str) -> tuple[str, str] | None:
    """Return the code and the message of what forbids a delivery to this ARN, or None."""
    from ministack.services import lambda_svc, sns, sqs

    policies = {
        "sqs": sqs.queue_policy_for_arn,
        "sns": sns.topic_policy_for_arn,
        "lambda": lambda_svc.function_policy_for_arn,
    }
    service = target.split(":")[2] if target.startswith("arn:") else ""
    if service not in policies:
        return None
    found = policies[service](target)
    if found is None:
        return "NO_RESOURCE", "The resource does not exist."
    policy = json.loads(found[0]) if isinstance(found[0], str) and found[0] else found[0] or {}
    if _allows(policy, service, target, rule):
        return None
    return "NO_PERMISSIONS", f"The policy of the target does not allow {ACTIONS[service]}."


def _allows(policy: dict[str, Any], service: str, target: str, rule: str) -> bool:
    from ministack.core.iam_evaluator import EvalContext, evaluate_resource_policy
    from ministack.core.responses import get_account_id, get_region

    statements = policy.get("Statement", [])
    if service == "sns":
        statements = [each for each in statements if not each.get("Condition")]
    context = EvalContext(
        principal_arn="*",
        principal_type="Service",
        principal_account="",
        action=ACTIONS[service],
        resource_arn=target,
        region=get_region(),
        service_context={"aws:sourcearn": rule, "aws:sourceaccount": get_account_id()},
    )
    return evaluate_resource_policy({"Statement": statements}, context, service=SERVICE).decision == "Allow"


def _role_allows(role: str, target: str) -> bool:
    from ministack.core.iam_evaluator import EvalContext, _gather_role_policies, evaluate
    from ministack.core.responses import get_account_id, get_region

    account = get_account_id()
    service = target.split(":")[2]
    context = EvalContext(
        principal_arn=role,
        principal_type="AssumedRole",
        principal_account=account,
        action=ACTIONS[service],
        resource_arn=target,
        region=get_region(),
    )
    return evaluate(context, _gather_role_policies(role.rpartition("/")[2], account)).decision == "Allow"


def _keep(queue: str, event: str, target: str, rule: str, code: str, text: str) -> None:
    """Send the event to the dead-letter queue, with the attributes that EventBridge adds."""
    from ministack.core.responses import new_uuid
    from ministack.services import sqs

    attributes = {"RULE_ARN": rule, "TARGET_ARN": target, "ERROR_CODE": code, "ERROR_MESSAGE": text}
    now = time.time()
    message = {
        "id": new_uuid(),
        "body": event,
        "receipt_handle": None,
        "sent_at": now,
        "visible_at": now,
        "receive_count": 0,
        "attributes": {},
        "message_attributes": {
            name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
        },
        "sys": {"SenderId": "AROAEXAMPLE", "SentTimestamp": str(int(now * 1000))},
    }
    sqs._ensure_msg_fields(message)
    sqs._queue_by_arn(queue)["messages"].append(message)


RULE = Rule(
    "rule_targets",
    "Amazon EventBridge user guide: 'Using resource-based policies', 'Troubleshooting Amazon EventBridge' (policies of "
    "topics with a Condition), 'Using dead-letter queues to process undelivered events'; "
    "Amazon EventBridge Scheduler user guide: 'Setting up the execution role'",
    install,
)
