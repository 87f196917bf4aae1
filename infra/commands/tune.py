"""Memory tuning: shows what each function takes and costs with each memory size, and which size is best.

On AWS it reads the REPORT lines of the functions' logs, which state memory, duration and the most memory used, and
invokes nothing: an order's steps move money. A function that has had two sizes within `DAYS` is measured; for others
the processor time is that of `infra/capacity/processor.yaml`, which the local shop gave.
"""

import json
import re
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import yaml
from rich.console import Console
from rich.table import Column, Table

from infra.build.template import ROOT
from infra.capacity import tuning
from infra.capacity.tuning import Subject, Work
from infra.commands import burst, deployment
from infra.commands.client import Buyer
from infra.commands.logs import FunctionUnknown
from infra.cost import model
from infra.deploy import stages
from infra.local import run

MEASURED = ROOT / "infra" / "capacity" / "processor.yaml"
ORDERS, READS = 15, 30
QUERY = (
    'filter @type = "REPORT" | stats count(*) as calls, avg(@duration) as ms, '
    "max(@maxMemoryUsed / 1000 / 1000) as used by @memorySize / 1000 / 1000 as size"
)
"""Memory stands in bytes: CloudWatch Logs user guide, "Sample queries", Lambda."""
FEWEST_CALLS = 50
"""A size with fewer invocations is not measured."""
LOCAL_MEMORY_MB = 200
"""What a Python function with the SDK and pydantic uses on Lambda; a forked process cannot be asked."""
ESTIMATE = (
    "  An estimate: the emulator (MiniStack) gives functions a whole processor; Lambda's share of one is computed.\n"
)
PATIENCE_SECONDS, PAUSE_SECONDS = 60, 1


class NothingMeasured(Exception):
    """No function was invoked often enough."""


@dataclass(frozen=True)
class Tuned:
    """A function, its work, and how that is known."""

    subject: Subject
    work: Work
    source: str


def tune(console: Console, stage: str, function: str, days: int, write: bool, record: bool) -> None:
    """Print a table. Raises FunctionUnknown, NothingMeasured, and what `deployment.find` raises."""
    shop = deployment.find(stage)
    subjects = _subjects(shop, function)
    if stage == deployment.LOCAL:
        console.print(ESTIMATE, soft_wrap=True)
        found = _local(shop, subjects, record)
    else:
        logs = shop.session.client("logs")
        found = [tuned for subject, group in subjects.items() if (tuned := _on_aws(logs, subject, group, days))]
    if not found:
        raise NothingMeasured(f"No function was invoked {FEWEST_CALLS} times within {days} days: nothing is measured.")
    show(console, found)
    if write:
        changes = written(stages.FOLDER / f"{stage}.yaml", found)
        console.print(f"\n  {stages.FOLDER.name}/{stage}.yaml: {changes or 'nothing to change'}")


def show(console: Console, found: list[Tuned]) -> None:
    """Print milliseconds and US dollars for a million invocations, by function and memory size."""
    tables = {tuned.subject.name: tuning.options(tuned.work, tuned.subject) for tuned in found}
    sizes = sorted({each.size for options in tables.values() for each in options})
    console.print("  By memory in MB: milliseconds of an invocation, and USD for a million of them.\n")
    table = Table(Column("function", no_wrap=True), *map(str, sizes), "now", "best", box=None)
    for tuned in found:
        options = tables[tuned.subject.name]
        cells = {each.size: f"{each.milliseconds:.0f}\n{each.usd_per_million:.2f}" for each in options}
        best = tuning.recommended(options, tuned.subject).size
        name = f"{tuned.subject.name}\n  {tuned.source}"
        table.add_row(name, *(cells.get(size, "") for size in sizes), str(tuned.subject.size), str(best))
    console.print(table)


def written(path: Path, found: Iterable[Tuned]) -> dict[str, int]:
    """Put the recommended sizes into a stage file, where they differ from the deployed ones. Return them."""
    changes = {
        tuned.subject.name: best.size
        for tuned in found
        if (best := tuning.recommended(tuning.options(tuned.work, tuned.subject), tuned.subject)).size
        != tuned.subject.size
    }
    if changes:
        text = path.read_text()
        memory = yaml.safe_load(text).get("memory", {}) | changes
        line = yaml.safe_dump({"memory": memory}, default_flow_style=False)
        path.write_text(re.sub(r"^memory:.*\n(?:[ ]+.*\n)*", line, text, count=1, flags=re.MULTILINE))
    return changes


def _subjects(shop: deployment.Deployment, function: str) -> dict[Subject, str]:
    """Return a stage's functions, or the named one, with their log groups. Raises FunctionUnknown."""
    names = {logical: physical for physical, logical in _functions(shop).items()}
    if function != "all" and function not in names:
        raise FunctionUnknown(f"There is no function {function!a}. Functions: {', '.join(sorted(names))}")
    aws_lambda = shop.session.client("lambda")
    subjects = {}
    for name in sorted(names if function == "all" else [function]):
        known = aws_lambda.get_function_configuration(FunctionName=names[name])
        processor = "arm" if known.get("Architectures") == ["arm64"] else "x86"
        subject = Subject(name, known["MemorySize"], known["Timeout"], LOCAL_MEMORY_MB, processor)
        subjects[subject] = known.get("LoggingConfig", {}).get("LogGroup", f"/aws/lambda/{names[name]}")
    return subjects


def _functions(shop: deployment.Deployment) -> dict[str, str]:
    """Return the logical ids of a stack's functions by physical name."""
    listing = shop.session.client("cloudformation").get_paginator("list_stack_resources")
    pages = listing.paginate(StackName=shop.stack_name)
    found = [each for page in pages for each in page["StackResourceSummaries"]]
    return {
        each["PhysicalResourceId"]: each["LogicalResourceId"]
        for each in found
        if each["ResourceType"] in ("AWS::Lambda::Function", "AWS::Serverless::Function")
    }


def _on_aws(logs: Any, subject: Subject, group: str, days: int) -> Tuned | None:
    """Return what the logs say about a function; None if they do not suffice."""
    rows = [row for row in reports(logs, group, days) if row["calls"] >= FEWEST_CALLS]
    durations = {int(row["size"]): row["ms"] for row in rows}
    if not rows:
        return None
    subject = replace(subject, used_mb=max(row["used"] for row in rows))
    if len(durations) > 1:
        return Tuned(subject, tuning.fitted(durations), f"measured at {' and '.join(map(str, sorted(durations)))} MB")
    known = yaml.safe_load(MEASURED.read_text())["functions"].get(subject.name)
    if not known:
        return None
    ((size, milliseconds),) = durations.items()
    work = tuning.split(size, milliseconds, known["processor_ms"])
    return Tuned(subject, work, f"estimate, from {size} MB")


def reports(logs: Any, group: str, days: int) -> list[dict[str, float]]:
    """Return calls, mean milliseconds and used MB by memory size, from the REPORT lines of a log group."""
    end = datetime.now(UTC)
    begin = end - timedelta(days=days)
    query = logs.start_query(
        logGroupName=group, queryString=QUERY, startTime=int(begin.timestamp()), endTime=int(end.timestamp())
    )["queryId"]
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (answer := logs.get_query_results(queryId=query))["status"] in ("Scheduled", "Running"):
        if time.monotonic() > deadline:
            raise NothingMeasured(f"The query of {group} did not end within {PATIENCE_SECONDS} seconds.")
        time.sleep(PAUSE_SECONDS)
    return [{each["field"]: float(each["value"]) for each in row} for row in answer["results"]]


def _local(shop: deployment.Deployment, subjects: Iterable[Subject], record: bool) -> list[Tuned]:
    """Place orders one after another on the local shop, and read what the functions took."""
    meter = run.METER
    meter.write_text("")
    try:
        _use(shop)
        lines = meter.read_text().splitlines()
    finally:
        meter.unlink()
    works = measured(map(json.loads, lines), _functions(shop))
    if record:
        _record(works)
    return [Tuned(each, works[each.name], "estimate") for each in subjects if each.name in works]


def _use(shop: deployment.Deployment) -> None:
    admin = shop.admin()
    admin.must("PUT", f"/admin/products/{burst.SKU}", burst.CARD)
    admin.must("POST", f"/admin/stock/{burst.SKU}", {"delta": ORDERS})
    try:
        for _ in range(ORDERS):
            buyer = Buyer(shop.outputs["PublicApiUrl"])
            buyer.put_in_cart(burst.SKU)
            buyer.ended(buyer.check_out().body["order_id"], burst.PATIENCE_SECONDS)
        for _ in range(READS):
            Buyer(shop.outputs["PublicApiUrl"]).call("GET", "/products")
        time.sleep(PAUSE_SECONDS)
    finally:
        admin.archive(burst.SKU)


def measured(lines: Iterable[dict[str, Any]], logical: dict[str, str]) -> dict[str, Work]:
    """Return the medians of warm invocations by function, with Stripe's time, which the sandbox does not take."""
    times: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for line in lines:
        if not line["is_first"] and line["function"] in logical:
            times[logical[line["function"]]].append((line["processor_ms"], line["ms"] - line["processor_ms"]))
    of = model.scenario()
    return {
        name: Work(
            median(processor for processor, _ in found),
            max(0.0, median(wait for _, wait in found)) + of.provider_calls.get(name, 0) * of.provider_milliseconds,
        )
        for name, found in sorted(times.items())
    }


def _record(works: dict[str, Work]) -> None:
    head = "".join(line for line in MEASURED.read_text().splitlines(keepends=True) if line.startswith("#"))
    functions = {
        name: {"processor_ms": round(work.processor_ms, 1), "wait_ms": round(work.wait_ms)}
        for name, work in works.items()
    }
    MEASURED.write_text(head + yaml.safe_dump({"functions": functions}, default_flow_style=None, width=120))
