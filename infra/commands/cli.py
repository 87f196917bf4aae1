"""Command line: the options of each command. A command's own module is imported only when the command runs."""

import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import click

from infra.commands.cli_models import cost, plan, tune
from infra.commands.cli_testbed import mutate
from infra.commands.options import (
    AdminAddress,
    Assignment,
    EventType,
    InputFile,
    JsonObject,
    Moment,
    Names,
    OrderName,
    StageName,
    setting,
)


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
            _fail(str(failure), code, getattr(failure, "problems", ()))


def _fail(message: str, code: int, problems: Sequence[str] = ()) -> NoReturn:
    """Print a problem a line, or the message; a message about bad input is one line."""
    from infra.commands.output import one_line, printable

    lines = [one_line(each) for each in problems] or [one_line(message) if code == 2 else printable(message)]
    click.secho("\n".join(lines), fg="red", err=True)
    sys.exit(code)


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
    "mail": ("mail.show", "Show the emails that the local shop has sent, also as pages."),
    "burst": ("burst.burst", "Place 300 orders at once, then audit."),
    "bench-init": ("bench_init.bench_init", "Measure what each kind of function costs to start."),
    "bench-imports": ("bench_imports.bench_imports", "Measure the ways of a product file: rows per second and cost."),
    "lighthouse": ("lighthouse.lighthouse", "Measure the storefront's pages with Lighthouse."),
    "coverage": ("coverage.show", "Show which edges of the workflows the latest test run took, and draw them."),
    "workflows": ("workflows.write", "Draw the workflows in docs/workflows, with their order and time budget."),
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
@setting(
    "--reservations", "RESERVATIONS", "Instead: so many reservations at once, on keys with DynamoDB's limits.",
    type=click.IntRange(1, 20_000),
)  # fmt: skip
@setting("--shards", "SHARDS", "Shards of their stock, compared with one.", type=click.IntRange(1, 16), default=10)
def rush(reservations: int | None, shards: int) -> int:
    """Check out 200 carts at once for 50 units, then audit. Or reserve a hot product, in virtual time and no shop."""
    from infra.commands import rush

    return rush.reserve(_console(), reservations, shards) if reservations else rush.rush(_console())


@cli.command()
@setting("--seeds", "SEEDS", "Number of seeds to run, from --first on.", type=click.IntRange(1, 1_000_000), default=100)
@setting("--first", "FIRST", "First of these seeds.", type=click.IntRange(0), default=0)
@setting("--seed", "SEED", "Instead: the one seed to run, whose history is kept.", type=click.IntRange(0))
@setting("--orders", "ORDERS", "Orders of a seed.", type=click.IntRange(1, 1_000), default=20, show_default=True)
@setting("--faults", "FAULTS", "Faults instead of the usual ones, such as payments.capture=lost_answer#1.")
@setting("--plan", "PLAN", "YAML file with faults.", type=click.Path(dir_okay=False, path_type=Path))
def simulate(seeds: int, first: int, seed: int | None, orders: int, faults: str | None, plan: Path | None) -> int:
    """Run the shop under many seeds with faults, in virtual time. Exit code 1 if an invariant is violated."""
    from infra.commands import simulate

    wanted = simulate.plan_of(faults, plan)
    if seed is not None:
        return simulate.run_seed(_console(), seed, orders, wanted)
    return simulate.run_seeds(_console(), range(first, first + seeds), orders, wanted)


@cli.command()
@setting("--orders", "ORDERS", "Number of buyers.", type=click.IntRange(1, 20_000), default=500, show_default=True)
@setting("--seed", "SEED", "Seed of the faults and the buyers.", type=int, default=1, show_default=True)
@setting("--plan", "PLAN", "YAML file of faults. Default: testbed/plans/chaos.yaml", type=InputFile())
@setting("--faults", "FAULTS", "Faults instead of a file, such as 'payments.capture=lost_answer@0.2'.")
@setting("--restart/--no-restart", "RESTART", "Restart the emulator between the two halves.", default=True)
def chaos(orders: int, seed: int, plan: Path | None, faults: str | None, restart: bool) -> int:
    """Let many buyers at once meet faults at every boundary, in a shop of its own, then audit. Last line: JSON."""
    from infra.commands import chaos
    from infra.commands.simulate import plan_of
    from testbed.plan import FaultPlan

    faulty = plan_of(faults, plan) or FaultPlan.read(chaos.PLAN)
    return chaos.chaos(_console(), chaos.Settings(orders, seed, faulty, restart))


@cli.command()
@setting("--every", "EVERY", "Try only every n-th crash point.", type=click.IntRange(1), default=1)
@setting("--pairs", "PAIRS", "Instead: pairs of crashes of the workflows' steps.", is_flag=True)
def crashes(every: int, pairs: bool) -> int:
    """Let functions die at each call that they make, in virtual time. Exit code 1 if an invariant is violated."""
    from infra.commands import crashes

    return crashes.crashes(_console(), every, pairs)


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


@cli.command()
@at_stage
@setting("--name", "NAME", "Function whose lines are shown, such as SendNotifications. Default: all.")
@setting("--order", "ORDER", "Order whose lines are shown.", type=OrderName())
@setting("--follow", "FOLLOW", "Show new lines until Ctrl-C.", is_flag=True)
def logs(stage: str, name: str | None, order: str | None, follow: bool) -> None:
    """Show the log lines of all functions of the last 15 minutes, oldest first."""
    from infra.commands import deployment, logs

    logs.show(_console(), deployment.find(stage), name, order, follow)


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
@setting("--type", "TYPE", "Type of event, such as OrderCompleted. Default: all.", type=EventType())
def replay(**options: Any) -> int:
    """Publish archived events again. Consumers process each event at most once."""
    from infra.commands import deployment, replay

    admin = deployment.find(options["stage"]).admin(options["admin_email"])
    return replay.replay(_console(), admin, options["from"], options["to"], options["type"])


@cli.command()
@at_stage
@setting("--rebuild", "REBUILD", "Write every order and stock adjustment again.", is_flag=True)
def reporting(stage: str, rebuild: bool) -> None:
    """Migrate the reporting database, and rebuild it if asked to."""
    from infra.commands import deployment, reporting

    reporting.run(_console(), deployment.find(stage), rebuild)


@cli.command()
@at_stage
@setting("--email", "EMAIL", "Address of the admin.", type=AdminAddress(), required=True)
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
@setting("--out", "OUT", "JSON file. Default: .local/benchmark.json", type=click.Path(dir_okay=False, path_type=Path))
@setting("--record", "RECORD", "Write docs/benchmark.json and its plot.", is_flag=True, default=False)
@setting("--grow", "GROW", "Instead: compare 100 and 20,000 stored orders, in a shop of its own.", is_flag=True)
def bench(out: Path | None, record: bool, grow: bool) -> int:
    """Measure the local shop, and compare with the committed result. With GROW=1, exit code 1 if an operation grows."""
    from infra.commands import bench, growth

    if grow:
        return growth.grow(_console(), out, record)
    bench.bench(_console(), out, record)
    return 0


@cli.command()
def contracts() -> int:
    """Write the event contracts to docs/events. Exit code 1 on a breaking change."""
    from infra.build import contracts

    return contracts.main()


@cli.command()
@aws_stage("Stage to package for.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Folder. Default: .build/STAGE")
def package(stage: str, out: Path | None) -> None:
    """Write the template and code for CloudFormation, and state what each function loads."""
    from infra.build.package import package
    from infra.build.template import ROOT
    from infra.commands.package_sizes import print_sizes

    template = package(stage, (out or ROOT / ".build" / stage).resolve())
    print_sizes(_console(), template)
    click.echo(template)


def deployment_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options from which `deploying.request` is made."""
    for add in (
        setting("--poll-seconds", "POLL_SECONDS", "Seconds between two looks at a stack.", type=float, default=5),
        setting("--parameter", "PARAMETERS", "Template parameters.", type=Assignment(), multiple=True),
        setting("--sender-email", "SENDER_EMAIL", "Sender of the shop's emails, verified in SES.", default=""),
        setting("--alarm-email", "ALARM_EMAIL", "Address that receives alarms.", default=""),
        setting("--stripe-publishable-key", "STRIPE_PUBLISHABLE_KEY", "Adds Stripe's card form.", default=""),
        setting("--stripe-secret-key", "STRIPE_SECRET_KEY", "Stripe's secret key, if none is stored.", default=""),
        setting("--replace-stripe-key", "REPLACE_STRIPE_KEY", "Replace the stored secret key.", is_flag=True),
        aws_stage("Stage: demo has a demo catalog and a simulated warehouse, prod has neither."),
    ):
        command = add(command)
    return command


@cli.command()
@deployment_options
def doctor(**options: Any) -> int:
    """Check whether a stage can be deployed, without changing anything. Exit code 1 on a blocker."""
    from infra.commands import deploying

    return deploying.doctor(_console(), deploying.request(**options))


@cli.command()
@deployment_options
@setting("--confirm", "CONFIRM", "Logical ids, or the stage, whose loss of data is intended.", type=Names(), default="")
def deploy(**options: Any) -> None:
    """Deploy to the AWS account of the environment."""
    from infra.commands import deploying

    deploying.deploy(_console(), deploying.request(**options))


@cli.command()
@aws_stage("Stage to delete.")
@setting("--name", "NAME", "The stage's name again, which confirms the deletion. Without it, it is asked for.")
@setting("--confirm", "CONFIRM", "The stage, if its termination protection is on.", type=Names(), default="")
@setting("--poll-seconds", "POLL_SECONDS", "Seconds between two looks at a stack.", type=float, default=5)
def destroy(stage: str, name: str | None, confirm: frozenset[str], poll_seconds: float) -> None:
    """Delete a stage, and list what is kept."""
    from infra.commands import deploying

    deploying.destroy(_console(), stage, name, confirm, poll_seconds)


@cli.command("rotate-link-keys")
@aws_stage("Stage whose keys are rotated.")
def rotate_link_keys(stage: str) -> None:
    """Sign links with a new key. The key before it still verifies; deploy afterwards."""
    from infra.commands import deployment
    from infra.deploy import link_keys, outputs, parameters

    shop = deployment.find(stage)
    deployed = parameters.previous(outputs.description(shop.session.client("cloudformation"), shop.stack_name))
    link_keys.rotate(shop.session, shop.stack_name, deployed["EdgeMarkDigests"])


for _command in (cost, plan, tune, mutate):
    cli.add_command(_command)
