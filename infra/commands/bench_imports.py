"""Import benchmark: rows per second and cost of each way that a product file can take, on the local shop.

The shop must record what AWS would bill: BILLING_METER=.local/billed make up
"""

import os
import time
import uuid
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from infra.build.alarms import of_type
from infra.build.template import merged_template
from infra.commands import import_products
from infra.commands.client import Buyer
from infra.cost import imports, model, units
from infra.local import place, run
from infra.local.meter import FILE as METER

ROWS = {"queue": 500, "small": 500, "large": 1_001}
"""The stage `local` leaves files of more than 1,000 rows to the Distributed Map."""
QUIET_SECONDS = 2
HEADER = "sku,name,description,price_amount,price_currency,category,image,stock"


class NotMetered(Exception):
    """The shop does not record what AWS would bill."""


def bench_imports(console: Console) -> int:
    """Measure each way with a file of new products, write the units and print the table. Raises NotMetered."""
    meter = os.environ.get(METER)
    if not meter:
        raise NotMetered(f"The shop must have been started with a meter: {METER}=.local/billed make up")
    outputs, session = run.outputs(), run.place().session
    admin = Buyer(outputs["api_url"]).signed_in(place.ADMIN.email, place.ADMIN.password)
    logical = _logical(session)
    found = {way: _measured(admin, Path(meter), way, logical) for way in imports.WAYS}
    imports.record(found)
    console.print(table(found))
    return 0


def table(found: dict[str, imports.Way]) -> Table:
    """Return rows per second, and US dollars by what they are paid for."""
    shown = Table(title="Imports of new products: US dollars for 1,000 rows", title_justify="left", title_style="bold")
    for column in ("way", "rows/s", "tables", "functions", "queue, workflow", "all", "100,000 rows"):
        shown.add_column(column, justify="left" if column == "way" else "right")
    for name, way in found.items():
        cost = way.cost(model.scenario(), 1_000)
        parts = [cost["DynamoDB"], cost["Lambda"], cost.get("SQS", 0) + cost.get("Step Functions", 0)]
        amounts = [f"{usd:.6f}" for usd in (*parts, sum(cost.values()))]
        shown.add_row(imports.WAYS[name], f"{way.rows / way.seconds:.0f}", *amounts, f"{100 * sum(cost.values()):.2f}")
    return shown


def _logical(session: Any) -> dict[str, str]:
    pages = session.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=place.STACK)
    found = [each for page in pages for each in page["StackResourceSummaries"]]
    return {
        each["PhysicalResourceId"].rpartition("/")[2].rpartition(":")[2]: each["LogicalResourceId"] for each in found
    }


def _measured(admin: Buyer, meter: Path, way: str, logical: dict[str, str]) -> imports.Way:
    """Import a file of new products, and then another one, whose functions are warm and which is measured."""
    _imported(admin, way, 10)
    meter.write_text("")
    try:
        seconds = _imported(admin, way, ROWS[way])
        _rest(meter)
        lines = meter.read_text().splitlines()
    finally:
        meter.unlink()
    # Asking how far an import is belongs to no way.
    counted = units.tally(lines, logical, {"APIHandler", *_jobs()})
    counted.pop("rest_request", None)
    counted["millisecond"] = {"functions": units.milliseconds(lines, logical, counted["lambda_request"])}
    return imports.Way(rows=ROWS[way], seconds=round(seconds, 1), units=counted)


def _jobs() -> set[str]:
    schedules = of_type(merged_template("local"), "AWS::Scheduler::Schedule").values()
    return {schedule["Properties"]["Target"]["Arn"]["Fn::GetAtt"][0] for schedule in schedules}


def _imported(admin: Buyer, way: str, rows: int) -> float:
    """Return the seconds from the upload to the end of an import of new products."""
    created = admin.must("POST", "/admin/imports", {"format": "csv", "small": way == "small"})
    import_products.upload(created["upload"], _file(rows))
    began = time.monotonic()
    path = f"/admin/imports/{created['import_id']}"
    seen = admin.must("POST", f"{path}/run") if way == "small" else admin.must("GET", path)
    while seen["status"] not in import_products.ENDED:
        time.sleep(0.2)
        seen = admin.must("GET", path)
    return time.monotonic() - began


def _file(rows: int) -> bytes:
    mark = uuid.uuid4().hex[:8].upper()
    lines = [f"{mark}-{n},Pot {n},{'Clay ' * 20},500,EUR,bench,/images/products/none.svg,2" for n in range(rows)]
    return "\n".join([HEADER, *lines]).encode()


def _rest(meter: Path) -> None:
    """Wait until nothing more is billed."""
    size, since = -1, time.monotonic()
    while time.monotonic() - since < QUIET_SECONDS:
        if (now := meter.stat().st_size) != size:
            size, since = now, time.monotonic()
        time.sleep(0.1)
