"""Stack deployment: brings a CloudFormation stack to a template by a change set, on AWS and on the emulator alike."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import WaiterError

from infra.deploy import changes, events, indexes, parameters, policies, release
from infra.deploy.artifacts import Artifacts
from infra.deploy.outputs import description, outputs

Progress = Callable[[str], None]
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
NO_CHANGES = ("didn't contain changes", "No updates are to be performed")
HOURS_OF_PATIENCE = 2
EACH_POLL = "after-call.cloudformation.DescribeStacks"
"""Event of botocore after each call of a waiter."""
SECONDS_BETWEEN_LINES = 5

UPDATABLE = {
    "CREATE_COMPLETE",
    "UPDATE_COMPLETE",
    "UPDATE_ROLLBACK_COMPLETE",
    "IMPORT_COMPLETE",
    "IMPORT_ROLLBACK_COMPLETE",
}
NEVER_CREATED = {
    "REVIEW_IN_PROGRESS": "was planned and never created",
    "ROLLBACK_COMPLETE": "could not be created",
    "CREATE_FAILED": "could not be created",
}
"""CloudFormation updates no stack in these states (user guide, "Stack status codes"); it has to be deleted first."""
STUCK = {
    "ROLLBACK_FAILED": "aws cloudformation delete-stack --stack-name {stack} --region {region}",
    "DELETE_FAILED": "aws cloudformation delete-stack --stack-name {stack} --region {region}",
    "UPDATE_ROLLBACK_FAILED": "aws cloudformation continue-update-rollback --stack-name {stack} --region {region}",
    "UPDATE_FAILED": "aws cloudformation rollback-stack --stack-name {stack} --region {region}",
    "IMPORT_ROLLBACK_FAILED": "aws cloudformation continue-update-rollback --stack-name {stack} --region {region}",
}
"""By state: the command after which a deployment can continue."""
WAITERS = {
    "CREATE": "stack_create_complete",
    "ROLLBACK": "stack_create_complete",
    "DELETE": "stack_delete_complete",
    "IMPORT": "stack_import_complete",
}
"""By operation; all others end an update."""


class DeploymentFailed(Exception):
    """The stack was not created, updated or deleted; the message contains CloudFormation's first reason."""


@dataclass(frozen=True)
class Options:
    """How a stack is deployed. `confirmed` holds logical ids or the stage, whose loss of data is accepted."""

    stage: str = "local"
    tags: dict[str, str] = field(default_factory=dict)
    termination_protection: bool = False
    confirmed: frozenset[str] = frozenset()
    poll_seconds: float = 5


def deploy(
    session: boto3.Session,
    template: dict[str, Any],
    code: Path,
    stack: str,
    given: dict[str, str],
    progress: Progress = lambda line: None,
    options: Options = Options(),
) -> dict[str, str]:
    """Create or update the stack, wait for the end and return its outputs.

    `code` is the folder that the template's relative CodeUris point into. A parameter that is not `given` keeps its
    deployed value. Raises DeploymentFailed, ConfirmationNeeded, ValueMissing or BucketNotOurs.
    """
    operation = Operation(session, stack, progress, options)
    before = operation.settled()
    _refuse_if_stuck(before, session.region_name)
    known = parameters.previous(before)
    if before and before["StackStatus"] in NEVER_CREATED:
        progress(f"stack {stack} {NEVER_CREATED[before['StackStatus']]}: deleting what is left of it")
        operation.delete(before["StackId"])
        before = None
    declared = template.get("Parameters", {})
    request = parameters.of_request(declared, given, known, is_update=before is not None)
    artifacts = Artifacts(session, stack)
    if before:
        deployed = policies.deployed(session.client("cloudformation"), stack)
        template = policies.keep_names(template, deployed.get("Resources", {}))
        unchanged = parameters.of_request(deployed.get("Parameters", {}), {}, known, is_update=True)
        for step in indexes.steps(template, deployed):
            progress(f"stack {stack}: adding indexes to its tables, one at a time")
            operation.apply(artifacts.put_template(step), unchanged, is_new=False)
    template = release.stamped(template, code, parameters.effective(declared, given, known))
    url = artifacts.upload(template, code, progress)
    operation.apply(url, request, is_new=before is None)
    artifacts.mark_superseded()
    return outputs(session, stack)


@dataclass(frozen=True)
class Operation:
    """Operations on one stack. Each waits for its end and reports its progress."""

    session: boto3.Session
    stack: str
    progress: Progress
    options: Options

    @cached_property
    def _cloudformation(self) -> Any:
        return self.session.client("cloudformation")

    def settled(self) -> dict[str, Any] | None:
        """Wait until no operation runs; return the stack's description, or None if there is none."""
        found = description(self._cloudformation, self.stack)
        while found and _is_running(status := found["StackStatus"]):
            self.progress(f"stack {self.stack} is {status}: waiting for the end of an earlier operation")
            self._wait(WAITERS.get(status.split("_")[0], "stack_update_complete"), found["StackId"])
            time.sleep(self.options.poll_seconds)
            found = description(self._cloudformation, self.stack)
        return found

    def apply(self, template_url: str, request: list[dict[str, Any]], is_new: bool) -> None:
        """Create and execute a change set. Raises DeploymentFailed or ConfirmationNeeded."""
        client, token = self._cloudformation, f"deploy-{secrets.token_hex(8)}"
        change_set = client.create_change_set(
            StackName=self.stack,
            ChangeSetName=token,
            ChangeSetType="CREATE" if is_new else "UPDATE",
            TemplateURL=template_url,
            Parameters=request,
            Capabilities=CAPABILITIES,
            Tags=[{"Key": key, "Value": value} for key, value in self.options.tags.items()],
        )
        found = self._planned(change_set["Id"])
        if found is None:
            self.progress(f"stack {self.stack}: nothing has changed")
        else:
            for line in changes.summary(found):
                self.progress(line)
            self._confirm(found, change_set["Id"])
            self.progress(f"{'creating' if is_new else 'updating'} stack {self.stack}")
            client.execute_change_set(ChangeSetName=change_set["Id"], ClientRequestToken=token)
            waiter = "stack_create_complete" if is_new else "stack_update_complete"
            self._follow(waiter, change_set["StackId"], token, {"CREATE_COMPLETE", "UPDATE_COMPLETE"})
        client.update_termination_protection(
            StackName=self.stack, EnableTerminationProtection=self.options.termination_protection
        )

    def delete(self, stack_id: str) -> None:
        """Delete the stack. Raises DeploymentFailed."""
        token = f"delete-{secrets.token_hex(8)}"
        self._cloudformation.delete_stack(StackName=stack_id, ClientRequestToken=token)
        self._follow("stack_delete_complete", stack_id, token, {None, "DELETE_COMPLETE"})

    def _planned(self, change_set: str) -> list[changes.Change] | None:
        """Wait for the change set; return its changes, or None without any. Raises DeploymentFailed."""
        client = self._cloudformation
        try:
            client.get_waiter("change_set_create_complete").wait(ChangeSetName=change_set, WaiterConfig=self._pace())
        except WaiterError as failure:
            reason = str(failure.last_response.get("StatusReason", failure))
            client.delete_change_set(ChangeSetName=change_set)
            if any(text in reason for text in NO_CHANGES):
                return None
            raise DeploymentFailed(f"Stack {self.stack}: CloudFormation refuses the template: {reason}") from None
        pages = client.get_paginator("describe_change_set").paginate(ChangeSetName=change_set)
        return changes.read(each for page in pages for each in page["Changes"])

    def _confirm(self, found: list[changes.Change], change_set: str) -> None:
        try:
            changes.require_confirmation(found, self.options.confirmed, self.options.stage)
        except changes.ConfirmationNeeded:
            self._cloudformation.delete_change_set(ChangeSetName=change_set)
            raise

    def _follow(self, waiter: str, stack_id: str, token: str, good: set[str | None]) -> None:
        """Wait for an operation's end, with a progress line now and then. Raises DeploymentFailed."""
        client, lines = self._cloudformation, _Pacer()

        def report(**_: Any) -> None:
            if lines.is_due():
                self.progress(f"{self.stack}: {events.progress(events.of_operation(client, stack_id, token))}")

        self._wait(waiter, stack_id, report)
        end = description(client, stack_id)
        status = end["StackStatus"] if end else None
        if status not in good:
            reason = events.cause(events.of_operation(client, stack_id, token))
            raise DeploymentFailed(
                f"Stack {self.stack} is {status}\n  {reason}\n  Correct this, then start the command again."
            )

    def _wait(self, waiter: str, stack_id: str, report: Callable[..., None] = lambda **_: None) -> None:
        """Wait for the end of an operation, a good or a bad one. Raises DeploymentFailed when patience ends."""
        client = self._cloudformation
        client.meta.events.register(EACH_POLL, report)
        try:
            client.get_waiter(waiter).wait(StackName=stack_id, WaiterConfig=self._pace())
        except WaiterError as failure:
            if "Max attempts exceeded" in str(failure):
                raise DeploymentFailed(
                    f"Stack {self.stack} was not ready after {HOURS_OF_PATIENCE} hours. CloudFormation continues: "
                    "start this command again later, and it waits for the end."
                ) from None
        finally:
            client.meta.events.unregister(EACH_POLL, report)

    def _pace(self) -> dict[str, Any]:
        seconds = self.options.poll_seconds
        return {"Delay": seconds, "MaxAttempts": int(HOURS_OF_PATIENCE * 3600 / max(seconds, 0.01))}


class _Pacer:
    """Decides when the next progress line is due."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def is_due(self) -> bool:
        if time.monotonic() - self._last < SECONDS_BETWEEN_LINES:
            return False
        self._last = time.monotonic()
        return True


def _refuse_if_stuck(found: dict[str, Any] | None, region: str) -> None:
    """Raise DeploymentFailed for a state that only a person can resolve."""
    if found and (command := STUCK.get(found["StackStatus"])):
        stack = found["StackName"]
        raise DeploymentFailed(
            f"Stack {stack} is {found['StackStatus']}: {found.get('StackStatusReason', 'no reason is given')}\n"
            f"  Resolve it with: {command.format(stack=stack, region=region)}\n  Then start this command again."
        )


def _is_running(status: str) -> bool:
    return status.endswith("_IN_PROGRESS") and status not in NEVER_CREATED
