"""Billed units: what the meter recorded, added up by unit and resource, and the units of each outcome of an order."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from infra.cost.prices import PricesInvalid

FILE = Path(__file__).with_name("units.yaml")
OUTCOMES = ("completed", "out_of_stock", "payment_declined", "cancelled", "shipping_failed", "returned")
MEASURED = ("archived_byte", "log_byte")
"""They differ from run to run by the digits of a duration; all other units are exact."""
DURATION = "millisecond"
NOT_OURS = {"WarehouseSimulator", "WarehouseLedger"}
"""Parts of the simulated warehouse; a real one has costs of its own."""

Count = Annotated[float, Field(ge=0)]
Units = dict[str, dict[str, Count]]
"""Counts by unit, and by the resource that is billed."""


class OrderUnits(BaseModel):
    """The billed units of one order by its outcome, and the milliseconds of one invocation by function.

    A guest orders two products. A function's duration is that of its fastest run: a slow one waited for others.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    completed: Units
    out_of_stock: Units
    payment_declined: Units
    cancelled: Units
    shipping_failed: Units
    returned: Units
    milliseconds: dict[str, Count]

    def of(self, outcome: str) -> Units:
        units: Units = getattr(self, outcome)
        return units


def tally(lines: Iterable[str], logical: Mapping[str, str], jobs: Iterable[str] = ()) -> Units:
    """Add up the meter's lines by unit and resource, under the logical ids of physical names.

    What `jobs` and the simulated warehouse caused is left out.
    """
    counts: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    dropped = NOT_OURS | set(jobs)
    for unit, of, by, count in _records(lines, logical):
        if unit != DURATION and of not in dropped and by.removesuffix("Role") not in dropped:
            counts[unit][of] += count
    return {unit: {of: _plain(count) for of, count in sorted(found.items())} for unit, found in sorted(counts.items())}


def durations(lines: Iterable[str], logical: Mapping[str, str]) -> dict[str, float]:
    """Return the milliseconds of the fastest invocation by function."""
    fastest: dict[str, float] = {}
    for unit, of, _, count in _records(lines, logical):
        if unit == DURATION:
            fastest[of] = min(count, fastest.get(of, count))
    return fastest


def milliseconds(lines: Iterable[str], logical: Mapping[str, str], functions: Iterable[str]) -> float:
    """Return the milliseconds of all invocations of these functions."""
    named = set(functions)
    return round(sum(count for unit, of, _, count in _records(lines, logical) if unit == DURATION and of in named))


def _records(lines: Iterable[str], logical: Mapping[str, str]) -> Iterator[tuple[str, str, str, float]]:
    for line in lines:
        record: dict[str, Any] = json.loads(line)
        yield record["unit"], _named(record["of"], logical), _named(record["by"], logical), record["count"]


def _named(name: str, logical: Mapping[str, str]) -> str:
    """Return a resource's logical id; an index has its table's before its own name."""
    resource, slash, index = name.partition("/")
    return logical.get(resource, resource) + slash + index


def exact(units: Units) -> Units:
    """Return the units that are the same in every run."""
    return {unit: found for unit, found in units.items() if unit not in MEASURED}


def totals(units: Units) -> dict[str, float]:
    """Return the count of each unit over all resources."""
    return {unit: sum(found.values()) for unit, found in units.items()}


def record(outcome: str, units: Units, milliseconds: Mapping[str, float], path: Path = FILE) -> None:
    """Write the units of an outcome into the file. Of two measurements of a duration, keep the shorter."""
    known = yaml.safe_load(path.read_text()) or {}
    known[outcome] = units
    used = {name for each in OUTCOMES for name in known.get(each, {}).get("lambda_request", {})}
    before = known.get("milliseconds", {})
    shorter = {name: round(min(time, before.get(name, time))) for name, time in milliseconds.items()}
    known["milliseconds"] = {name: time for name, time in sorted((before | shorter).items()) if name in used}
    head = "".join(line for line in path.read_text().splitlines(keepends=True) if line.startswith("#"))
    ordered = {each: known[each] for each in (*OUTCOMES, "milliseconds") if each in known}
    path.write_text(head + yaml.safe_dump(ordered, sort_keys=False, default_flow_style=None, width=118))
    order_units.cache_clear()


def _plain(count: float) -> float:
    return int(count) if count == int(count) else count


@cache
def order_units(path: Path = FILE) -> OrderUnits:
    """Return the units of each outcome. Raises PricesInvalid."""
    try:
        return OrderUnits.model_validate(yaml.safe_load(path.read_text()))
    except (OSError, yaml.YAMLError) as error:
        raise PricesInvalid([f"{path.name}: {error}"]) from error
    except ValidationError as error:
        raise PricesInvalid(
            [f"{path.name}: {'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()]
        ) from error
