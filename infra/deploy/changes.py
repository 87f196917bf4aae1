"""Change sets in words: what a deployment adds, changes, replaces and removes, and which of it needs a confirmation."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

STATEFUL = {
    "AWS::DynamoDB::Table": "its items",
    "AWS::S3::Bucket": "its objects",
    "AWS::Cognito::UserPool": "every account and session",
    "AWS::SQS::Queue": "messages that are not processed yet",
    "AWS::Events::Archive": "archived events",
    "AWS::KMS::Key": "everything that is encrypted with it",
    "AWS::CloudFront::Distribution": "the storefront's address",
}
"""By type: what the shop loses when such a resource is replaced or removed."""

CONDITIONAL = {"AWS::DynamoDB::Table"}
"""Types of which an update that CloudFormation calls conditional can replace one with data (template reference, "Update
requires: Some interruptions", AttributeDefinitions). It calls many harmless updates so."""
EFFECTS = ("removed", "replaced", "perhaps replaced", "changed", "added")
"""The destructive ones first."""
SHOWN = 20
"""Resources listed of each harmless effect."""


@dataclass(frozen=True)
class Change:
    """One resource of a change set. `effect` is one of EFFECTS."""

    effect: str
    logical_id: str
    type: str
    loses: str | None = None
    """What is lost, or None if the change keeps everything."""

    def __str__(self) -> str:
        return f"{self.logical_id} ({self.type})" + (f": loses {self.loses}" if self.loses else "")


class ConfirmationNeeded(Exception):
    """A change would lose data, and the caller has not confirmed it."""


def read(resource_changes: Iterable[dict[str, Any]]) -> list[Change]:
    """Return the changes of a change set's `Changes`, each with a `ResourceChange`."""
    return [_read(each["ResourceChange"]) for each in resource_changes if "ResourceChange" in each]


def _read(change: dict[str, Any]) -> Change:
    effect = _effect(change)
    kind = change["ResourceType"]
    is_loss = effect in ("removed", "replaced") or (
        effect == "perhaps replaced" and (kind in CONDITIONAL or _always_recreates(change))
    )
    return Change(effect, change["LogicalResourceId"], kind, STATEFUL.get(kind) if is_loss else None)


def _effect(change: dict[str, Any]) -> str:
    """Return the effect, by the change's `Action` and `Replacement` (API reference, ResourceChange)."""
    if change["Action"] != "Modify":
        return "removed" if change["Action"] == "Remove" else "added"
    return {"True": "replaced", "Conditional": "perhaps replaced"}.get(change.get("Replacement", ""), "changed")


def _always_recreates(change: dict[str, Any]) -> bool:
    """Return whether the resource is replaced if one of the values that it refers to changes."""
    targets = [detail.get("Target", {}) for detail in change.get("Details", [])]
    return any(target.get("RequiresRecreation") == "Always" for target in targets)


def summary(changes: list[Change]) -> list[str]:
    """Return the lines that describe the changes. A first deployment is only counted."""
    lines = []
    for effect in EFFECTS:
        found = sorted((each for each in changes if each.effect == effect), key=lambda each: each.logical_id)
        is_harmless = effect in ("changed", "added")
        shown = found[:SHOWN] if is_harmless else found
        if found:
            lines.append(f"{len(found)} {effect}")
        if len(found) == len(changes) and effect == "added":
            continue
        lines += [f"  {each}" for each in shown]
        if len(found) > len(shown):
            lines.append(f"  and {len(found) - len(shown)} more")
    return lines


def require_confirmation(changes: list[Change], confirmed: frozenset[str], stage: str) -> None:
    """Raise ConfirmationNeeded if a change loses something and neither its logical id nor the stage is confirmed."""
    losing = sorted(each.logical_id for each in changes if each.loses and each.logical_id not in confirmed)
    if losing and stage not in confirmed:
        raise ConfirmationNeeded(
            f"Nothing was changed. This deployment would replace or remove {', '.join(losing)}, with what they hold. "
            f"If that is what you want: CONFIRM={','.join(losing)}"
        )
