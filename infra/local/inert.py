"""Inert resources: types of CloudFormation that the AWS emulator (MiniStack) lacks, created as records without effect.

The local shop removes or replaces them (`transform.py`). The deployment's test deploys the template as it is for AWS,
so it needs them, and a rule's `Ref` as AWS returns it.
"""

import os
from collections.abc import Callable
from typing import Any

VARIABLE = "INERT_RESOURCES"
"""Environment variable that switches them on."""
TYPES = (
    "AWS::Budgets::Budget",
    "AWS::CodeDeploy::Application",
    "AWS::CodeDeploy::DeploymentGroup",
    "AWS::EventSchemas::Registry",
    "AWS::EventSchemas::Schema",
    "AWS::Events::Archive",
    "AWS::StepFunctions::StateMachineAlias",
    "AWS::StepFunctions::StateMachineVersion",
    "AWS::WAFv2::WebACLAssociation",
)


def install() -> None:
    """Accept the types, if INERT_RESOURCES is set."""
    if not os.environ.get(VARIABLE):
        return
    from ministack.services.cloudformation.provisioners import _RESOURCE_HANDLERS

    for kind in TYPES:
        _RESOURCE_HANDLERS.setdefault(kind, {"create": _create, "delete": _delete, "update": _update})
    alarms = _RESOURCE_HANDLERS["AWS::CloudWatch::Alarm"]
    alarms |= {action: _without_math(action, alarms[action]) for action in ("create", "update")}
    rules = _RESOURCE_HANDLERS["AWS::Events::Rule"]
    rules |= {action: _named_with_bus(rules[action]) for action in ("create", "update", "delete")}


def _without_math(action: str, handle: Callable[..., Any]) -> Callable[..., Any]:
    """Return the handler of an alarm that is inert for metric math, which the emulator does not support."""

    def handled(*arguments: Any) -> Any:
        """Properties are the second argument of a creation and the third of an update."""
        properties = arguments[1 if action == "create" else 2]
        return (
            (_create if action == "create" else _update)(*arguments) if "Metrics" in properties else handle(*arguments)
        )

    return handled


def _named_with_bus(handle: Callable[..., Any]) -> Callable[..., Any]:
    """Return the handler of a rule with the physical id `bus|rule`, unless it is on the default bus.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-events-rule.html
    """

    def handled(name: str, *arguments: Any) -> Any:
        result = handle(name.rpartition("|")[2], *arguments)
        if result is None:
            return None
        physical_id, attributes = result
        properties = next(each for each in reversed(arguments) if isinstance(each, dict))
        bus = properties.get("EventBusName", "default")
        return physical_id if bus == "default" else f"{bus.rpartition('/')[2]}|{physical_id}", attributes

    return handled


def _create(logical_id: str, properties: dict[str, Any], stack: str) -> tuple[str, dict[str, Any]]:
    """Return a physical id, and each text of the properties as an attribute."""
    name = f"{stack}-{logical_id}"
    attributes = {key: value for key, value in properties.items() if isinstance(value, str)}
    return name, {"Arn": f"arn:aws:inert:::{name}", **attributes}


def _update(
    physical_id: str, old: dict[str, Any], new: dict[str, Any], stack: str, logical_id: str = ""
) -> tuple[str, dict[str, Any]]:
    return physical_id, _create(physical_id, new, stack)[1]


def _delete(physical_id: str, properties: dict[str, Any]) -> None:
    """Delete nothing."""
