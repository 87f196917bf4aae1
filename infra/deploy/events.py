"""Stack events: the events of one operation, its first real failure, and how far it is."""

from collections.abc import Iterable
from typing import Any

CONSEQUENCES = (
    "Resource creation cancelled",
    "Resource update cancelled",
    "Resource deletion cancelled",
    "The following resource(s) failed to",
)
"""How the reasons of events begin that only follow from another failure."""
STACK = "AWS::CloudFormation::Stack"
GONE_WITH_OTHERS = {"AWS::Lambda::Version"}
"""Types that are retained and deleted together with what they belong to."""


def of_operation(cloudformation: Any, stack: str, token: str) -> list[dict[str, Any]]:
    """Return the events of the operation with this request token, oldest first.

    CloudFormation returns 100 events a page, newest first (API reference, DescribeStackEvents), and a stack has one
    operation at a time: the first event with another token is older than the operation.
    """
    found: list[dict[str, Any]] = []
    for page in cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack):
        for event in page["StackEvents"]:
            if event.get("ClientRequestToken") != token:
                return found[::-1]
            found.append(event)
    return found[::-1]


def first_failure(events: Iterable[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the event that made the operation fail, not one that follows from it; None if no resource failed."""
    failed = [event for event in events if event["ResourceStatus"].endswith("_FAILED")]
    causes = [each for each in failed if not each.get("ResourceStatusReason", "").startswith(CONSEQUENCES)]
    return next(iter(causes or failed), None)


def cause(events: list[dict[str, Any]]) -> str:
    """Return why the operation failed, in one line."""
    failure = first_failure(events)
    if failure is None:
        reasons = [each["ResourceStatusReason"] for each in events if each.get("ResourceStatusReason")]
        return reasons[0] if reasons else "CloudFormation gives no reason"
    return f"{failure['LogicalResourceId']} ({failure['ResourceType']}): {failure.get('ResourceStatusReason', '')}"


def retained(cloudformation: Any, stack_id: str) -> dict[str, dict[str, Any]]:
    """Return the latest event of each resource that a deletion or an update has left in place, by physical id."""
    pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack_id)
    skipped = [each for page in pages for each in page["StackEvents"] if each["ResourceStatus"] == "DELETE_SKIPPED"]
    return {each["PhysicalResourceId"]: each for each in skipped if each["ResourceType"] not in GONE_WITH_OTHERS}


def progress(events: Iterable[dict[str, Any]]) -> str:
    """Return how many resources are done and which are in progress."""
    latest = {event["LogicalResourceId"]: event for event in events if event["ResourceType"] != STACK}
    working = [name for name, event in latest.items() if event["ResourceStatus"].endswith("_IN_PROGRESS")]
    done = len(latest) - len(working)
    more = f" and {len(working) - 3} more" if len(working) > 3 else ""
    return f"{done} resources done" + (f", {', '.join(working[:3])}{more} in progress" if working else "")
