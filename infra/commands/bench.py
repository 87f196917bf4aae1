"""Benchmark of the local shop: latencies, throughput and the cost of an order, beside the last committed result.

Times depend on the machine, so each latency is also a multiple of the median of `GET /health` in the same run.
"""

import json
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from rich.console import Console
from rich.table import Table

from chalicelib.platform.shop import shop
from infra.build.template import ROOT
from infra.commands import burst, deployment
from infra.commands.client import OVER, Buyer
from infra.cost import model, report

COMMITTED = ROOT / "docs" / "benchmark.json"
PLOT = ROOT / "docs" / "images" / "benchmark.svg"
CALLS = 60
"""Of each kind, one after the other."""
READERS, READS = 4, 200
ORDERS, BURST = 12, 300
WAREHOUSE_SECONDS = 1
"""The simulated warehouse dispatches so long after it accepted: `infra/simulator/warehouse.py`."""
PRODUCT = burst.CARD | {"name": "Benchmark postcard"}
SKU = "PAPER-BENCH"
PAUSE_SECONDS = 0.03
MOST_COLUMNS = 8
GROWTH = "growth"
"""Key of the growth benchmark's result in a file of figures: infra/commands/growth.py."""

Unit = Literal["ms", "s", "/s", "USD/M"]
"""The last is USD per million."""


@dataclass(frozen=True)
class Figure:
    """`ratio` is a multiple of the median of `GET /health` in the same run; None for what is no latency."""

    value: float
    unit: Unit
    ratio: float | None = None


def bench(console: Console, out: Path | None, record: bool) -> None:
    """Print all figures and write them as JSON and as a plot; with `record`, as the ones to commit."""
    figures = {**_latencies(console), **_throughput(console), **_cost()}
    committed = read(COMMITTED)
    console.print(table(figures, committed))
    written = COMMITTED if record else out or ROOT / ".local" / "benchmark.json"
    growth = {name: each for name, each in content(written).items() if name == GROWTH}
    write(written, {name: asdict(figure) for name, figure in figures.items()} | growth)
    drawn = PLOT if record else written.with_suffix(".svg")
    draw(figures, committed, drawn)
    console.print(f"  {written}\n  {drawn}")


def read(path: Path) -> dict[str, Figure]:
    """Return the figures of a file; none if there is no such file."""
    return {name: Figure(**figure) for name, figure in content(path).items() if name != GROWTH}


def content(path: Path) -> dict[str, Any]:
    """Return what is in a file of results; nothing if there is no such file."""
    return dict(json.loads(path.read_text())) if path.exists() else {}


def write(path: Path, results: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results, indent=2) + "\n")


def _latencies(console: Console) -> dict[str, Figure]:
    """Measure each call, and orders one after the other without the warehouse's delay, in an idle shop."""
    local = deployment.find(deployment.LOCAL)
    admin, guest = local.admin(), Buyer(local.outputs["PublicApiUrl"])
    admin.must("PUT", f"/admin/products/{SKU}", PRODUCT)
    admin.must("POST", f"/admin/stock/{SKU}", {"delta": ORDERS + 1})
    try:
        order = guest.buy(SKU)
        guest.ended(order)
        calls: dict[str, Callable[[], object]] = {
            "GET /health": lambda: guest.call("GET", "/health"),
            "GET /products/{sku}": lambda: guest.call("GET", f"/products/{SKU}"),
            "GET /products": lambda: guest.call("GET", "/products"),
            "GET /products?q=mug": lambda: guest.call("GET", "/products?q=mug"),
            "PUT /cart/items/{sku}": lambda: guest.put_in_cart(SKU),
            "GET /cart": lambda: guest.call("GET", "/cart"),
            "GET /orders/{order_id}": lambda: guest.order(order),
            "GET /admin/orders": lambda: admin.call("GET", "/admin/orders"),
        }
        console.print(f"  {CALLS} calls of each kind …")
        medians = {name: statistics.median(_timed(call) for _ in range(CALLS)) for name, call in calls.items()}
        base = medians["GET /health"]
        found = {name: Figure(1000 * each, "ms", each / base) for name, each in medians.items()}
        console.print(f"  {ORDERS} orders, one after the other …")
        seconds = [_timed(lambda: _completed(guest)) - WAREHOUSE_SECONDS for _ in range(ORDERS)]
    finally:
        admin.archive(SKU)
    half = statistics.median(seconds)
    return found | {"checkout to COMPLETED": Figure(half, "s", half / base)}


def _completed(guest: Buyer) -> None:
    """Buy one unit and wait for the end of the order, with short pauses: they limit the precision."""
    guest.put_in_cart(SKU)
    order = guest.check_out().body["order_id"]
    while guest.order(order)["status"] not in OVER:
        time.sleep(PAUSE_SECONDS)


def _throughput(console: Console) -> dict[str, Figure]:
    """Measure reads by several clients at once, and a burst of orders."""
    local = deployment.find(deployment.LOCAL)
    api_url = local.outputs["PublicApiUrl"]
    console.print(f"  {READS} reads by {READERS} clients …")
    with ThreadPoolExecutor(READERS) as pool:
        reading = _timed(lambda: list(pool.map(lambda _: Buyer(api_url).must("GET", "/products"), range(READS))))
    console.print(f"  {BURST} orders at once …")
    drained = burst.place_all(local, BURST)
    return {
        "lists of products": Figure(READS / reading, "/s"),
        f"burst of {BURST} orders": Figure(drained.endings["COMPLETED"] / drained.seconds, "/s"),
    }


def _cost() -> dict[str, Figure]:
    """Return what a million completed orders cost, without email."""
    bill = report.millions(model.scenario())["completed"]
    emails = bill.get(report.EMAIL, 0)
    return {"a completed order": Figure(sum(bill.values()) - emails, "USD/M")}


def _timed(call: Callable[[], object]) -> float:
    """Return seconds."""
    began = time.monotonic()
    call()
    return time.monotonic() - began


def table(figures: dict[str, Figure], committed: dict[str, Figure]) -> Table:
    """Return a table that fits 80 columns. `ratio` compares with the committed result."""
    shown = Table("what", "now", "× /health", "committed", "ratio")
    for name, now in figures.items():
        before = committed.get(name)
        shown.add_row(
            name,
            f"{now.value:.3g} {now.unit}",
            f"{now.ratio:.1f}" if now.ratio else "",
            f"{before.value:.3g} {before.unit}" if before else "",
            f"{_of(now) / _of(before):.2f}" if before else "",
        )
    return shown


def _of(figure: Figure) -> float:
    """Return what runs on different machines can be compared by: the multiple where there is one."""
    return figure.ratio or figure.value


def draw(figures: dict[str, Figure], committed: dict[str, Figure], path: Path) -> None:
    """Write a bar chart of the latencies as multiples of `GET /health`, now and as committed."""
    names = [name for name, figure in figures.items() if figure.ratio][:MOST_COLUMNS]
    with plot(path) as axes:
        rows = range(len(names))
        axes.barh([row + 0.2 for row in rows], [figures[name].ratio or 0 for name in names], 0.4, label="now")
        before = [committed[name].ratio or 0 if name in committed else 0 for name in names]
        axes.barh([row - 0.2 for row in rows], before, 0.4, label="committed")
        axes.set_yticks(list(rows), names)
        axes.set_xlabel(f"median, as a multiple of GET /health ({shop().name}, local)")


@contextmanager
def plot(path: Path) -> Iterator[Any]:
    """Provide the axes of a chart of horizontal bars, and write it. The same bars give the same file."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "benchmark"
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 3.5), layout="constrained")
    yield axes
    axes.invert_yaxis()
    axes.legend()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
