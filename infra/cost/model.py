"""Cost model: units × prices = cost per order by service; a month's cost against traffic, and of other choices.

All amounts are US dollars, without free tiers. Pure functions of the units, the prices and a scenario.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import cache
from math import ceil
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from infra.cost.prices import HOURS_PER_MONTH, PricesInvalid, PriceTable, prices
from infra.cost.units import OUTCOMES, OrderUnits, Units, order_units, totals

FILE = Path(__file__).with_name("scenario.yaml")
MILLION = 1_000_000
SECONDS_PER_MONTH = HOURS_PER_MONTH * 3600
MB_PER_PROCESSOR = 1769
"""Lambda's memory with one vCPU: AWS Lambda developer guide, "Configure Lambda function memory"."""
T3_MICRO_PROCESSORS, T3_MICRO_BASELINE = 2, 0.2
"""Its processors, and what it may use of them all the time without a further charge: Amazon EC2 user guide, "Key
concepts for burstable performance instances"."""
EXPRESS_GB = 64 / 1024
RUN_BY_SERVERS = ("Lambda", "API Gateway")
"""What processes that always run would replace. Tables, queues, events and workflows stay."""

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Bill = dict[str, float]
"""US dollars by service."""


class Scenario(BaseModel):
    """Assumptions; scenario.yaml explains them."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    outcomes: dict[str, Share]
    reads_per_order: Annotated[float, Field(ge=0)]
    read_milliseconds: Positive
    architecture: Literal["arm64", "x86_64"]
    memory_mb: Annotated[int, Field(ge=128, le=10240)]
    api: Literal["rest", "http"]
    firewall: Literal["none", "edge", "edge+api"]
    slowdown: Annotated[float, Field(ge=1)]
    provider_milliseconds: Annotated[float, Field(ge=0)]
    provider_calls: dict[str, Annotated[int, Field(ge=0)]]
    sampled: Share
    access_log_bytes: Annotated[int, Field(ge=0)]
    platform_log_bytes: Annotated[int, Field(ge=0)]
    read_log_bytes: Annotated[int, Field(ge=0)]
    pollers: Annotated[int, Field(ge=1)]
    workflow_seconds: Positive
    utilization: Annotated[float, Field(gt=0, le=1)]

    @model_validator(mode="after")
    def _adds_up(self) -> "Scenario":
        if unknown := self.outcomes.keys() - set(OUTCOMES):
            raise ValueError(f"no outcome of an order: {', '.join(sorted(unknown))}")
        if abs(sum(self.outcomes.values()) - 1) > 1e-6:
            raise ValueError(f"the shares of the outcomes add up to {sum(self.outcomes.values()):g}, not 1")
        return self

    @property
    def processor(self) -> str:
        return "arm" if self.architecture == "arm64" else "x86"


@cache
def scenario(path: Path = FILE) -> Scenario:
    """Return the scenario of a file. Raises PricesInvalid."""
    try:
        return Scenario.model_validate(yaml.safe_load(path.read_text()))
    except (OSError, yaml.YAMLError) as error:
        raise PricesInvalid([f"{path.name}: {error}"]) from error
    except ValidationError as error:
        raise PricesInvalid(
            [f"{path.name}: {'.'.join(map(str, each['loc'])) or 'outcomes'}: {each['msg']}" for each in error.errors()]
        ) from error


def priced(units: Units, of: Scenario) -> dict[str, float]:
    """Return an order's units as AWS bills them: measured ones converted, and those that follow from counted ones."""
    counted = totals(units)
    functions, routes = units.get("lambda_request", {}), units.get("rest_request", {})
    by_browsers = sum(count for route, count in routes.items() if "/webhooks/" not in route)
    requests = counted.pop("rest_request", 0)
    counted[f"{of.api}_request"] = requests
    lines = of.access_log_bytes * requests + of.platform_log_bytes * sum(functions.values())
    counted["log_gb"] = (counted.pop("log_byte", 0) + lines) / 1e9
    counted["archived_gb"] = counted.pop("archived_byte", 0) / 1e9
    counted[f"lambda_gb_second_{of.processor}"] = gb_seconds(units, of)
    called = requests + counted.get("state_transition", 0) + counted.get("stream_record", 0)
    counted["trace"] = of.sampled * (requests + max(0, sum(functions.values()) - called))
    counted["edge_request"] = by_browsers
    counted["web_acl_request"] = {"none": 0, "edge": by_browsers, "edge+api": by_browsers + requests}[of.firewall]
    return counted


def gb_seconds(units: Units, of: Scenario) -> float:
    """Return the GB-seconds of an order's invocations, each at the pace of Lambda and of Stripe."""
    known = order_units().milliseconds
    milliseconds = sum(
        count * (known.get(name, 0) * of.slowdown + of.provider_calls.get(name, 0) * of.provider_milliseconds)
        for name, count in units.get("lambda_request", {}).items()
    )
    return milliseconds / 1000 * of.memory_mb / 1024


def bill(counted: Mapping[str, float], table: PriceTable) -> Bill:
    """Return what units cost by service. Raises KeyError for a unit without a price."""
    found: Bill = defaultdict(float)
    for unit, count in counted.items():
        found[table[unit].service] += table[unit].each * count
    return dict(found)


def per_order(outcome: str, of: Scenario, table: PriceTable | None = None, known: OrderUnits | None = None) -> Bill:
    """Return what an order with this outcome costs by service."""
    return bill(priced((known or order_units()).of(outcome), of), table or prices())


def average_order(of: Scenario) -> Bill:
    """Return what an order costs on average over the scenario's outcomes, by service."""
    found: Bill = defaultdict(float)
    for outcome, share in of.outcomes.items():
        for service, cost in per_order(outcome, of).items():
            found[service] += share * cost
    return dict(found)


def dearest(outcome: str, of: Scenario, most: int = 12) -> list[tuple[str, str, float, float]]:
    """Return the dearest items of an order: unit, resource, count and cost of a million orders."""
    units, table = order_units().of(outcome), prices()
    items = [
        (unit, resource, count, MILLION * count * table[unit].each)
        for unit, found in units.items()
        if unit in table.prices
        for resource, count in found.items()
    ]
    seconds = gb_seconds(units, of)
    compute = seconds * table[f"lambda_gb_second_{of.processor}"].each
    items.append(("GB-seconds", "all functions", round(seconds, 2), MILLION * compute))
    return sorted(items, key=lambda item: -item[3])[:most]


def visits(of: Scenario) -> Bill:
    """Return what the requests of visitors cost per order, beside those of the order itself."""
    seconds = of.read_milliseconds * of.slowdown / 1000 * of.memory_mb / 1024
    one = {
        f"{of.api}_request": 1,
        "lambda_request": 1,
        f"lambda_gb_second_{of.processor}": seconds,
        "read_unit": 1,
        "edge_request": 1,
        "web_acl_request": {"none": 0, "edge": 1, "edge+api": 2}[of.firewall],
        "log_gb": (of.access_log_bytes + of.platform_log_bytes + of.read_log_bytes) / 1e9,
    }
    return bill({unit: count * of.reads_per_order for unit, count in one.items()}, prices())


def serverless(orders: float, of: Scenario, idle: float) -> float:
    """Return a month's cost. `idle` is what the stack costs without an order."""
    return idle + orders * (sum(average_order(of).values()) + sum(visits(of).values()))


def processors(orders: float, of: Scenario) -> float:
    """Return how many processors a month's orders keep busy."""
    per = sum(share * gb_seconds(order_units().of(outcome), of) for outcome, share in of.outcomes.items())
    per += of.reads_per_order * of.read_milliseconds * of.slowdown / 1000 * of.memory_mb / 1024
    return orders * per * 1024 / MB_PER_PROCESSOR / SECONDS_PER_MONTH / of.utilization


def requests_of(orders: float, of: Scenario) -> float:
    """Return a month's requests of the API."""
    shares = of.outcomes.items()
    per = sum(share * sum(order_units().of(outcome)["rest_request"].values()) for outcome, share in shares)
    return orders * (per + of.reads_per_order)


def kept(orders: float, of: Scenario, idle: float) -> float:
    """Return what stays of a month's cost if servers take the place of the functions and their API."""
    per = {service: cost + visits(of).get(service, 0) for service, cost in average_order(of).items()}
    return idle + orders * sum(cost for service, cost in per.items() if service not in RUN_BY_SERVERS)


def fargate(busy: float, requests: float, processor: str = "arm") -> float:
    """Return the monthly cost of tasks with half a processor and 1 GB behind a load balancer, two of them at least.

    `busy` is a number of processors, `requests` of requests a month.
    """
    tasks = max(2, ceil(busy / 0.5))
    hour = {f"fargate_cpu_hour_{processor}": 0.5 * tasks, f"fargate_gb_hour_{processor}": float(tasks)}
    return HOURS_PER_MONTH * prices().cost(hour | _balancer(requests))


def servers(busy: float, requests: float, least: int = 1) -> float:
    """Return the monthly cost of t3.micro instances; more than one stand behind a load balancer.

    What they compute beyond their baseline is billed by the hour: they are in "unlimited" mode, the default.
    """
    count = max(least, ceil(busy / T3_MICRO_PROCESSORS))
    beyond = max(0.0, busy - count * T3_MICRO_BASELINE)
    before = _balancer(requests) if count > 1 else {"address_hour": 1.0}
    return HOURS_PER_MONTH * prices().cost({"t3_micro_hour": count, "surplus_cpu_hour": beyond, **before})


def _balancer(requests: float) -> dict[str, float]:
    """Return the units of an hour: an address in each of two zones, and a capacity unit for 25 connections a second.

    The targets have no address of their own; they reach AWS and Stripe over IPv6.
    """
    return {
        "load_balancer_hour": 1,
        "load_balancer_unit_hour": requests / SECONDS_PER_MONTH / 25,
        "address_hour": 2,
    }


def functions(requests: float, milliseconds: float, memory_mb: int, processor: str = "x86") -> float:
    """Return the cost of invocations of one function, without an API before it."""
    gigabyte_seconds = requests * milliseconds / 1000 * memory_mb / 1024
    return prices().cost({"lambda_request": requests, f"lambda_gb_second_{processor}": gigabyte_seconds})


def busy_processors(requests: float, milliseconds: float, memory_mb: int) -> float:
    """Return how many processors a month's requests keep busy that take so long with so much memory on Lambda."""
    return requests * milliseconds / 1000 * memory_mb / MB_PER_PROCESSOR / SECONDS_PER_MONTH


def break_even(one: Callable[[float], float], other: Callable[[float], float], most: float = 1e11) -> float | None:
    """Return the traffic from which `one` costs more than `other`, which must be dearer at first, or None.

    Costs of servers rise in steps, so the first such traffic on a fine scale is narrowed down.
    """
    low, high = 0.0, 1000.0
    while one(high) <= other(high):
        low, high = high, high * 1.05
        if high > most:
            return None
    while high - low > max(1.0, high / 10_000):
        middle = (low + high) / 2
        low, high = (low, middle) if one(middle) > other(middle) else (middle, high)
    return high
