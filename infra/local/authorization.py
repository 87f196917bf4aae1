"""What the engine asks permission for: by the names that AWS uses, and written down if somebody wants to know.

The engine checks some calls against `*`, or under a name of its own, where AWS knows better. With those mended
the roles of the template hold as they are, and a policy that is too narrow fails here as it would there.
"""

import json
import os
import re
from email.utils import parseaddr
from typing import Any

RECORD = "RECORD_CALLS"
"""The setting that names a file: each different call of a role goes there once, as a line of JSON."""

BATCHES = {
    "sqs:SendMessageBatch": "sqs:SendMessage",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
}


def name_as_aws_does() -> None:
    """Identities of emails, state machines of task tokens, all that a replay touches, batches of messages."""
    from ministack.core import iam_actions
    from ministack.services import stepfunctions

    machines: dict[str, str] = {}
    arguments_of = stepfunctions._apply_jsonata_arguments
    action_of, resource_of, buses_of = (
        iam_actions.extract_iam_action,
        iam_actions.extract_resource_arn,
        iam_actions.eventbridge_resource_arns,
    )

    def arguments(state: Any, given: Any, context: dict[str, Any]) -> Any:
        """Here a step that waits has got its token, and it is still known whose step it is."""
        if token := context.get("Task", {}).get("Token"):
            machines[token] = context["StateMachine"]["Id"]
        return arguments_of(state, given, context)

    def action(service: str, method: str, path: str, headers: Any, body: bytes, query: Any) -> str | None:
        """None is not checked: a token that nobody knows is refused as unknown, whoever brings it."""
        asked = action_of(service, method, path, headers, body, query)
        if asked and asked.startswith("states:SendTask") and _told(body, "taskToken") not in machines:
            return None
        return BATCHES.get(asked or "", asked)

    def resource(service: str, method: str, path: str, headers: Any, body: bytes, query: Any, *place: str) -> str:
        if service == "ses" and (sender := _told(body, "FromEmailAddress")):
            address = parseaddr(sender)[1]
            return f"arn:aws:ses:{':'.join(place)}:identity/{address}"
        if service == "states" and (token := _told(body, "taskToken")):
            return machines[token]
        return resource_of(service, method, path, headers, body, query, *place)

    def events_resources(body: bytes, region: str, account: str) -> list[str]:
        replay = _told(body, "ReplayName")
        if not replay:
            return buses_of(body, region, account)
        named = f"arn:aws:events:{region}:{account}:replay/{replay}"
        destination = json.loads(body).get("Destination", {}).get("Arn")
        return [arn for arn in (_told(body, "EventSourceArn"), destination, named) if arn]

    stepfunctions._apply_jsonata_arguments = arguments
    iam_actions.extract_iam_action = action
    iam_actions.extract_resource_arn = resource
    iam_actions.eventbridge_resource_arns = events_resources


def record(path: str) -> None:
    """Append `[role, action, resource, allowed]` for each call that differs from all before it."""
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
    name_as_aws_does()
    if path := os.environ.get(RECORD):
        record(path)


def _told(body: bytes, field: str) -> str:
    try:
        told = json.loads(body or b"{}")
    except ValueError:
        return ""
    value = told.get(field) if isinstance(told, dict) else None
    return value if isinstance(value, str) else ""


def _role(principal_arn: str) -> str | None:
    """`arn:aws:sts::000000000000:assumed-role/TheRole/session` is TheRole; others than roles are of no interest."""
    found = re.search(r":assumed-role/([^/]+)/", principal_arn)
    return found[1] if found else None
