"""Cost: what an order and a month cost on AWS, from counted units, prices and a scenario, as tables and a chart."""

from pathlib import Path

from rich.console import Console

from infra.build.template import ROOT
from infra.cost import model, report

CHART = ROOT / ".local" / "cost.svg"


def show(console: Console, scenario: Path | None, out: Path | None) -> None:
    """Print the tables and write the chart. Raises PricesInvalid."""
    of = model.scenario(scenario or model.FILE)
    report.show(console, of)
    report.draw(out or CHART, of)
    console.print(f"Chart: {out or CHART}")
