"""Report of a simulation: tables for the terminal, and a plot of concurrency, queue depths and limits."""

from dataclasses import dataclass
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
GROWTH = 1.3
LINES_IN_PLOT = 8


def show(console: Console, result: Result, design: Design, measured: Measured) -> None:
    console.print(f"  durations: {measured.source}")
    _orders(console, result, design)
    _functions(console, result)
    _sources(console, result)
    _limits(console, result)


@dataclass(frozen=True)
class Reached:
    """A limit, or the same limit of several keys together. `share` is the use of the most used one."""

    name: str
    rate: float
    share: float
    delayed: int
    refused: int
    setting: str


def limits(result: Result) -> list[Reached]:
    """Return all limits that were used, the most pressing first."""
    keys: dict[str, list[Bucket]] = {}
    for bucket in result.buckets:
        keys.setdefault(bucket.name.split(", key ")[0], []).append(bucket)
    found = [
        Reached(
            f"{name}, {len(buckets)} keys" if len(buckets) > 1 else name,
            buckets[0].rate,
            max(bucket.used for bucket in buckets) / buckets[0].rate / result.load.seconds,
            sum(bucket.delayed for bucket in buckets),
            sum(bucket.refused for bucket in buckets),
            buckets[0].setting,
        )
        for name, buckets in keys.items()
    ]
    return sorted(found, key=lambda limit: (limit.refused, limit.share), reverse=True)


def reached(result: Result) -> list[Reached]:
    """Return the limits that refused calls, are mostly used, or let calls wait while they are used in part."""
    return [
        limit
        for limit in limits(result)
        if limit.refused or limit.share >= (WORTH_SHOWING_WITH_WAITS if limit.delayed else WORTH_SHOWING)
    ]


def growing(result: Result) -> list[str]:
    """Return queues and streams that hold more items than a second brings when the arrivals end, and clearly more in
    the last third of the trace than in the second."""
    found = []
    for source in _all(result):
        depths = source.depth.values[: int(result.load.seconds)]
        third = len(depths) // 3
        is_deep = result.depth_at_end[source.name] > max(10, source.sent / result.load.seconds)
        if is_deep and third and mean(depths[-third:]) > GROWTH * mean(depths[third : 2 * third]):
            found.append(source.name)
    return found


def compare(console: Console, results: list[Result], hot_product: str) -> None:
    """Show the hot product with one counter and with shards, side by side."""
    table = Table("shards", "orders completed", "median s", "p95 s", "retries", "delayed", "refused", box=None)
    for result in results:
        counters = [b for b in result.buckets if b.name.startswith(hot_product)]
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

    figure, (functions, queues, bars) = pyplot.subplots(3, 1, figsize=(11, 13), layout="constrained")
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
    used = sorted(limits(result), key=lambda limit: limit.share)[-12:]
    bars.barh([limit.name for limit in used], [100 * limit.share for limit in used])
    bars.axvline(100, color="red")
    bars.set(title="Limits, mean use", xlabel="percent")
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
    failed = sum(workflow.failed for workflow in result.workflows.values())
    if failed:
        console.print(Text(f"  {failed:,} executions failed: their retries were exhausted", "red"))
    rest = result.placed - len(result.order_seconds) - failed
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
    table = Table("function", "calls", "cold %", "L", "λW", "peak", "throttled", box=None)
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
    for limit in reached(result):
        table.add_row(
            limit.name, f"{limit.rate:,.0f}", f"{100 * limit.share:.0f}", f"{limit.delayed:,}",
            Text(f"{limit.refused:,}", "red" if limit.refused else ""), limit.setting,
        )  # fmt: skip
    console.print()
    console.print(table if table.rows else "  no limit is half used")
    for name in growing(result):
        console.print(Text(f"  {name} grows: more arrives than its consumer takes", "red"))


def _all(result: Result) -> list[Queue | Stream]:
    return [*result.queues.values(), *result.streams]


def _percentiles(seconds: list[float]) -> tuple[float, float]:
    if len(seconds) < 2:
        return mean(seconds or [0.0]), mean(seconds or [0.0])
    cut = quantiles(seconds, n=20)
    return cut[9], cut[18]
