"""Report of a simulation: tables for the terminal, and a plot of concurrency, queue depths and limits."""

from pathlib import Path
from statistics import mean, quantiles

from rich.console import Console
from rich.table import Table
from rich.text import Text

from infra.capacity import cost
from infra.capacity.design import Design
from infra.capacity.measured import Measured
from infra.capacity.pool import Bucket
from infra.capacity.simulate import Result
from infra.capacity.sources import Queue, Stream

WORTH_SHOWING, WORTH_SHOWING_WITH_WAITS = 0.5, 0.1
"""Share of a limit that is used on average, from which the limit is listed; less if something waited for it."""
LINES_IN_PLOT = 8


def show(console: Console, result: Result, design: Design, measured: Measured) -> None:
    console.print(f"  durations: {measured.source}")
    _orders(console, result, design)
    _functions(console, result)
    _sources(console, result)
    _limits(console, result)


def reached(result: Result) -> list[Bucket]:
    """Return the limits that refused or delayed calls or are mostly used, the worst first."""
    found = [
        bucket
        for bucket in result.buckets
        if bucket.refused or _share(bucket, result) >= (WORTH_SHOWING_WITH_WAITS if bucket.delayed else WORTH_SHOWING)
    ]
    return sorted(found, key=lambda bucket: (bucket.refused, bucket.delayed, bucket.used / bucket.rate), reverse=True)


def growing(result: Result) -> list[str]:
    """Return the queues and streams that held more items when the arrivals ended than one second brings."""
    seconds = result.load.seconds
    return [each.name for each in _all(result) if result.depth_at_end[each.name] > max(10, each.sent / seconds)]


def compare(console: Console, results: list[Result]) -> None:
    """Show the hot product with one counter and with shards, side by side."""
    table = Table("shards", "orders completed", "median s", "p95 s", "retries", "delayed", "refused", box=None)
    for result in results:
        counters = [b for b in result.buckets if b.name.startswith("InventoryTable#stock")]
        median, late = _percentiles(result.order_seconds)
        retries = sum(workflow.retries for workflow in result.workflows.values())
        table.add_row(
            str(result.load.shards), f"{len(result.order_seconds):,}", f"{median:.1f}", f"{late:.1f}",
            f"{retries:,}", f"{sum(b.delayed for b in counters):,}", f"{sum(b.refused for b in counters):,}",
        )  # fmt: skip
    console.print("\n  hot product: its stock counter in one item and in shards")
    console.print(table)


def plot(result: Result, path: Path) -> None:
    """Write the plot as PNG."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (functions, queues, limits) = pyplot.subplots(3, 1, figsize=(11, 13), layout="constrained")
    busiest = sorted(result.pools.values(), key=lambda pool: pool.concurrency.peak, reverse=True)[:LINES_IN_PLOT]
    for pool in busiest:
        functions.plot(pool.concurrency.values, label=pool.name)
    functions.set(title="Concurrency, most in each second", xlabel="seconds", ylabel="environments in use")
    deepest = sorted(_all(result), key=lambda source: source.depth.peak, reverse=True)[:LINES_IN_PLOT]
    for source in deepest:
        queues.plot(source.depth.values, label=source.name)
    queues.set(title="Queue and stream depth", xlabel="seconds", ylabel="items waiting")
    for axes in (functions, queues):
        axes.axvline(result.load.seconds, color="grey", linestyle=":", label="arrivals end")
        axes.legend(fontsize="small")
    used = sorted(result.buckets, key=lambda bucket: _share(bucket, result))[-12:]
    limits.barh([b.name for b in used], [100 * _share(b, result) for b in used])
    limits.axvline(100, color="red")
    limits.set(title="Limits, mean use", xlabel="percent")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def _orders(console: Console, result: Result, design: Design) -> None:
    requests = result.requests
    kinds = ("throttled by API Gateway", "throttled by Lambda", "failed")
    refused = ", ".join(f"{requests[kind]:,} {kind}" for kind in kinds if requests[kind]) or "none refused"
    console.print(f"  requests: {requests['offered']:,} in {result.load.seconds:,.0f} s, {refused}")
    median, late = _percentiles(result.order_seconds)
    seconds = f", median {median:.1f} s, p95 {late:.1f} s" if result.order_seconds else ""
    rest = result.placed - len(result.order_seconds)
    console.print(f"  orders: {result.placed:,} placed, {len(result.order_seconds):,} completed{seconds}")
    if rest:
        console.print(Text(f"  {rest:,} orders not completed {result.seconds:,.0f} s after the start", "red"))
    invocations = sum(pool.invocations for pool in result.pools.values())
    cold = sum(pool.cold for pool in result.pools.values())
    share = 100 * cold / invocations if invocations else 0
    console.print(f"  cold starts: {cold:,} of {invocations:,} invocations, {share:.2f} %")
    monthly, each = cost.monthly(result, design), cost.per_million_orders(result, design)
    console.print(f"  usage for a month of this: {monthly:,.0f} USD; per million orders {each:,.0f} USD\n")


def _functions(console: Console, result: Result) -> None:
    table = Table("function", "calls", "cold %", "L", "λW", "peak", "warm at end", "throttled", box=None)
    for pool in sorted(result.pools.values(), key=lambda each: each.concurrency.peak, reverse=True):
        if pool.invocations or pool.throttled:
            reasons = ", ".join(f"{count:,} {reason}" for reason, count in pool.throttled.items())
            table.add_row(
                pool.name, f"{pool.invocations:,}", f"{100 * pool.cold / max(1, pool.invocations):.2f}",
                f"{pool.mean_concurrency():.2f}", f"{pool.busy_seconds / result.seconds:.2f}",
                str(pool.concurrency.peak), str(pool.warm), Text(reasons, "red"),
            )  # fmt: skip
    console.print("  concurrency: mean L, and by Little's law arrivals a second × seconds each")
    console.print(table)


def _sources(console: Console, result: Result) -> None:
    table = Table("queue or stream", "items", "deepest", "at end", "longest wait s", "failed batches", "lost", box=None)
    for source in sorted(_all(result), key=lambda each: each.depth.peak, reverse=True):
        at_end = result.depth_at_end[source.name]
        lost = source.dead_letters if isinstance(source, Queue) else source.lost
        table.add_row(
            source.name, f"{source.sent:,}", f"{source.depth.peak:,}",
            Text(f"{at_end:,}", "red" if source.name in growing(result) else ""), f"{source.longest_wait:.1f}",
            f"{source.failed_batches:,}", f"{lost:,}",
        )  # fmt: skip
    console.print()
    console.print(table)


def _limits(console: Console, result: Result) -> None:
    table = Table("limit", "a second", "used %", "delayed", "refused", "moved by", box=None)
    for bucket in reached(result):
        table.add_row(
            bucket.name, f"{bucket.rate:,.0f}", f"{100 * _share(bucket, result):.0f}", f"{bucket.delayed:,}",
            Text(f"{bucket.refused:,}", "red" if bucket.refused else ""), bucket.setting,
        )  # fmt: skip
    console.print()
    console.print(table if table.rows else "  no limit is half used")
    for name in growing(result):
        console.print(Text(f"  {name} grows: more arrives than its consumer takes", "red"))


def _all(result: Result) -> list[Queue | Stream]:
    return [*result.queues.values(), *result.streams]


def _share(bucket: Bucket, result: Result) -> float:
    """Return the use of a limit as a share of what it allows while requests arrive; use after that counts too."""
    return bucket.used / bucket.rate / result.load.seconds


def _percentiles(seconds: list[float]) -> tuple[float, float]:
    if len(seconds) < 2:
        return mean(seconds or [0.0]), mean(seconds or [0.0])
    cut = quantiles(seconds, n=20)
    return cut[9], cut[18]
