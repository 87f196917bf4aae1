"""Deletion of a stage: empties its buckets, deletes its stacks in order, and reports what is kept."""

from dataclasses import dataclass
from typing import Any

import boto3
import stripe

from infra.deploy import edge as edge_stack
from infra.deploy import events, reporting, stripe_key, webhooks
from infra.deploy.stack import DeploymentFailed, Operation, Options, Progress
from infra.deploy.stages import Stage

REPLICAS = (
    "The functions at the edge still have replicas. AWS removes them within a few hours of the distribution's deletion "
    "(CloudFront guide, “Delete Lambda@Edge functions and replicas”): start this command again then, for the rest."
)
RETAINING = {"Retain", "RetainExceptOnCreate"}


class ProtectedStage(Exception):
    """Termination protection is on, and the caller has not confirmed the deletion with CONFIRM."""


class NothingToDelete(Exception):
    """The stage has no stack."""


@dataclass(frozen=True)
class Destruction:
    """The deletion of one stage. `progress` receives a line for each step."""

    stage: Stage
    session: boto3.Session
    edge_session: boto3.Session
    options: Options
    progress: Progress

    def delete_main(self) -> dict[str, dict[str, Any]]:
        """Delete the main stack. Return the event of each resource that is kept, by physical id.

        Nothing is deleted if it raises ProtectedStage or NothingToDelete. Raises DeploymentFailed.
        """
        main, edge = self._main, self._edge
        found, at_edge = main.settled(), edge.settled()
        if not found and not at_edge:
            raise NothingToDelete(f"Stage {self.stage.name} has no stack in {self.session.region_name}.")
        self._unprotect(main, found)
        self._unprotect(edge, at_edge)
        # First, because it reads from the main stack's resources, and nothing else depends on it.
        name = reporting.name(self.stage.stack_name)
        reporting.remove(Operation(self.session, name, self.progress, self.options))
        return self._delete(main, found) if found else {}

    def delete_rest(self) -> None:
        """Delete the edge stack, after the distribution that uses its functions, and the stored secrets.

        Raises DeploymentFailed.
        """
        edge = self._edge
        if found := edge.settled():
            self.progress(f"deleting stack {edge.stack}")
            try:
                edge.delete(found["StackId"])
            except DeploymentFailed as failure:
                if "replicated function" in str(failure):
                    raise DeploymentFailed(REPLICAS) from None
                raise
        self._delete_secrets()

    @property
    def _main(self) -> Operation:
        return Operation(self.session, self.stage.stack_name, self.progress, self.options)

    @property
    def _edge(self) -> Operation:
        return Operation(self.edge_session, edge_stack.name(self.stage.stack_name), self.progress, self.options)

    def _unprotect(self, operation: Operation, found: dict[str, Any] | None) -> None:
        """Switch termination protection off. Raises ProtectedStage."""
        if not found or not found.get("EnableTerminationProtection"):
            return
        if self.stage.name not in self.options.confirmed:
            raise ProtectedStage(
                f"Termination protection of {operation.stack} is on. To delete it nevertheless: "
                f"CONFIRM={self.stage.name}"
            )
        operation.session.client("cloudformation").update_termination_protection(
            StackName=operation.stack, EnableTerminationProtection=False
        )

    def _delete(self, operation: Operation, found: dict[str, Any]) -> dict[str, dict[str, Any]]:
        self._unregister_webhook(found)
        buckets = self._buckets_to_empty(operation.stack)
        self._empty(buckets)
        self.progress(f"deleting stack {operation.stack}")
        try:
            operation.delete(found["StackId"])
        except DeploymentFailed as failure:
            if "not empty" not in str(failure):
                raise
            # A function that was still running has written to a bucket after it was emptied.
            self._empty(buckets)
            operation.delete(found["StackId"])
        return events.retained(self.session.client("cloudformation"), found["StackId"])

    def _buckets_to_empty(self, stack: str) -> list[str]:
        """Return the buckets that the deletion will remove."""
        client = self.session.client("cloudformation")
        template = client.get_template(StackName=stack, TemplateStage="Processed")["TemplateBody"]
        policies = {name: resource.get("DeletionPolicy") for name, resource in template["Resources"].items()}
        pages = client.get_paginator("list_stack_resources").paginate(StackName=stack)
        resources = [each for page in pages for each in page["StackResourceSummaries"]]
        return [
            each["PhysicalResourceId"]
            for each in resources
            if each["ResourceType"] == "AWS::S3::Bucket"
            and policies.get(each["LogicalResourceId"]) not in RETAINING
            and each["ResourceStatus"] != "DELETE_COMPLETE"
        ]

    def _empty(self, buckets: list[str]) -> None:
        """Delete every version of every object."""
        s3: Any = self.session.client("s3")
        for bucket in buckets:
            self.progress(f"emptying {bucket}")
            for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
                found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
                objects = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in found]
                if objects:
                    s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})

    def _unregister_webhook(self, found: dict[str, Any]) -> None:
        """Delete the endpoint at Stripe. A key that no longer works is no reason to keep the stage."""
        outputs = {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", [])}
        key = stripe_key.stored(self.session, self.stage.stack_name)
        if not key or "Deployment" not in outputs:
            return
        values = {each["ParameterKey"]: each.get("ParameterValue", "") for each in found.get("Parameters", [])}
        try:
            webhooks.remove(outputs["Deployment"], key, values.get("StripeApiBase", ""))
        except stripe.StripeError as failure:
            self.progress(f"the webhook endpoint at Stripe was not deleted: {failure.user_message or failure}")

    def _delete_secrets(self) -> None:
        ssm = self.session.client("ssm")
        pages = ssm.get_paginator("get_parameters_by_path").paginate(Path=f"/{self.stage.stack_name}/", Recursive=True)
        for name in [each["Name"] for page in pages for each in page["Parameters"]]:
            self.progress(f"deleting the parameter {name}")
            ssm.delete_parameter(Name=name)
