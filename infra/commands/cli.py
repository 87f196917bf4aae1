"""Command line: the options of each command. A command's own module is imported only when the command runs."""

import json
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import click

STAGE_NAME = r"[a-z][a-z0-9-]{0,31}"


class CommandLine(click.Group):
    """Prints a failure as one line on stderr: exit code 2 for bad input, 1 for work that failed."""

    def main(self, *arguments: Any, **options: Any) -> NoReturn:
        try:
            sys.exit(super().main(*arguments, **{**options, "standalone_mode": False}) or 0)
        except click.exceptions.NoArgsIsHelpError as usage:
            usage.show()
            sys.exit(2)
        except click.Abort:
            sys.exit(130)
        except click.ClickException as failure:
            _fail(failure.format_message(), 2)
        except Exception as failure:
            from infra.commands.failures import exit_code_of

            code = exit_code_of(failure)
            if code is None:
                raise
            _fail(str(failure), code)


def _fail(message: str, code: int) -> NoReturn:
    from infra.commands.output import one_line, printable

    click.secho(one_line(message) if code == 2 else printable(message), fg="red", err=True)
    sys.exit(code)


class StageName(click.ParamType):
    """The name of a stage; `is_on_aws` excludes the local shop."""

    name = "stage"

    def __init__(self, is_on_aws: bool = False) -> None:
        self._is_on_aws = is_on_aws

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not re.fullmatch(STAGE_NAME, value):
            self.fail(f"{value!a} is not the name of a stage: lower-case letters, digits and dashes.", param, ctx)
        if self._is_on_aws and value == "local":
            self.fail("The stage `local` is the shop of `make up`.", param, ctx)
        return value


class Moment(click.ParamType):
    """An ISO 8601 date and time, in UTC if it names no offset."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!a} is not an ISO 8601 time, such as 2030-05-17T09:00.", param, ctx)
        return at if at.tzinfo else at.replace(tzinfo=UTC)


class JsonObject(click.ParamType):
    """A JSON object."""

    name = "json"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dict[str, Any]:
        try:
            content = value if isinstance(value, dict) else json.loads(value)
        except ValueError as error:
            self.fail(f"{value!a} is not JSON: {error}", param, ctx)
        if not isinstance(content, dict):
            self.fail(f"{value!a} is not a JSON object.", param, ctx)
        return content


def setting(name: str, variable: str, text: str, **options: Any) -> Callable[[Any], Any]:
    """An option that can also be given as an environment variable, which is how make passes its variables."""
    return click.option(name, envvar=variable, help=text, show_envvar=True, **options)


at_stage = setting("--stage", "STAGE", "Stage to work on.", type=StageName(), default="local", show_default=True)
as_admin = setting("--admin-email", "ADMIN_EMAIL", "Admin to sign in as, on AWS. ADMIN_PASSWORD, or asked for.")


def aws_stage(text: str) -> Callable[[Any], Any]:
    return setting("--stage", "STAGE", text, type=StageName(is_on_aws=True), default="demo", show_default=True)


@click.group(cls=CommandLine)
def cli() -> None:
    """Run, watch, operate and deploy the shop."""


def _console() -> Any:
    from infra.commands.output import PlainConsole

    return PlainConsole()


LOCAL_COMMANDS = {
    "up": ("local_shop.up", "Start or update the local shop and print its addresses."),
    "down": ("local_shop.down", "Stop the local shop and keep its data."),
    "demo": ("demo.demo", "Send six orders through the saga and show their states."),
    "tour": ("tour.tour", "Run each event pattern once and show where it happened."),
    "mail": ("mail.show", "Show the emails that the local shop has sent."),
    "rush": ("rush.rush", "Check out 200 carts at once for 50 units, then audit."),
    "burst": ("burst.burst", "Place 300 orders at once, then audit."),
    "bench-init": ("bench_init.bench_init", "Measure what each kind of function costs to start."),
    "lighthouse": ("lighthouse.lighthouse", "Measure the storefront's pages with Lighthouse."),
    "screenshots": ("screenshots.screenshots", "Write a screenshot of every page to .local/screenshots."),
}
"""By name: the function, below this package, and the help text. They take no options."""


def _add_local(name: str, function: str, text: str) -> None:
    @cli.command(name, help=text)
    def command() -> Any:
        module, _, attribute = function.partition(".")
        return getattr(import_module(f"infra.commands.{module}"), attribute)(_console())


for _name, (_function, _text) in LOCAL_COMMANDS.items():
    _add_local(_name, _function, _text)


@cli.command()
def browser() -> None:
    """Find or install a Chromium and print its path."""
    from infra.commands import browser

    click.echo(browser.chromium())


@cli.command()
@at_stage
def audit(stage: str) -> int:
    """Check every invariant of money and stock. Exit code 1 if one is violated."""
    from infra.commands import audit, deployment

    return audit.audit(_console(), deployment.find(stage))


@cli.command()
@at_stage
@setting("--name", "NAME", "Job to run. Without it, the jobs are listed.")
@setting("--input", "INPUT", "Input of the job, a JSON object.", type=JsonObject(), default="{}")
def job(stage: str, name: str | None, input: dict[str, Any]) -> None:
    """Run a scheduled job now and print its answer."""
    from infra.commands import job

    job.run(stage, name, input) if name else job.show(stage)


@cli.command("import")
@at_stage
@as_admin
@setting(
    "--file", "FILE", "CSV, or JSON lines if the name ends in .jsonl.", required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)  # fmt: skip
def import_products(stage: str, admin_email: str | None, file: Path) -> int:
    """Import products from a file. Example: docs/examples/products.csv"""
    from infra.commands import deployment, import_products

    return import_products.import_file(_console(), deployment.find(stage).admin(admin_email), file)


@cli.command()
@at_stage
@as_admin
@setting("--show", "SHOW", "Queue whose first ten dead letters are listed.")
@setting("--redrive", "REDRIVE", "Queue whose dead letters are processed again.")
@setting("--drop", "DROP", "Queue from which the dead letter --id is deleted.")
@setting("--id", "ID", "Dead letter to delete.")
def dlq(
    stage: str, admin_email: str | None, show: str | None, redrive: str | None, drop: str | None, id: str | None
) -> int:
    """List dead letters, redrive them, or delete one."""
    from infra.commands import deployment, dlq

    if drop and not id:
        raise click.UsageError("Say which dead letter to delete: give --id or set ID.")
    console, admin = _console(), deployment.find(stage).admin(admin_email)
    if show:
        dlq.show(console, admin, show)
    elif redrive:
        return dlq.redrive(console, admin, redrive)
    elif drop and id:
        dlq.drop(console, admin, drop, id)
    else:
        dlq.overview(console, admin)
    return 0


@cli.command()
@at_stage
@as_admin
@setting("--from", "FROM", "First moment, ISO 8601. Default: an hour ago.", type=Moment(), default=None)
@setting("--to", "TO", "Last moment, ISO 8601. Default: now.", type=Moment(), default=None)
@setting("--type", "TYPE", "Type of event, such as OrderCompleted. Default: all.")
def replay(**options: Any) -> int:
    """Publish archived events again. Consumers process each event at most once."""
    from infra.commands import deployment, replay

    admin = deployment.find(options["stage"]).admin(options["admin_email"])
    return replay.replay(_console(), admin, options["from"], options["to"], options["type"])


@cli.command()
@at_stage
@setting("--email", "EMAIL", "Address of the admin.", required=True)
def admin(stage: str, email: str) -> None:
    """Invite an admin by email, or promote a customer."""
    from infra.commands import deployment, people

    shop = deployment.find(stage)
    click.echo(people.make_admin(shop.session, shop.outputs, email))


@cli.command()
@at_stage
@setting("--name", "NAME", "Name of the partner.", required=True)
def partner(stage: str, name: str) -> None:
    """Create a partner's API key and print it. It cannot be printed again."""
    from infra.commands import deployment, people

    shop = deployment.find(stage)
    click.echo(people.make_partner(shop.session, shop.outputs, name))


@cli.command()
def contracts() -> int:
    """Write the event contracts to docs/events. Exit code 1 on a breaking change."""
    from infra.build import contracts

    return contracts.main()


@cli.command()
@aws_stage("Stage to package for.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Folder. Default: .build/STAGE")
def package(stage: str, out: Path | None) -> None:
    """Write the template and code for CloudFormation."""
    from infra.build.package import package
    from infra.build.template import ROOT

    click.echo(package(stage, (out or ROOT / ".build" / stage).resolve()))


@cli.command()
@aws_stage("Stage to deploy: demo has a demo catalog and a simulated warehouse, prod has neither.")
@setting("--stripe-secret-key", "STRIPE_SECRET_KEY", "Stripe's secret key.", required=True)
@setting("--stripe-publishable-key", "STRIPE_PUBLISHABLE_KEY", "Adds Stripe's card form to the checkout.", default="")
@setting("--sender-email", "SENDER_EMAIL", "Sender of the shop's emails, verified in SES.", required=True)
def deploy(stage: str, stripe_secret_key: str, stripe_publishable_key: str, sender_email: str) -> None:
    """Deploy to the AWS account of the environment."""
    import boto3

    from infra.deploy import aws

    aws.deploy_stage(boto3.Session(), stage, aws.Settings(stripe_secret_key, stripe_publishable_key, sender_email))


@cli.command("rotate-link-keys")
@aws_stage("Stage whose keys are rotated.")
def rotate_link_keys(stage: str) -> None:
    """Sign links with a new key. The key before it still verifies; deploy afterwards."""
    from infra.commands import deployment
    from infra.deploy import link_keys

    shop = deployment.find(stage)
    link_keys.rotate(shop.session, shop.stack_name)
