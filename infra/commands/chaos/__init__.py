"""Chaos run: many buyers at once in a shop of its own, with faults at every boundary; then quiet, and the audit."""

import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import click
from rich.console import Console

from infra.audit.auditor import Auditor
from infra.build.template import ROOT
from infra.commands import job, run_reports
from infra.commands.audit import of_local
from infra.commands.chaos import records
from infra.commands.chaos.buyers import Crowd, Visit
from infra.commands.chaos.ending import DeadWorkflows, Ending
from infra.commands.chaos.faults import Faults, check, names_of_resources
from infra.commands.client import Buyer
from infra.commands.output import styled
from infra.commands.patient_buyer import PatientBuyer
from infra.commands.payments_sandbox import PaymentsSandbox
from infra.local import processes, shop
from infra.local.own_shop import OwnShop, started
from infra.local.temporary import temporary_home
from testbed import coverage
from testbed.plan import FaultPlan
from testbed.record import Injected, RunRecord

PLAN = ROOT / "testbed" / "plans" / "chaos.yaml"
AT_ONCE = 32
"""Threads: this many buyers are in the shop at the same time."""
HIDDEN_SECONDS = 5
"""Visibility timeout of the queues, which is a minute or more on AWS: how soon a failed message is received again."""
SETTINGS = {"SFN_WAIT_SCALE": "0.1"}
"""Waits between the retries of a workflow are shortened too; time limits are not."""
PARAMETERS = {
    "BuyerConfirmationSeconds": "60",
    "MailsPerRecipient": "100000",
    "MailsPerClient": "100000",
}
PRODUCTS, STOCK = 4, 10_000
"""That are bought, and units of each."""


@dataclass(frozen=True)
class Settings:
    """`restarts`: the emulator is stopped and started again when half of the buyers have been there."""

    orders: int
    seed: int
    plan: FaultPlan
    restarts: bool = True
    settles_seconds: float = 300
    """Time for the end of all orders once the faults have stopped."""

    @property
    def command(self) -> str:
        """The command that repeats the run."""
        own_plan = None if self.plan == FaultPlan.read(PLAN) else self.plan
        restart = "" if self.restarts else " RESTART=0"
        return f"make chaos ORDERS={self.orders} SEED={self.seed}{restart}{run_reports.faults(own_plan)}"


@dataclass(frozen=True)
class Result:
    """`redriven` counts dead letters by queue, `died` the executions that did not end by themselves."""

    record: RunRecord
    visits: list[Visit]
    redriven: Counter[str]
    died: int
    restarts: int

    @property
    def problems(self) -> list[str]:
        """Return what the buyers did not expect."""
        return [visit.problem for visit in self.visits if visit.problem]

    def summary(self) -> dict[str, Any]:
        """Return the run as one JSON object."""
        found = self.record.outcomes
        return {
            "seed": self.record.seed,
            "orders": records.by_status(found),
            "faults": by_boundary(self.record.injected) | {"emulator": {"restart": self.restarts}},
            "retries": {
                "buyers": sum(visit.repeated for visit in self.visits),
                "steps": sum(each.retries for each in found),
            },
            "compensations": sum(each.compensations for each in found),
            "workflows_died": self.died,
            "redriven": dict(sorted(self.redriven.items())),
            "violations": self.record.violations,
            "refused": len(self.problems),
            "p50_seconds": records.percentile(found, 50),
            "p99_seconds": records.percentile(found, 99),
        }


def by_boundary(injected: list[Injected]) -> dict[str, dict[str, int]]:
    """Count the faults by boundary and kind."""
    counts: dict[str, Counter[str]] = {}
    for each in injected:
        counts.setdefault(each.site.partition(".")[0], Counter())[each.what] += each.times
    return {boundary: dict(kinds) for boundary, kinds in counts.items()}


def chaos(console: Console, settings: Settings) -> int:
    """Return 1 if an invariant is violated, an order did not end, or a queue did not drain. Raises PlanInvalid."""
    check(settings.plan)
    with temporary_home() as home:
        edges = home / "edges"
        edges.mkdir()
        noting = SETTINGS | {coverage.FOLDER: str(edges)}
        port = processes.free_port()
        own = OwnShop(home, emulator_settings=noting, parameters=PARAMETERS, products=PRODUCTS, faults_port=port)
        with started(own):
            opened = own.open(lambda line: console.print(f"  {line} …"))
            result = hold(own, opened, settings, lambda line: console.print(f"  {line} …"))
        result.record.edges = coverage.noted(edges, coverage.definitions())
    show(console, result)
    run_reports.keep(console, result.record, f"chaos-{settings.seed}")
    click.echo(json.dumps(result.summary()))
    return 1 if result.record.violations or result.problems else 0


def show(console: Console, result: Result) -> None:
    """Print each problem."""
    for verdict in result.record.verdicts:
        for subject, text in verdict.violations.items():
            console.print(styled(f"  {verdict.invariant}: {subject}: {text}", "red"), soft_wrap=True)
    for problem in result.problems:
        console.print(styled(f"  {problem}", "red"), soft_wrap=True)


def hold(own: OwnShop, opened: dict[str, Any], settings: Settings, progress: shop.Progress) -> Result:
    """Run the buyers under faults, wait for the end of all orders, and judge the shop."""
    session, stack = own.place.session, opened["stack"]
    admin = PatientBuyer(opened["api_url"]).signed_in(shop.ADMIN.email, shop.ADMIN.password)
    skus = _stocked(admin)
    _hide_messages_briefly(session)
    faults = Faults(own, opened, settings.plan, settings.seed)
    dead = DeadWorkflows(session, stack, _recovery_queue(session))
    sandbox = PaymentsSandbox(opened["payments_url"], opened["stripe_key"])
    crowd = Crowd(opened["api_url"], skus, sandbox, faults.address, settings.seed)
    began, clock = datetime.now(UTC), time.monotonic()
    progress(f"{settings.orders} buyers, with faults")
    faults.begin()
    dead.watch()
    visits = _visited(own, crowd, settings, progress)
    faults.end()
    progress("no more faults; waiting for the end of all orders")
    auditor = Auditor(of_local(session, opened))
    ending = Ending(admin, auditor, lambda name: job.invoke(session, shop.STACK, name, {}))
    books = ending.wait(settings.settles_seconds)
    died = dead.stop()
    found = records.outcomes(session, books, stack, {visit.order_id for visit in visits if visit.order_id})
    record = RunRecord(
        name="chaos", seed=settings.seed, command=settings.command, plan=settings.plan,
        started_at=began.isoformat(timespec="seconds"), seconds=round(time.monotonic() - clock, 1),
        outcomes=found, injected=faults.injected(),
        verdicts=records.verdict_records(auditor.verdicts(), ending.problems),
        entries=records.timelines(admin, found, began),
    )  # fmt: skip
    return Result(record, visits, ending.redriven, died, int(settings.restarts))


def _visited(own: OwnShop, crowd: Crowd, settings: Settings, progress: shop.Progress) -> list[Visit]:
    """Let all buyers visit; between the two halves, restart the emulator while buyers are there."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        coming = [pool.submit(crowd.visit, number) for number in range(settings.orders)]
        if settings.restarts:
            coming[settings.orders // 2].result()
            progress("restarting the emulator")
            own.stop_engine()
            own.start_engine()
        return [each.result() for each in coming]


def _stocked(admin: Buyer) -> list[str]:
    """Return some products, with enough units in stock."""
    skus = [product["sku"] for product in admin.must("GET", "/products")["items"]][:PRODUCTS]
    for sku in skus:
        admin.must("PUT", f"/admin/stock/{sku}", {"on_hand": STOCK})
    return skus


def _hide_messages_briefly(session: Any) -> None:
    sqs = session.client("sqs")
    for page in sqs.get_paginator("list_queues").paginate():
        for url in page.get("QueueUrls", []):
            sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": str(HIDDEN_SECONDS)})


def _recovery_queue(session: Any) -> str:
    name = next(name for name, logical in names_of_resources(session).items() if logical == "RecoveryQueue")
    return str(session.client("sqs").get_queue_url(QueueName=name)["QueueUrl"])
