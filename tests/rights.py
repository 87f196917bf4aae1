"""Permissions: compares what the functions' roles allow with the calls that the functions made during the tests.

Each worker's AWS emulator records the calls of each role (`infra/local/authorization.py`), and each worker records what
the roles of its shop allow. At the end of the run the controller joins them and reports as if it were a test: each
denied call, and each unused permission if all tests ran that could have used it.
"""

import json
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass
from typing import Any

import boto3
import pytest

from infra.local import authorization
from tests import whole_run
from tests.template.template import (
    FUNCTION,
    Template,
    listed,
    managed_policies,
    of_type,
    referred,
    role_of,
    used_by_lambda,
)

REPEATED = "A step reads what its first attempt did only if the response of that attempt was lost."
FORBIDDEN = (
    "A cancellation request, or the end of the reservation, comes between two steps: tests/unit/test_shipping.py."
)
LOST_EVENT = "It resumes a return only if the event of the dispute's end was lost: tests/unit/test_reconciling.py."
REPORTED = "A difference that cannot be repaired is found again by later runs: tests/unit/test_reconciling.py."
FASTER = "The buyer answers or cancels just before the step stores its token: tests/unit/test_buyer.py."
SWEPT = "The sweep leaves a failure of the last minute to its event: tests/unit/test_recovery.py."
FIRST = (
    "The event of the saga's failure starts the recovery first: tests/unit/test_cancelling.py, test_dead_letters.py."
)
REFUSED = "The warehouse refuses while a recovery waits for its reply: tests/unit/test_recovery.py."
RETURN_DIED = "The workflow of a return fails by an abort only: tests/unit/test_recovery.py."
RACE = "Whether the recovery waits already when the message comes is a race: tests/unit/test_shipping_interleavings.py."
NOT_READ = "A client takes no more messages: tests/unit/test_order_updates.py."
UNLISTED = "Without it S3 answers 403 for a missing file: tests/strict/test_accounts_and_buckets.py."
IN_PARTS = "Only batches of more than 8 MB are sent in parts, which are removed if the file is refused."
KEPT_UNUSED = {
    ("PrepareImport", "s3:AbortMultipartUpload", "ImportsBucket"): IN_PARTS,
    ("ShipOrder", "dynamodb:GetItem", "ShipmentsTable"): REPEATED,
    ("ShipOrder", "dynamodb:GetItem", "InventoryTable"): FORBIDDEN,
    ("PushUpdates", "execute-api:ManageConnections", "/DELETE/"): NOT_READ,
    ("SplitImport", "s3:ListBucket", "ImportsBucket"): UNLISTED,
    ("ShipOrder", "states:SendTaskFailure", "order-fulfilment"): FORBIDDEN,
    ("ShipOrder", "states:SendTaskSuccess", "order-fulfilment"): REPEATED,
    ("AwaitBuyer", "states:SendTaskFailure", "order-fulfilment"): FASTER,
    ("AwaitBuyer", "states:SendTaskSuccess", "order-fulfilment"): FASTER,
    ("ReconcilePayments", "states:DescribeExecution", "OrderReturn"): LOST_EVENT,
    ("ReconcilePayments", "states:StartExecution", "OrderReturn"): LOST_EVENT,
    ("ReconcilePayments", "dynamodb:GetItem", "EffectsTable"): REPORTED,
    ("APIHandler", "states:StartExecution", "OrderUndo"): FIRST,
    ("StopFulfilment", "states:StartExecution", "OrderUndo"): FIRST,
    ("ProcessWarehouseReply", "states:SendTaskFailure", "order-undo"): REFUSED,
    ("ProcessWarehouseReply", "states:SendTaskSuccess", "order-undo"): RACE,
    ("ResumeShipment", "states:SendTaskSuccess", "order-undo"): RACE,
    ("StopFulfilment", "states:SendTaskFailure", "order-undo"): RACE,
    ("ResumeShipment", "dynamodb:PutItem", "ShipmentsTable"): RACE,
    ("ResumeShipment", "dynamodb:PutItem", "OrdersTable"): "A recovery cancels an order that was not cancelled before: "
    "tests/unit/test_recovery.py.",
    ("RecoverWorkflow", "states:DescribeExecution", "OrderReturn"): RETURN_DIED,
    ("RecoverWorkflow", "states:StartExecution", "OrderReturn"): RETURN_DIED,
    ("SweepWorkflows", "states:DescribeExecution", ""): SWEPT,
    ("SweepWorkflows", "dynamodb:GetItem", ""): SWEPT,
    ("SweepWorkflows", "states:StartExecution", ""): SWEPT,
    ("RecoverWorkflow", "states:StartExecution", "OrderFulfilment"): "A failed saga had begun; others are swept.",
    ("ResumeShipment", "sqs:SendMessage", "WarehouseQueue"): REPEATED,
    ("ResumeShipment", "sqs:GetQueueAttributes", ""): REPEATED,
}
"""By function or `*`, action, and what its resource names: why a right stays that no test of the whole uses."""

USED_ALIKE = {"OperateQueues": "What an admin does with one queue or job is the same code for all."}
"""Policies whose actions need to be used on one of their resources only."""

DENIED_ON_PURPOSE = {
    ("StartFulfilment", "states:StartExecution", "order-fulfilment"): "A test removes the permission for a while.",
    ("APIHandler", "lambda:InvokeFunction", "OtherReservations"): "A dead letter names a function that is not a job.",
}
"""In the same form: what tests try, so that it is refused."""


@dataclass(frozen=True)
class Right:
    """`resource` is the template's, as JSON, or the name of a policy whose resources are used alike; `pattern` is what
    became of it in one deployment."""

    function: str
    action: str
    resource: str
    pattern: str

    @property
    def name(self) -> tuple[str, str, str]:
        return self.function, self.action, self.resource

    def covers(self, action: str, resource: str) -> bool:
        pattern = re.escape(self.pattern).replace(r"\*", ".*").replace(r"\?", ".")
        return self.action.lower() == action.lower() and re.fullmatch(pattern, resource) is not None


@dataclass(frozen=True)
class Call:
    role: str
    action: str
    resource: str
    allowed: bool


@dataclass(frozen=True)
class Deployed:
    """What a worker wrote down about its shop. `functions` are logical ids by the names of their roles."""

    functions: dict[str, str]
    rights: list[Right]

    def used(self, calls: Iterable[Call]) -> set[tuple[str, str, str]]:
        return {
            right.name
            for call in calls
            for right in self.rights
            if right.function == self.functions.get(call.role) and right.covers(call.action, call.resource)
        }


def deployed(session: boto3.Session, stack: str, template: Template) -> Deployed:
    """Every right of every function's role, as the template says it and as it was resolved for this stack."""
    pages = session.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
    names = {
        each["LogicalResourceId"]: each["PhysicalResourceId"]
        for page in pages
        for each in page["StackResourceSummaries"]
    }
    resources = template["Resources"].items()
    template = {"Resources": {name: each for name, each in resources if name in names or "Condition" not in each}}
    roles = {names[role_of(template, function)]: function for function in of_type(template, FUNCTION)}
    iam = session.client("iam")
    rights = []
    for policy, logical_role, document in _policies(template):
        role = names[logical_role]
        if role in roles:
            resolved = _resolved(iam, role, policy, names)
            rights += _rights(roles[role], document, resolved, policy if policy in USED_ALIKE else "")
    return Deployed(roles, rights)


def _policies(template: Template) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Name, role and document of each inline policy, and logical name, role and document of each managed one."""
    for role, properties in of_type(template, "AWS::IAM::Role").items():
        for policy in properties.get("Policies", []):
            yield policy["PolicyName"], role, policy["PolicyDocument"]
    for properties in of_type(template, "AWS::IAM::Policy").values():
        for role in properties["Roles"]:
            yield properties["PolicyName"], referred(role), properties["PolicyDocument"]
    for name, properties in of_type(template, "AWS::IAM::ManagedPolicy").items():
        for role in properties.get("Roles", []):
            yield name, referred(role), properties["PolicyDocument"]
    for role, properties in of_type(template, "AWS::IAM::Role").items():
        for name in managed_policies(properties):
            yield name, role, of_type(template, "AWS::IAM::ManagedPolicy")[name]["PolicyDocument"]


def _resolved(iam: Any, role: str, policy: str, names: dict[str, str]) -> dict[str, Any]:
    """The policy document as it was deployed."""
    if policy not in names:
        return iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
    arn = names[policy]
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    return iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]


def _rights(function: str, document: dict[str, Any], resolved: dict[str, Any], alike: str) -> Iterator[Right]:
    for source, became in zip(listed(document["Statement"]), listed(resolved["Statement"]), strict=True):
        resources = zip(listed(source["Resource"]), listed(became["Resource"]), strict=True)
        for resource, pattern in resources:
            for action in listed(source["Action"]):
                yield Right(function, action, alike or json.dumps(resource), pattern)


def denied(deployed: Deployed, calls: Iterable[Call]) -> set[str]:
    return {
        f"{deployed.functions.get(call.role, call.role)} may not {call.action} on {call.resource}, and tried to"
        for call in calls
        if not call.allowed
        and not _is_named(DENIED_ON_PURPOSE, deployed.functions.get(call.role, ""), call.action, call.resource)
    }


def unused(rights: Iterable[Right], used: set[tuple[str, str, str]]) -> set[str]:
    return {
        f"{right.function} may {right.action} on {right.resource}, and nothing uses it"
        for right in rights
        if right.name not in used and not _is_named(KEPT_UNUSED, *right.name)
    }


def _is_named(reasons: dict[tuple[str, str, str], str], function: str, action: str, resource: str) -> bool:
    return any(of in ("*", function) and what == action and part in resource for of, what, part in reasons)


class Judge(whole_run.Judge):
    """The part of a run that holds the rights against their use."""

    variable = "RIGHTS_FOLDER"
    needed = ("e2e", "browser")
    test = "tests/rights.py::test_functions_use_exactly_the_permissions_of_their_roles"

    def __init__(self, config: pytest.Config) -> None:
        super().__init__(config)
        os.environ[authorization.RECORD] = str(self.folder / f"{self.name}.calls")

    def note(self, session: boto3.Session, stack: str, template: Template) -> None:
        """What the roles of this worker's shop allow."""
        known = deployed(session, stack, template)
        lambdas = [[f, action, json.dumps(resource)] for f, action, resource in used_by_lambda(template)]
        recorded = {
            "functions": known.functions,
            "rights": [astuple(right) for right in known.rights],
            "lambda": lambdas,
        }
        (self.folder / f"{self.name}.rights").write_text(json.dumps(recorded))

    def findings(self, passed: bool) -> set[str] | None:
        findings: set[str] = set()
        rights: set[Right] = set()
        used: set[tuple[str, str, str]] = set()
        for path in self.folder.glob("*.rights"):
            recorded = json.loads(path.read_text())
            here = Deployed(recorded["functions"], [Right(*right) for right in recorded["rights"]])
            written = path.with_suffix(".calls")
            calls = [Call(*json.loads(line)) for line in written.read_text().splitlines()] if written.exists() else []
            findings |= denied(here, calls)
            rights |= set(here.rights)
            used |= here.used(calls) | {tuple(each) for each in recorded["lambda"]}
        if not rights:
            return None
        if passed and self.is_whole:
            findings |= unused(rights, used)
        elif not findings:
            return None
        return findings
