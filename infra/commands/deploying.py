"""Deployment commands: deploy a stage, check it before, delete it."""

from collections.abc import Iterable
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from infra.commands.output import styled
from infra.deploy import aws, edge, leftovers, log, stages, stripe_key
from infra.deploy.destroy import Destruction
from infra.deploy.doctor.checks import CHECKS
from infra.deploy.doctor.findings import Finding, Severity, blocker, examine, has_blocker
from infra.deploy.doctor.subject import Subject
from infra.deploy.stack import Options

COLOURS = {Severity.BLOCKER: "bold red", Severity.WARNING: "yellow", Severity.FINE: "green"}
HOW_TO_GIVE = "Set it in the stage file, or give it as PARAMETERS=Name=value."


class Blocked(Exception):
    """The preflight checks found a blocker."""


def request(
    stage: str,
    parameter: Iterable[tuple[str, str]],
    sender_email: str,
    alarm_email: str,
    stripe_publishable_key: str,
    confirm: frozenset[str] = frozenset(),
    **more: Any,
) -> aws.Request:
    """Return the deployment that the options ask for. Raises StageFileInvalid."""
    named = {
        "SenderEmail": sender_email,
        "AlarmEmail": alarm_email,
        "StripePublishableKey": stripe_publishable_key,
    }
    given = {name: value for name, value in named.items() if value} | dict(parameter)
    return aws.Request(stages.read(stage), given, confirmed=confirm, **more)


def doctor(console: Console, asked: aws.Request) -> int:
    """Print every finding; return 1 if one is a blocker."""
    findings = _findings(asked)
    _show(console, f"Stage {asked.stage.name} in {asked.stage.region}", findings)
    return int(has_blocker(findings))


def deploy(console: Console, asked: aws.Request) -> None:
    """Check, then deploy. Raises Blocked, and as `aws.deploy_stage` does."""
    session = asked.stage.session()
    aws.refuse_bad_values(asked)
    if missing := aws.missing_values(asked, aws.effective_values(asked, session)):
        raise stages.StageFileInvalid(missing)
    stripe_key.in_use(stripe_key.stored(session, asked.stage.stack_name), asked.stripe_secret_key, False)
    progress = log.logged(asked.stage.name, lambda line: console.print(f"  {line}", soft_wrap=True))
    try:
        progress(f"deploying stage {asked.stage.name} to {asked.stage.region}")
        _refuse_blocked(console, asked)
        aws.deploy_stage(asked, session, progress)
        progress("done")
    except KeyboardInterrupt:
        progress("interrupted: CloudFormation continues, and the next deployment waits for it")
        raise
    except Exception as failure:
        log.logged(asked.stage.name, lambda line: None)(f"failed: {failure}")
        raise


def _refuse_blocked(console: Console, asked: aws.Request) -> None:
    """Print what the preflight checks found. Raises Blocked."""
    findings = [each for each in _findings(asked) if each.severity is not Severity.FINE]
    if findings:
        _show(console, "Before the deployment", findings)
    if has_blocker(findings):
        raise Blocked("Nothing was changed: remove the blockers first.")


def destroy(console: Console, stage: str, name: str | None, confirmed: frozenset[str], poll_seconds: float) -> None:
    """Delete a stage after its name was given again. Raises click.UsageError, and as `Destruction` does."""
    values = stages.read(stage)
    session = values.session()
    name = name or click.prompt(f"This deletes {values.stack_name} in {values.region}. The stage's name", err=True)
    if name != stage:
        raise click.UsageError(f"{name!a} is not the stage {stage}: nothing was deleted.")
    progress = log.logged(stage, lambda line: console.print(f"  {line}", soft_wrap=True))
    options = Options(stage, confirmed=confirmed, poll_seconds=poll_seconds)
    destruction = Destruction(values, session, edge.session(), options, progress)
    retained = destruction.delete_main()
    for line in leftovers.described(leftovers.of_stage(session, values.stack_name, retained), values.costs):
        progress(line)
    destruction.delete_rest()
    progress("done")


def _findings(asked: aws.Request) -> list[Finding]:
    """Run all checks. Raises BotoCoreError without credentials."""
    aws.refuse_bad_values(asked)
    session = asked.stage.session()
    values = aws.effective_values(asked, session)
    missing = [blocker("parameters", line, HOW_TO_GIVE) for line in aws.missing_values(asked, values)]
    kept = stripe_key.stored(session, asked.stage.stack_name)
    key = asked.stripe_secret_key if asked.replace_stripe_key or kept is None else kept
    subject = Subject(asked.stage, session, values, asked.templates[0], key)
    return [*missing, *examine(subject, CHECKS)]


def _show(console: Console, title: str, findings: list[Finding]) -> None:
    """Print the findings as a table, and the remedies below it, where a terminal does not break their commands."""
    table = Table(title=title, title_justify="left")
    for column in ("", "check", "finding"):
        table.add_column(column, overflow="fold")
    for each in findings:
        table.add_row(styled(each.severity.value, COLOURS[each.severity]), each.subject, each.message)
    console.print(table)
    for each in findings:
        if each.remedy:
            console.print(styled(f"  {each.subject}:", COLOURS[each.severity]), each.remedy, soft_wrap=True)
