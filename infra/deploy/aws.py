"""`make deploy`: the same template, code and pages as on one machine, into the AWS account of the environment.

    STAGE=demo STRIPE_SECRET_KEY=sk_test_… SENDER_EMAIL=shop@example.com make deploy

The stage `demo` brings the warehouse simulator and the demo catalog; `prod` brings neither.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

import boto3

from infra.build import storefront
from infra.build.package import PackagingFailed, package
from infra.build.template import ONLY_IN, ROOT
from infra.deploy import edge as edge_stack
from infra.deploy import link_keys, webhooks
from infra.deploy.stack import DeploymentFailed, deploy
from infra.seed.seed import reindex, seed

REQUIRED = ("STRIPE_SECRET_KEY", "SENDER_EMAIL")


def main() -> int:
    missing = [name for name in REQUIRED if not os.environ.get(name)]
    if missing:
        print(f"Please set {' and '.join(missing)}. For example:\n{__doc__}")
        return 2
    try:
        _deploy(os.environ.get("STAGE", "demo"), boto3.Session())
    except (DeploymentFailed, PackagingFailed, storefront.BuildFailed) as failure:
        print(failure)
        return 1
    return 0


def _deploy(stage: str, session: boto3.Session) -> None:
    name, out = f"storefront-{stage}", ROOT / ".build" / stage
    publishable_key = os.environ.get("STRIPE_PUBLISHABLE_KEY", "")
    print("packaging with chalice")
    template = json.loads(package(stage, out).read_text())
    session.client("ssm").put_parameter(
        Name=f"/{name}/stripe/secret-key", Value=os.environ["STRIPE_SECRET_KEY"], Type="SecureString", Overwrite=True
    )
    parameters = {
        "Stage": stage,
        "SenderEmail": os.environ["SENDER_EMAIL"],
        "CardFormInBrowser": "true" if publishable_key else "false",
        **link_keys.ensure(session, name),
    }
    outputs = _deploy_stacks(session, name, template, out, parameters)
    api_url = f"{outputs['StorefrontUrl']}/api"
    webhooks.listen(session, name, outputs["Deployment"], os.environ["STRIPE_SECRET_KEY"], api_url)
    storefront.build(print)
    storefront.publish(session, outputs["StorefrontBucketName"], _browser_config(stage, outputs, publishable_key))
    _invalidate(session, outputs["DistributionId"])
    print(f"search texts of {reindex(session, outputs)} products brought up to date")
    if stage == "demo":
        print(f"seeding {seed(session, outputs)} products")
    print(f"\n  storefront  {outputs['StorefrontUrl']}\n  API         {outputs['ApiUrl']}")


def _deploy_stacks(
    session: boto3.Session, name: str, template: dict[str, Any], out: Path, parameters: dict[str, str]
) -> dict[str, str]:
    """The main stack and the one at the edge, which know of each other. Returns the main stack's outputs."""

    def main_stack(more: dict[str, str]) -> dict[str, str]:
        return deploy(session, template, out, name, parameters | more, print)

    def baked(outputs: dict[str, str]) -> dict[str, Any]:
        return edge_stack.settings(outputs, session.region_name)

    return edge_stack.deploy_around(main_stack, edge_stack.session(), name, baked, out / "edge", print)


def _browser_config(stage: str, outputs: dict[str, str], publishable_key: str) -> dict[str, Any]:
    return {
        "api": "/api",
        "websocket_url": outputs["WebSocketUrl"],
        "stripe_publishable_key": publishable_key or None,
        "sandbox": not publishable_key,
        "lab": {"control_api": None} if stage in ONLY_IN["lab"] else None,
    }


def _invalidate(session: boto3.Session, distribution: str) -> None:
    """So that the new page is seen at once; files with a hash in their name need none."""
    reference = os.urandom(8).hex()
    paths = {"Quantity": 1, "Items": ["/*"]}
    session.client("cloudfront").create_invalidation(
        DistributionId=distribution, InvalidationBatch={"Paths": paths, "CallerReference": reference}
    )


if __name__ == "__main__":
    sys.exit(main())
