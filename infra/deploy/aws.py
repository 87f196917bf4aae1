"""AWS deployment: the same template, code and pages as on one machine, in the AWS account of the session.

The stage `demo` has the warehouse simulator and the demo catalog; `prod` has neither.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from infra.build import storefront
from infra.build.package import package
from infra.build.template import ONLY_IN, ROOT
from infra.deploy import edge as edge_stack
from infra.deploy import link_keys, webhooks
from infra.deploy.stack import deploy
from infra.seed.seed import reindex, seed


@dataclass(frozen=True)
class Settings:
    """Without a publishable key, cards are entered on Stripe's sandbox only."""

    stripe_secret_key: str
    stripe_publishable_key: str
    sender_email: str


def deploy_stage(session: boto3.Session, stage: str, settings: Settings) -> None:
    """Create or update a stage. Raises DeploymentFailed, PackagingFailed or BuildFailed."""
    name, out = f"storefront-{stage}", ROOT / ".build" / stage
    print("packaging with chalice")
    template = json.loads(package(stage, out).read_text())
    session.client("ssm").put_parameter(
        Name=f"/{name}/stripe/secret-key", Value=settings.stripe_secret_key, Type="SecureString", Overwrite=True
    )
    parameters = {
        "Stage": stage,
        "SenderEmail": settings.sender_email,
        "CardFormInBrowser": "true" if settings.stripe_publishable_key else "false",
        **link_keys.ensure(session, name),
    }
    outputs = _deploy_stacks(session, name, template, out, parameters)
    api_url = f"{outputs['StorefrontUrl']}/api"
    webhooks.listen(session, name, outputs["Deployment"], settings.stripe_secret_key, api_url)
    storefront.build(print)
    config = _browser_config(stage, outputs, settings.stripe_publishable_key)
    storefront.publish(session, outputs["StorefrontBucketName"], config)
    _invalidate(session, outputs["DistributionId"])
    print(f"updated the search texts of {reindex(session, outputs)} products")
    if stage == "demo":
        print(f"seeding {seed(session, outputs)} products")
    print(f"\n  storefront  {outputs['StorefrontUrl']}\n  API         {outputs['ApiUrl']}")


def _deploy_stacks(
    session: boto3.Session, name: str, template: dict[str, Any], out: Path, parameters: dict[str, str]
) -> dict[str, str]:
    """Deploy the main stack and the edge stack, which refer to each other. Return the main stack's outputs."""

    def main_stack(more: dict[str, str]) -> dict[str, str]:
        return deploy(session, template, out, name, parameters | more, print)

    def edge_settings(outputs: dict[str, str]) -> dict[str, Any]:
        return edge_stack.settings(outputs, session.region_name)

    return edge_stack.deploy_around(main_stack, edge_stack.session(), name, edge_settings, out / "edge", print)


def _browser_config(stage: str, outputs: dict[str, str], publishable_key: str) -> dict[str, Any]:
    return {
        "api": "/api",
        "websocket_url": outputs["WebSocketUrl"],
        "stripe_publishable_key": publishable_key or None,
        "sandbox": not publishable_key,
        "lab": {"control_api": None} if stage in ONLY_IN["audit"] else None,
    }


def _invalidate(session: boto3.Session, distribution: str) -> None:
    """Remove the pages from CloudFront's caches, so that the new version is served at once."""
    reference = os.urandom(8).hex()
    paths = {"Quantity": 1, "Items": ["/*"]}
    session.client("cloudfront").create_invalidation(
        DistributionId=distribution, InvalidationBatch={"Paths": paths, "CallerReference": reference}
    )
