"""Choices: the same orders with another API, workflow type, processor, firewall, or way to avoid cold starts."""

from typing import Any

from infra.build.releases import steps_forward
from infra.build.template import merged_template
from infra.cost import imports, model
from infra.cost.model import MILLION, Scenario
from infra.cost.prices import HOURS_PER_MONTH, prices
from infra.cost.units import order_units

POLL_SECONDS = 20
RATES = {"rate(1 minute)": 60, "rate(5 minutes)": 300, "rate(15 minutes)": 900, "rate(1 hour)": 3600}
DAY = 24 * 3600
ACLS_AND_RULES = {"none": (0, 0), "edge": (1, 4), "edge+api": (2, 7)}
"""Web ACLs and their rules: infra/edge/template.yaml and infra/template/api_firewall.yaml."""
SMALLEST_DATABASE, SMALLEST_PROXY = 0.5, 8
"""Aurora capacity units: of a database in use, and what RDS Proxy bills at least."""
Choice = tuple[str, str, dict[str, float]]
"""A title, a unit, and a cost by option."""


def idle(of: Scenario, stage: str = "prod") -> dict[str, float]:
    """Return what a deployed stage costs in a month without any request, by item; counted in its template."""
    resources = merged_template(stage)["Resources"].values()
    table = prices()

    def kinds(kind: str) -> list[dict[str, Any]]:
        return [each for each in resources if each.get("Type") == kind]

    month = HOURS_PER_MONTH * 3600
    queues = [
        m for m in kinds("AWS::Lambda::EventSourceMapping") if "Stream" not in str(m["Properties"]["EventSourceArn"])
    ]
    times = [RATES.get(each["Properties"]["ScheduleExpression"], DAY) for each in kinds("AWS::Scheduler::Schedule")]
    runs = sum(month / seconds for seconds in times)
    acls, rules = ACLS_AND_RULES[of.firewall]
    return {
        "polling of queues": table["sqs_request"].each * len(queues) * of.pollers * month / POLL_SECONDS,
        # Those of the HTTP API take the place of the REST API's.
        "alarms": table["alarm"].each
        * len([each for each in kinds("AWS::CloudWatch::Alarm") if each.get("Condition") != "IsHttpApi"]),
        "dashboards": table["dashboard"].each * len(kinds("AWS::CloudWatch::Dashboard")),
        "scheduled jobs": runs * (table["scheduled"].each + model.functions(1, 500, of.memory_mb, of.processor)),
        "firewall": acls * table["web_acl"].each + rules * table["web_acl_rule"].each,
    }


def choices(of: Scenario) -> list[Choice]:
    """Return each choice with what its options cost."""

    def million(**change: Any) -> float:
        return MILLION * sum(model.average_order(of.model_copy(update=change)).values())

    return [
        ("API", "million orders", {"REST": million(api="rest"), "HTTP": million(api="http")}),
        ("workflow", "million orders", _workflows(of)),
        ("processor", "million orders", {each: million(architecture=each) for each in ("arm64", "x86_64")}),
        (
            "firewall, requests",
            "million orders",
            {each: million(firewall=each) for each in ("none", "edge", "edge+api")},
        ),
        ("firewall, fixed", "month", {each: _firewall(of, each) for each in ("none", "edge", "edge+api")}),
        ("no cold starts of the API", "month", _warm(of, functions=1, environments=5)),
        ("no cold starts of the steps", "month", _warm(of, functions=(steps := _steps()), environments=steps)),
        ("import of new products", "100,000 rows", _imports(of)),
        ("a million reads of the catalog", "month", _cached(of)),
        ("reporting database, idle", "month", _reporting()),
    ]


def _cached(of: Scenario) -> dict[str, float]:
    """Return what a million reads cost if all are answered by the function, or all by one of the two caches.

    A cache at the API answers what has passed the edge, so the request is paid for twice.
    """
    table = prices()
    read = sum(model.visits(of.model_copy(update={"api": "rest", "reads_per_order": 1})).values())
    edge = table["edge_request"].each
    api = edge + table["rest_request"].each + HOURS_PER_MONTH * table["api_cache_hour"].each / MILLION
    return {"not cached": MILLION * read, "at the edge": MILLION * edge, "at the API": MILLION * api}


def _steps() -> int:
    """Return how many functions StepStart is about: infra/build/releases.py."""
    return len(steps_forward(merged_template("prod")))


def _workflows(of: Scenario) -> dict[str, float]:
    """Return what the saga costs as a Standard workflow, and as an Express one, which cannot wait for a warehouse."""
    table = prices()
    standard = sum(order_units().completed["state_transition"].values()) * table["state_transition"].each
    seconds = of.workflow_seconds * model.EXPRESS_GB
    express = table["express_request"].each + seconds * table["express_gb_second"].each
    return {"Standard": MILLION * standard, "Express": MILLION * express}


def _firewall(of: Scenario, firewall: str) -> float:
    return idle(of.model_copy(update={"firewall": firewall}))["firewall"]


def _warm(of: Scenario, functions: int, environments: int, restores: int = 10_000) -> dict[str, float]:
    """Return a month of SnapStart with so many restores, and of provisioned concurrency with so many environments."""
    gigabytes, table = of.memory_mb / 1024, prices()
    seconds = HOURS_PER_MONTH * 3600 * gigabytes
    snapshots = functions * seconds * table["snapstart_cached_gb_second"].each
    restored = restores * gigabytes * table["snapstart_restored_gb"].each
    ready = environments * seconds * table[f"provisioned_gb_second_{of.processor}"].each
    return {"SnapStart": snapshots + restored, f"{environments} provisioned": ready}


def _imports(of: Scenario) -> dict[str, float]:
    return {imports.WAYS[name]: sum(way.cost(of, 100_000).values()) for name, way in imports.measured().items()}


def _reporting() -> dict[str, float]:
    """Return what the reporting stack costs before the first order: infra/reporting/template.yaml. The proxy's open
    connections keep the database at half a unit, where it would pause without them."""
    table = prices()
    database = HOURS_PER_MONTH * SMALLEST_DATABASE * table["aurora_unit_hour"].each
    proxy = HOURS_PER_MONTH * SMALLEST_PROXY * table["proxy_unit_hour"].each
    return {"off": 0, "on": database + proxy}
