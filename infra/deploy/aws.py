"""AWS deployment: the same template, code and pages as on one machine, in the AWS account of the session.

The stage `demo` has the warehouse simulator and the demo catalog; `prod` has neither. Everything that can fail without
AWS comes first: the package and the pages are built before anything is changed.
"""

import json
import secrets
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3

from infra.build import reporting as built_reporting
from infra.build import storefront
from infra.build.edge import EDGE
from infra.build.package import package
from infra.build.template import ONLY_IN, ROOT, merged_template, read
from infra.deploy import edge as edge_stack
from infra.deploy import link_keys, parameters, reporting, stages, stripe_key, webhooks
from infra.deploy.outputs import description
from infra.deploy.stack import UPDATABLE, Operation, Options, Progress, deploy
from infra.seed.seed import reindex, seed


@dataclass(frozen=True)
class Request:
    """A deployment as it is asked for. `given` are template parameters of the command line and the environment."""

    stage: stages.Stage
    given: dict[str, str] = field(default_factory=dict)
    stripe_secret_key: str = ""
    replace_stripe_key: bool = False
    confirmed: frozenset[str] = frozenset()
    poll_seconds: float = 5

    @property
    def options(self) -> Options:
        return Options(
            self.stage.name, self.stage.tags, self.stage.termination_protection, self.confirmed, self.poll_seconds
        )

    @property
    def values(self) -> dict[str, str]:
        """Return the template parameters of the caller and of the stage file."""
        return self.stage.parameters | self.given

    @cached_property
    def templates(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the main and the edge stack's templates, without what Chalice adds."""
        return merged_template(self.stage.name), read(EDGE / "template.yaml")

    @property
    def declared(self) -> dict[str, Any]:
        """Return the parameters of the templates that a caller may set."""
        main, edge = self.templates
        return edge.get("Parameters", {}) | reporting.own_parameters(built_reporting.template()) | main["Parameters"]

    @property
    def computed(self) -> set[str]:
        """Return the parameters that the deployment sets itself."""
        return {"Stage", *link_keys.PARAMETERS, *self.templates[1]["Outputs"]}


def refuse_bad_values(request: Request) -> None:
    """Raise StageFileInvalid with a line for each value that the templates do not accept."""
    found = stages.problems(request.values, request.declared)
    found += [f"{name} is set by the deployment itself" for name in request.values if name in request.computed]
    unknown = request.stage.memory.keys() - request.templates[0]["Resources"].keys()
    found += [f"memory: {name} is no function of the template" for name in sorted(unknown)]
    if found:
        raise stages.StageFileInvalid(found)


def effective_values(request: Request, session: boto3.Session) -> dict[str, str]:
    """Return the value of every parameter that has one, those of the deployed stack included."""
    before = parameters.previous(description(session.client("cloudformation"), request.stage.stack_name))
    return parameters.effective(request.declared, request.values, before)


def missing_values(request: Request, values: dict[str, str]) -> list[str]:
    """Return a line for each parameter that has no value."""
    return [
        f"{name} has no value. {rule.get('Description', '')}".strip()
        for name, rule in request.declared.items()
        if name not in values and name not in request.computed
    ]


def deploy_stage(request: Request, session: boto3.Session, progress: Progress) -> None:
    """Create or update a stage. Raises as `stack.deploy` does, and PackagingFailed, BuildFailed or KeyMissing."""
    stage, name, out = request.stage, request.stage.stack_name, ROOT / ".build" / request.stage.name
    values = effective_values(request, session)
    progress("packaging with chalice")
    template = json.loads(package(stage.name, out).read_text())
    storefront.build(progress)
    key = stripe_key.ensure(session, name, request.stripe_secret_key, request.replace_stripe_key)
    outputs = _deploy_stacks(request, session, stage.resized(template), out, progress)
    _deploy_reporting(request, session, outputs, out, values, progress)
    publishable = values.get("StripePublishableKey", "")
    progress("publishing the storefront")
    storefront.publish(session, outputs["StorefrontBucketName"], _browser_config(stage.name, outputs, publishable))
    _invalidate(session, outputs["DistributionId"])
    api_url = f"{outputs['StorefrontUrl']}/api"
    webhooks.listen(session, name, outputs["Deployment"], key, api_url, values.get("StripeApiBase", ""))
    progress(f"updated how {reindex(session, outputs)} products, categories and orders are listed")
    if stage.name == "demo":
        progress(f"seeding {seed(session, outputs)} products")
    if domain := values.get("DomainName"):
        progress(f"DNS         {domain} CNAME {outputs['DistributionDomainName']}")
    progress(f"storefront  {outputs['StorefrontUrl']}")
    progress(f"API         {outputs['PublicApiUrl']}")


def _deploy_stacks(
    request: Request, session: boto3.Session, template: dict[str, Any], out: Path, progress: Progress
) -> dict[str, str]:
    """Deploy the main stack and the edge stack, which refer to each other. Return the main stack's outputs."""
    name = request.stage.stack_name
    own = {"Stage": request.stage.name, **link_keys.ensure(session, name)}
    edge_declared = request.templates[1].get("Parameters", {})

    def main_stack(more: dict[str, str]) -> dict[str, str]:
        given = {key: value for key, value in request.values.items() if key in template["Parameters"]}
        protection = {"DeletionProtection": "true"} if _is_to_be_protected(request, session) else {}
        return deploy(session, template, out, name, protection | given | own | more, progress, request.options)

    return edge_stack.deploy_around(
        main_stack,
        edge_stack.session(),
        name,
        lambda outputs: edge_stack.settings(outputs, session),
        out / "edge",
        progress,
        {key: value for key, value in request.values.items() if key in edge_declared},
        request.options,
    )


def _deploy_reporting(
    request: Request,
    session: boto3.Session,
    shop: dict[str, str],
    out: Path,
    values: dict[str, str],
    progress: Progress,
) -> None:
    """Deploy the reporting stack if the stage wants one; delete it otherwise."""
    main = request.stage.stack_name
    if values.get("Reporting") == "true":
        template = built_reporting.package(out)
        reporting.deploy(session, template, out, main, shop, values, progress, request.options)
    else:
        reporting.remove(Operation(session, reporting.name(main), progress, request.options))


def _is_to_be_protected(request: Request, session: boto3.Session) -> bool:
    """Return whether tables and user pool must refuse deletion: in a protected stage, from its second update on.

    A first deployment that fails could not be rolled back otherwise.
    """
    before = description(session.client("cloudformation"), request.stage.stack_name)
    return request.stage.termination_protection and before is not None and before["StackStatus"] in UPDATABLE


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
    paths = {"Quantity": 1, "Items": ["/*"]}
    session.client("cloudfront").create_invalidation(
        DistributionId=distribution,
        InvalidationBatch={"Paths": paths, "CallerReference": secrets.token_hex(8)},
    )
