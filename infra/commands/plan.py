"""Capacity plan: simulates a load on the design of a stage, and shows what waits, what is refused and what it costs."""

import json
import math
import re
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from infra.build.package import package_without_libraries
from infra.build.template import ROOT
from infra.capacity import design, measured, report, simulate, sources
from infra.capacity.measured import Measured, MeasurementsInvalid, Quota
from infra.deploy import stages

MOST_REQUESTS = 10_000_000
"""What a few minutes of simulation can hold."""
PLOT = ROOT / ".local" / "plan.png"

Settings = tuple[tuple[str, str], ...]


def plan(console: Console, options: Mapping[str, Any]) -> None:
    """Run the simulation and print the report. Raises click.UsageError or what the files' readers raise."""
    known = with_keys(measured.measured(options["measured"] or measured.FILE), options["keys"])
    quotas = with_quotas(measured.quotas(), options["quota"])
    load = loaded(options, known)
    of_stage = designed(options["stage"], options["set"], dict(options["parameter"]))
    wrong = measured.misnamed(known, of_stage, quotas)
    if wrong:
        raise MeasurementsInvalid([f"The template and the quotas have no {name}." for name in wrong])
    results = [simulate.Shop(of_stage, known, quotas, load).run()]
    if load.shards > 1:
        results = [simulate.Shop(of_stage, known, quotas, replace(load, shards=1)).run(), *results]
    report.show(console, results[-1], of_stage, known)
    if load.shards > 1:
        report.compare(console, results, known.hot_product)
    report.plot(results[-1], options["plot"] or PLOT)
    console.print(f"\n  plot: {options['plot'] or PLOT}", soft_wrap=True)


def loaded(options: Mapping[str, Any], known: Measured) -> simulate.Load:
    """Return the load that the options describe. Raises click.UsageError or TraceInvalid."""
    given = [name.upper() for name in ("rps", "orders", "trace") if options[name] is not None]
    if len(given) > 1:
        raise click.UsageError(f"Give one of RPS, ORDERS and TRACE, not {' and '.join(given)}.")
    seconds = 60 * options["minutes"]
    if options["trace"]:
        rates = sources.from_file(options["trace"])
    elif options["orders"] is not None:
        rates = sources.constant(options["orders"] / 60 * requests_per_order(known), seconds)
    else:
        rates = sources.constant(options["rps"] if options["rps"] is not None else 10, seconds)
    expected = sum(rate * (end - begin) for (begin, rate), (end, _) in pairwise(rates))
    if not math.isfinite(expected) or expected + options["burst"] > MOST_REQUESTS:
        raise click.UsageError(f"More than {MOST_REQUESTS:,} requests: give fewer, or fewer MINUTES.")
    return simulate.Load(rates, options["burst"], options["seed"], options["hot"], options["shards"])


def requests_per_order(known: Measured) -> float:
    """Raises MeasurementsInvalid if no orders are placed."""
    orders = known.routes.get(simulate.PLACES_AN_ORDER)
    if not orders or not orders.per_order:
        raise MeasurementsInvalid([f"{simulate.PLACES_AN_ORDER} has no requests."])
    return sum(route.per_order for route in known.routes.values()) / orders.per_order


def designed(stage: str, settings: Settings, given: Mapping[str, str]) -> design.Design:
    """Return the design of a stage, with other settings and template parameters put in.

    Raises StageFileInvalid or SettingUnknown.
    """
    values = stages.read(stage)
    with tempfile.TemporaryDirectory() as folder:
        template = json.loads(package_without_libraries(stage, Path(folder)).read_text())
    template = values.resized(template)
    if wrong := stages.problems(dict(given), template["Parameters"]):
        raise stages.StageFileInvalid(wrong)
    for path, value in settings:
        design.change(template, path, value)
    return design.Design(template, {**values.parameters, **given})


def with_quotas(known: dict[str, Quota], settings: Settings) -> dict[str, Quota]:
    """Return the quotas with other values, such as `lambda_concurrency=3000` or `ses_sends.rate=50`.

    Raises SettingUnknown.
    """
    changed = dict(known)
    for path, value in settings:
        name, _, part = path.partition(".")
        current = changed.get(name)
        part = part or "value"
        if current is None or getattr(current, part, None) is None or part not in ("value", "rate", "burst"):
            names = ", ".join(f"{n}" if q.value else f"{n}.rate" for n, q in known.items())
            raise design.SettingUnknown(f"{path!a} is not a quota. Quotas: {names}.")
        changed[name] = current.model_copy(update={part: _above_zero(path, value)})
    return changed


def with_keys(known: Measured, settings: Settings) -> Measured:
    """Return the measurements with other numbers of partition keys, such as `OrdersTable/unsettled=20`.

    Raises SettingUnknown.
    """
    for place, _ in settings:
        if place not in known.keys:
            raise design.SettingUnknown(f"{place!a} is not a place with few keys. Places: {', '.join(known.keys)}.")
    keys = {place: _above_zero(place, value) for place, value in settings}
    return known.model_copy(update={"keys": known.keys | keys})


def _above_zero(name: str, value: str) -> float:
    """Return the number. Raises SettingUnknown."""
    number = float(value) if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,6})?", value) else 0.0
    if not number:
        raise design.SettingUnknown(f"{name} is set to {value!a}, which is not a number above 0.")
    return number
