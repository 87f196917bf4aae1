"""Authorization in the AWS emulator (MiniStack): checks calls against the resources that AWS checks, and records them.

The emulator checks some calls against `*`, or under an action of its own. With these corrected, the template's roles
are enforced unchanged, and a policy that is too narrow fails as it would on AWS.
"""

import json
import os
import re
from contextvars import ContextVar
from email.utils import parseaddr
from typing import Any
from urllib.parse import parse_qs

RECORD = "RECORD_CALLS"
"""Environment variable with the path of a file, to which each distinct call of a role is appended as JSON."""

also: ContextVar[str | None] = ContextVar("also", default=None)
"""The second resource of the current call, which needs the permission too."""

BATCHES = {
    "sqs:SendMessageBatch": "sqs:SendMessage",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
}


def name_as_aws_does() -> None:
    """Correct the resources of emails, stacks, logs, task tokens and replays, and the actions of message batches."""
    machines: dict[str, str] = {}
    _record_machines(machines)
    _name_actions(machines)
    _name_resources(machines)
    _name_replays()


def _record_machines(machines: dict[str, str]) -> None:
    """Record the state machine of each task token when its step receives it."""
    from ministack.services import stepfunctions

    arguments_of = stepfunctions._apply_jsonata_arguments

    def arguments(state: Any, raw: Any, context: dict[str, Any]) -> Any:
        given = arguments_of(state, raw, context)
        if token := context.get("Task", {}).get("Token"):
            machines[token] = context["StateMachine"]["Id"]
        return given

    stepfunctions._apply_jsonata_arguments = arguments


def _name_actions(machines: dict[str, str]) -> None:
    from ministack.core import iam_actions

    action_of = iam_actions.extract_iam_action

    def action(service: str, method: str, path: str, headers: Any, body: bytes, query: Any) -> str | None:
        """Return None, which is not checked, for an unknown task token: the call is refused anyway."""
        original = action_of(service, method, path, headers, body, query)
        if original and original.startswith("states:SendTask") and _field(body, "taskToken") not in machines:
            return None
        return BATCHES.get(original or "", original)

    iam_actions.extract_iam_action = action


def _name_resources(machines: dict[str, str]) -> None:
    from ministack.core import iam_actions

    resource_of = iam_actions.extract_resource_arn

    def resource(service: str, method: str, path: str, headers: Any, body: bytes, query: Any, *place: str) -> str:
        named: str | None = None
        match service:
            case "ses":
                named = _identity(body, *place)
            case "cloudformation":
                named = _stack(body, *place)
            case "logs":
                named = _log_group(headers, body, *place)
            case "states" if token := _field(body, "taskToken"):
                return machines[token]
        return named or resource_of(service, method, path, headers, body, query, *place)

    iam_actions.extract_resource_arn = resource


def _name_replays() -> None:
    from ministack.core import iam_actions

    buses_of = iam_actions.eventbridge_resource_arns

    def events_resources(body: bytes, region: str, account: str) -> list[str]:
        replay = _field(body, "ReplayName")
        if not replay:
            return buses_of(body, region, account)
        named = f"arn:aws:events:{region}:{account}:replay/{replay}"
        destination = json.loads(body).get("Destination", {}).get("Arn")
        return [arn for arn in (_field(body, "EventSourceArn"), destination, named) if arn]

    iam_actions.eventbridge_resource_arns = events_resources


def check_second_resource() -> None:
    """Check an email's configuration set besides its identity ("Actions, resources, and condition keys for Amazon
    Simple Email Service v2", service authorization reference)."""
    from ministack.core import iam_evaluator

    enforce = iam_evaluator.enforce

    def both(
        key: str, action: str, service: str, region: str, resource_arn: str = "*", service_context: Any = None
    ) -> Any:
        second = also.get()
        also.set(None)
        refusal = enforce(key, action, service, region, resource_arn, service_context)
        if refusal is None and second:
            return iam_evaluator.enforce(key, action, service, region, second, service_context)
        return refusal

    iam_evaluator.enforce = both


def record(path: str) -> None:
    """Append `[role, action, resource, allowed]` to the file for each new call."""
    from ministack.core import iam_evaluator
    from ministack.core.responses import get_account_id

    enforce = iam_evaluator.enforce
    known: set[tuple[str, str, str, bool]] = set()

    def recorded(
        key: str, action: str, service: str, region: str, resource_arn: str = "*", service_context: Any = None
    ) -> Any:
        refusal = enforce(key, action, service, region, resource_arn, service_context)
        call = (key, action, resource_arn, refusal is None)
        if call not in known:
            known.add(call)
            caller = iam_evaluator.resolve_principal(key or "", get_account_id())
            if role := _role(getattr(caller, "arn", "")):
                with open(path, "a") as file:
                    file.write(json.dumps([role, *call[1:]]) + "\n")
        return refusal

    iam_evaluator.enforce = recorded


def install() -> None:
    """Apply the corrections, and start recording if RECORD_CALLS is set."""
    name_as_aws_does()
    check_second_resource()
    if path := os.environ.get(RECORD):
        record(path)


def _identity(body: bytes, region: str, account: str) -> str | None:
    """Return the identity that an email is sent from, and note its configuration set as the second resource."""
    sender = _field(body, "FromEmailAddress")
    if not sender:
        return None
    if settings := _field(body, "ConfigurationSetName"):
        also.set(f"arn:aws:ses:{region}:{account}:configuration-set/{settings}")
    return f"arn:aws:ses:{region}:{account}:identity/{parseaddr(sender)[1]}"


def _stack(body: bytes, region: str, account: str) -> str | None:
    """Return the stack as AWS checks it: its id, or for a name every stack of that name.

    Source: Service Authorization Reference, "Actions, resources, and condition keys for AWS CloudFormation".
    """
    name = parse_qs(body.decode()).get("StackName", [""])[0]
    if not name or name.startswith("arn:"):
        return name or None
    return f"arn:aws:cloudformation:{region}:{account}:stack/{name}/*"


def _log_group(headers: Any, body: bytes, region: str, account: str) -> str | None:
    """Return the log group that a query (the first of several groups) or a listing is checked against.

    AWS checks log groups with a suffix for log streams, and a listing against a group without name, also with a
    prefix: Amazon CloudWatch Logs user guide, "Identity and access management for Amazon CloudWatch Logs".
    """
    match headers.get("x-amz-target", "").rpartition(".")[2]:
        case "DescribeLogGroups":
            name = ""
        case "StartQuery":
            query = json.loads(body)
            name = query.get("logGroupName") or next(iter(query.get("logGroupNames", [])), "null")
        case "FilterLogEvents":
            name = _field(body, "logGroupName")
        case _:
            return None
    return f"arn:aws:logs:{region}:{account}:log-group:{name}:log-stream:"


def _field(body: bytes, field: str) -> str:
    """Return a text field of a JSON body, or an empty text."""
    try:
        content = json.loads(body or b"{}")
    except ValueError:
        return ""
    value = content.get(field) if isinstance(content, dict) else None
    return value if isinstance(value, str) else ""


def _role(principal_arn: str) -> str | None:
    """Return `TheRole` of `arn:aws:sts::000000000000:assumed-role/TheRole/session`, or None if it is no role."""
    found = re.search(r":assumed-role/([^/]+)/", principal_arn)
    return found[1] if found else None
