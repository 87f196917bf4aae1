"""Cost report: tables for the terminal, and a chart as SVG."""

from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from infra.cost import choices, model
from infra.cost.model import MILLION, Scenario
from infra.cost.prices import prices
from infra.cost.units import OUTCOMES

TRAFFIC = (100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000)
"""Orders a month."""
EMAIL = "SES"


def show(console: Console, of: Scenario) -> None:
    """Print all tables."""
    for table in (_by_outcome(of), _dearest(of), _by_traffic(of), _idle(of), _choices(of)):
        console.print(table)
    console.print(_break_even(of))


def millions(of: Scenario) -> dict[str, dict[str, float]]:
    """Return the cost of a million orders by outcome and service."""
    bills = {outcome: model.per_order(outcome, of) for outcome in OUTCOMES}
    return {outcome: {service: MILLION * cost for service, cost in bill.items()} for outcome, bill in bills.items()}


def _by_outcome(of: Scenario) -> Table:
    bills = millions(of)
    services = sorted(bills["completed"], key=lambda service: -bills["completed"][service])
    table = _table(
        f"US dollars per million orders, {prices().region}", "service", *(o.replace("_", " ") for o in OUTCOMES)
    )
    for service in services:
        table.add_row(service, *(f"{bills[outcome].get(service, 0):,.1f}" for outcome in OUTCOMES))
    table.add_section()
    table.add_row("all but emails", *(f"{sum(bills[o].values()) - bills[o].get(EMAIL, 0):,.0f}" for o in OUTCOMES))
    table.add_row("all", *(f"{sum(bills[outcome].values()):,.0f}" for outcome in OUTCOMES))
    return table


def _dearest(of: Scenario) -> Table:
    table = _table("What makes a completed order dear", "unit", "of", "count", "USD per million orders")
    for unit, resource, count, cost in model.dearest("completed", of):
        table.add_row(unit, resource, f"{count:g}", f"{cost:,.1f}")
    return table


def _by_traffic(of: Scenario) -> Table:
    idle = sum(choices.idle(of).values())
    table = _table("US dollars a month, with the visitors of each order", "orders", "serverless", "Fargate", "t3.micro")
    for orders in TRAFFIC:
        table.add_row(f"{orders:,}", *(f"{cost:,.0f}" for cost in monthly(orders, of, idle)))
    return table


def monthly(orders: float, of: Scenario, idle: float) -> tuple[float, float, float]:
    """Return a month's cost serverless, on Fargate, and on small servers."""
    busy, requests = model.processors(orders, of), model.requests_of(orders, of)
    rest = model.kept(orders, of, idle)
    on_fargate, on_servers = model.fargate(busy, requests, of.processor), model.servers(busy, requests)
    return model.serverless(orders, of, idle), rest + on_fargate, rest + on_servers


def _idle(of: Scenario) -> Table:
    table = _table("Without any order, US dollars a month", "item", "USD")
    items = choices.idle(of)
    for item, cost in items.items():
        table.add_row(item, f"{cost:,.2f}")
    table.add_section()
    table.add_row("all", f"{sum(items.values()):,.2f}")
    return table


def _choices(of: Scenario) -> Table:
    table = _table("Choices", "choice", "US dollars per", "options")
    for title, unit, options in choices.choices(of):
        table.add_row(title, unit, ", ".join(f"{name} {cost:,.2f}" for name, cost in options.items()))
    return table


def break_evens(of: Scenario) -> dict[str, float | None]:
    """Return the orders a month from which servers are cheaper, by kind of server."""
    idle = sum(choices.idle(of).values())

    def cost_of(position: int) -> Callable[[float], float]:
        return lambda orders: monthly(orders, of, idle)[position]

    return {
        kind: model.break_even(cost_of(0), cost_of(position)) for kind, position in (("Fargate", 1), ("a t3.micro", 2))
    }


def _break_even(of: Scenario) -> str:
    found = break_evens(of).items()
    return "\n".join(
        f"Cheaper with {kind} from {orders:,.0f} orders a month." if orders else f"Never cheaper with {kind}."
        for kind, orders in found
    )


def _table(title: str, first: str, *others: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column(first)
    for name in others:
        table.add_column(name, justify="left" if name in ("of", "options", "US dollars per") else "right")
    return table


def draw(path: Path, of: Scenario) -> None:
    """Write the chart: a million orders by service, and a month's cost against traffic."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "cost", "font.family": "sans-serif"})
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(13, 4.5), layout="constrained")
    bills = millions(of)
    names = [outcome.replace("_", "\n") for outcome in OUTCOMES]
    base = [0.0] * len(OUTCOMES)
    colours = matplotlib.colormaps["tab20"]
    for position, service in enumerate(sorted(bills["completed"], key=lambda each: -bills["completed"][each])):
        heights = [bills[outcome].get(service, 0) for outcome in OUTCOMES]
        if max(heights) >= 1:
            left.bar(names, heights, bottom=base, label=service, color=colours(position))
            base = [under + height for under, height in zip(base, heights, strict=True)]
    left.set_ylabel("USD per million orders")
    left.legend(loc="upper left", bbox_to_anchor=(1, 1), reverse=True, fontsize=8, frameon=False)
    idle = sum(choices.idle(of).values())
    traffic = [10 ** (power / 4) for power in range(8, 29)]
    for position, name in enumerate(("serverless", "Fargate", "t3.micro")):
        right.loglog(traffic, [monthly(orders, of, idle)[position] for orders in traffic], label=name)
    right.set_xlabel("orders a month")
    right.set_ylabel("USD a month")
    right.legend()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, format="svg", metadata={"Date": None})
    pyplot.close(figure)
