"""`make audit`: every promise about money and stock, checked on a running shop. Exit status 1 if one is broken.

`STAGE=demo make audit` audits a stage in the AWS account of the environment, without it the local shop.
"""

import os
import sys
from typing import Any

import boto3
from rich.console import Console
from rich.table import Table

from infra.audit.auditor import Auditor, Verdict
from infra.audit.books import Reader
from infra.audit.stage import reader_of
from infra.commands import mail
from infra.local import run


def main() -> int:
    console = Console(highlight=False)
    stage = os.environ.get("STAGE")
    try:
        reader = of_stage(stage) if stage else of_local(run.place().session, run.outputs())
    except run.NotRunning as failure:
        console.print(f"[red]{failure}[/red]")
        return 2
    verdicts = Auditor(reader).verdicts()
    show(console, verdicts)
    return 1 if any(verdict.violations for verdict in verdicts) else 0


def of_local(session: boto3.Session, outputs: dict[str, Any]) -> Reader:
    """A shop on an engine; `outputs` is what `.local/outputs.json` holds."""

    def mailbox() -> list[dict[str, Any]]:
        return mail.messages(outputs["engine_url"], outputs["account"])

    return Reader(session, outputs["stack"], outputs["stripe_key"], outputs["payments_url"], mailbox)


def of_stage(stage: str) -> Reader:
    return reader_of(boto3.Session(), f"storefront-{stage}")


def show(console: Console, verdicts: list[Verdict]) -> None:
    table = Table(title="Audit", title_justify="left", expand=True)
    table.add_column("promise")
    table.add_column("checked", justify="right")
    table.add_column("violations", justify="right")
    for verdict in verdicts:
        colour = "red" if verdict.violations else "green"
        table.add_row(verdict.promise, str(verdict.checked), f"[{colour}]{len(verdict.violations)}[/{colour}]")
    console.print(table)
    for verdict in verdicts:
        for subject, text in verdict.violations.items():
            console.print(f"[red]{verdict.promise}[/red]\n  {subject}: {text}", soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
