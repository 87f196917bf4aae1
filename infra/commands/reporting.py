"""Reporting database: migrates it, and rebuilds it from the shop's tables, on any stage."""

from rich.console import Console

from infra.commands.deployment import Deployment
from infra.deploy import reporting


def run(console: Console, shop: Deployment, rebuild: bool) -> None:
    """Print what was done. Raises ReportingOff, ReportingFailed."""
    revision = reporting.migrate(shop.session, shop.stack_name)
    console.print(f"The reporting database is at revision {revision}.")
    if rebuild:
        done = reporting.rebuild(shop.session, shop.stack_name, lambda line: console.print(f"  {line}"))
        console.print(f"Rebuilt from {done} orders and stock adjustments.")
    else:
        console.print("Rebuild it from the tables: make reporting REBUILD=1")
