"""Local shop: deploys the shop to a running emulator and seeds products and accounts, for `make up` and the tests."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3

from chalicelib.accounts.password import opaque
from infra.build import storefront
from infra.deploy import link_keys, stages, webhooks
from infra.deploy import reporting as reporting_stack
from infra.deploy.stack import Operation, Options, deploy
from infra.local import emulator, reporting
from infra.local.package import package_locally
from infra.local.place import ADMIN, CUSTOMER, STACK, LocalShop, Person
from infra.local.transform import Local
from infra.seed.seed import reindex, seed

OPTIONS = Options(confirmed=frozenset({"local"}), poll_seconds=0.3)
SENDER = stages.read("local").parameters["SenderEmail"]
Progress = Callable[[str], None]


def deploy_shop(
    place: LocalShop,
    out: Path,
    progress: Progress = lambda line: None,
    frontend: bool = True,
    products: int | None = None,
) -> dict[str, Any]:
    """Deploy or update the shop, seed it, and return the content of `.local/outputs.json`.

    `products` is how many of the demo catalog it sells, which are all by default.
    """
    session = place.session
    progress("packaging with chalice")
    stage = stages.read("local")
    template = stage.resized(package_locally(out, Local(place.emulator_port, place.payments_url)))
    session.client("ses").verify_email_identity(EmailAddress=SENDER)
    session.client("ssm").put_parameter(
        Name=f"/{STACK}/stripe/secret-key", Value=place.stripe_key, Type="SecureString", Overwrite=True
    )
    parameters = _parameters(place, stage) | link_keys.ensure(session, STACK)
    stack = deploy(session, template, out, STACK, parameters, progress, OPTIONS)
    _report(place, stack, out, progress)
    _archive(session, stack["EventBusName"])
    _republish(session)
    webhooks.listen(session, STACK, stack["Deployment"], place.stripe_key, stack["ApiUrl"], place.payments_url)
    if frontend:
        storefront.build(progress)
        publish_pages(place, stack)
    progress(f"seeding {seed(session, stack, products)} products")
    reindex(session, stack)
    for person, groups in ((CUSTOMER, []), (ADMIN, ["admin"])):
        create_account(session, stack["UserPoolId"], person, groups)
    return _outputs(place, stack)


def _report(place: LocalShop, stack: dict[str, str], out: Path, progress: Progress) -> None:
    """Deploy the reporting stack, or remove it."""
    local = Local(place.emulator_port, place.payments_url)
    if place.database_port:
        reporting.deploy(place.session, local, out, STACK, stack, place.database_port, OPTIONS, progress)
    else:
        reporting_stack.remove(Operation(place.session, reporting_stack.name(STACK), progress, OPTIONS))


def _archive(session: boto3.Session, bus: str) -> None:
    """Create the archive of the template's EventArchive, which the emulator's CloudFormation does not support."""
    events = session.client("events")
    arn = events.describe_event_bus(Name=bus)["Arn"]
    try:
        events.create_archive(ArchiveName=f"{STACK}-events", EventSourceArn=arn, RetentionDays=60)
    except events.exceptions.ResourceAlreadyExistsException:
        return


def _republish(session: boto3.Session) -> None:
    """Publish unpublished events: the emulator's streams are empty after a restart, the outbox is not."""
    described = session.client("cloudformation").describe_stack_resource(
        StackName=STACK, LogicalResourceId="RepublishEvents"
    )
    session.client("lambda").invoke(FunctionName=described["StackResourceDetail"]["PhysicalResourceId"])


def publish_pages(place: LocalShop, stack: dict[str, str]) -> None:
    storefront.publish(place.session, stack["StorefrontBucketName"], _browser_config(place, stack))


def _parameters(place: LocalShop, stage: stages.Stage) -> dict[str, str]:
    own = {
        "Stage": stage.name,
        "StripeApiBase": place.payments_url,
        "Reporting": str(bool(place.database_port)).lower(),
    }
    return own | stage.parameters | place.parameters


def _browser_config(place: LocalShop, stack: dict[str, str]) -> dict[str, Any]:
    return {
        "api": "/api",
        "websocket_url": stack["WebSocketUrl"],
        "stripe_publishable_key": None,
        "sandbox": True,
        # This key is for the sandbox's control API only, not for a Stripe account.
        "lab": {"control_api": {"url": place.payments_url, "key": place.stripe_key}},
    }


def create_account(session: boto3.Session, pool: str, person: Person, groups: list[str]) -> None:
    cognito = session.client("cognito-idp")
    try:
        cognito.admin_create_user(
            UserPoolId=pool,
            Username=person.email,
            MessageAction="SUPPRESS",
            UserAttributes=[{"Name": "email", "Value": person.email}, {"Name": "email_verified", "Value": "true"}],
        )
    except cognito.exceptions.UsernameExistsException:
        return
    password = opaque(person.password)
    cognito.admin_set_user_password(UserPoolId=pool, Username=person.email, Password=password, Permanent=True)
    for group in groups:
        cognito.admin_add_user_to_group(UserPoolId=pool, Username=person.email, GroupName=group)


def _outputs(place: LocalShop, stack: dict[str, str]) -> dict[str, Any]:
    return {
        "storefront_url": stack["StorefrontUrl"],
        "api_url": stack["ApiUrl"],
        "websocket_url": stack["WebSocketUrl"],
        "engine_url": emulator.url(place.emulator_port),
        "payments_url": place.payments_url,
        "state_machine_arn": stack["StateMachineArn"],
        "region": emulator.REGION,
        "account": place.account,
        "stripe_key": place.stripe_key,
        "customer": CUSTOMER.__dict__,
        "admin": ADMIN.__dict__,
        "stack": stack,
    }


def write_outputs(outputs: dict[str, Any], path: Path) -> None:
    path.write_text(json.dumps(outputs, indent=2) + "\n")
