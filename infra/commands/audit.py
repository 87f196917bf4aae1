"""Audit: checks every invariant of money and stock on the local shop or on a stage."""

from typing import Any

import boto3
from rich.console import Console
from rich.table import Table

from infra.audit.auditor import Auditor, Verdict
from infra.audit.books import Reader
from infra.audit.stage import reader_of
from infra.commands import mail
from infra.commands.deployment import LOCAL, Deployment
from infra.commands.output import styled
from infra.local import run


def audit(console: Console, shop: Deployment) -> int:
    """Return 1 if an invariant is violated."""
    is_local = shop.stage == LOCAL
    reader = of_local(shop.session, run.outputs()) if is_local else reader_of(shop.session, shop.stack_name)
    return show(console, Auditor(reader).verdicts())


def of_local(session: boto3.Session, outputs: dict[str, Any]) -> Reader:
    """Return a reader of a shop on an emulator; `outputs` is the content of `.local/outputs.json`."""

    def mailbox() -> list[dict[str, Any]]:
        return mail.messages(outputs["engine_url"], outputs["account"])

    return Reader(session, outputs["stack"], outputs["stripe_key"], outputs["payments_url"], mailbox)


def show(console: Console, verdicts: list[Verdict]) -> int:
    """Print the verdicts. Return 1 if an invariant is violated."""
    table = Table(title="Audit", title_justify="left", expand=True)
    table.add_column("invariant")
    table.add_column("checked", justify="right")
    table.add_column("violations", justify="right")
    for verdict in verdicts:
        colour = "red" if verdict.violations else "green"
        table.add_row(verdict.invariant, str(verdict.checked), styled(str(len(verdict.violations)), colour))
    console.print(table)
    for verdict in verdicts:
        for subject, text in verdict.violations.items():
            console.print(styled(verdict.invariant, "red"))
            console.print(f"  {subject}: {text}", soft_wrap=True)
    return 1 if any(verdict.violations for verdict in verdicts) else 0
