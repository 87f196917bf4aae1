"""Faults of a chaos run: gives each fault of the plan to what can inject it, and counts what was injected."""

import json
import os
import signal
import threading
import time
import urllib.request
import zlib
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any

import psutil
from botocore.exceptions import BotoCoreError, ClientError

from infra.commands.job import snake
from infra.commands.payments_sandbox import PaymentsSandbox
from infra.local import emulator, shop
from infra.local.own_shop import OwnShop
from testbed.plan import ON_CALLS, POSSIBLE, Fault, FaultPlan, Injector, PlanInvalid, Site, What
from testbed.record import Injected

AWS = ("dynamodb", "sqs", "sns", "events", "states", "s3", "ses", "ssm")
HERE: dict[str, set[What]] = {
    **dict.fromkeys(AWS, ON_CALLS),
    "payments": ON_CALLS,
    "webhook": {What.DUPLICATE, What.REORDER, What.DELAY, What.ERROR},
    "warehouse": {What.DUPLICATE, What.REORDER, What.ERROR},
    "function": {What.KILL},
}
"""By boundary: what a run with real concurrency can inject."""
PAYMENT_OPERATIONS = ("create", "confirm", "capture", "cancel", "refund", "retrieve")
PAYMENT_FAULTS = {
    What.ERROR: "error_before",
    What.LOST_ANSWER: "error_after",
    What.TIMEOUT: "timeout",
    What.THROTTLE: "rate_limited",
    What.DELAY: "slow",
}
WEBHOOK_MODES = {What.DUPLICATE: "duplicate", What.REORDER: "reorder", What.DELAY: "late", What.ERROR: "off"}
USUAL = "normal"
"""Mode in which the sandbox delivers without a fault."""
REFUSE, SILENT = Site(boundary="warehouse", operation="refuse"), Site(boundary="warehouse", operation="silent")
REPLY = Site(boundary="warehouse", operation="reply")
WEBHOOKS = Site(boundary="webhook", operation="delivery")
LOOK_SECONDS = 0.5
WORKER = "entry.py"
"""Its process is started by the emulator for each environment of a function, which ends with it."""


def check(plan: FaultPlan) -> None:
    """Raise PlanInvalid if a fault cannot be injected by a run with real concurrency."""
    for fault in plan.faults:
        where = fault.where.partition(".")[0]
        meant = [name for name in POSSIBLE if fnmatchcase(name, where) and fault.what in POSSIBLE[name]]
        if not any(fault.what in HERE.get(name, ()) for name in meant):
            raise PlanInvalid(f"{fault.where}={fault.what}: make chaos cannot inject this; make simulate can")
        if fault.calls and "payments" in meant:
            raise PlanInvalid(f"{fault.where}={fault.what}: payments take a probability (@), not calls (#)")


class Faults:
    """The faults of one run, between `begin` and `end`.

    Those of AWS are injected by the proxy, those of payments and webhooks by the Stripe sandbox, and the others here.
    """

    def __init__(self, own: OwnShop, opened: dict[str, Any], plan: FaultPlan, seed: int) -> None:
        self._own, self._stack, self._plan, self._seed = own, opened["stack"], plan, seed
        self._session = own.place.session
        self._sandbox = PaymentsSandbox(opened["payments_url"], opened["stripe_key"])
        self._injector, self._turn = Injector(plan, seed), threading.Lock()
        self._injected: Counter[tuple[str, What]] = Counter()
        self._names = names_of_resources(self._session)
        self._of_payments: list[Fault] = []
        self._mode, self._mode_until = USUAL, 0.0
        self._parcels: dict[str, str] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def begin(self) -> None:
        request = {"plan": self._plan.model_dump(mode="json"), "seed": self._seed, "names": self._names}
        self._proxy("POST", request)
        self._began = time.monotonic()
        self._thread.start()

    def end(self) -> None:
        """Inject nothing more."""
        self._over.set()
        self._thread.join()
        self._proxy("DELETE")
        self._plan_payment_faults([])
        self._sandbox.webhooks(USUAL)

    def injected(self) -> list[Injected]:
        """Return what was injected."""
        found = Counter(self._injected)
        for each in self._proxy("GET"):
            found[each["site"], What(each["what"])] += each["times"]
        found.update(self._webhooks())
        return [Injected(site=site, what=what, times=times) for (site, what), times in sorted(found.items()) if times]

    def address(self) -> str | None:
        """Return the second line of an address, which the warehouse refuses or does not answer; or None."""
        for site in (REFUSE, SILENT):
            if self._strikes(site):
                self._injected[str(site), What.ERROR] += 1
                return f"sandbox:{site.operation}"
        return None

    def _strikes(self, site: Site) -> Fault | None:
        with self._turn:
            return self._injector.strike(site, time.monotonic() - self._began)

    def _work(self) -> None:
        """Look at everything twice a second. The emulator does not answer while it is restarted."""
        while not self._over.wait(LOOK_SECONDS):
            for task in (self._switch_payment_faults, self._switch_webhooks, self._kill_workers, self._repeat_replies):
                with suppress(OSError, BotoCoreError, ClientError, psutil.Error):
                    task()

    def _switch_payment_faults(self) -> None:
        seconds = time.monotonic() - self._began
        ours = [each for each in self._plan.faults if each.what in PAYMENT_FAULTS and _is_now(each, seconds)]
        if ours != self._of_payments:
            self._plan_payment_faults(ours)

    def _plan_payment_faults(self, planned: Iterable[Fault]) -> None:
        """Replace the sandbox's faults, and count those that it has injected."""
        for fault in self._sandbox.call("GET", "/admin/faults")["faults"]:
            what = next(what for what, kind in PAYMENT_FAULTS.items() if kind == fault["kind"])
            self._injected[str(Site(boundary="payments", operation=fault["operation"])), what] += fault["struck"]
        self._sandbox.end_faults()
        self._of_payments = list(planned)
        for fault in self._of_payments:
            for operation in PAYMENT_OPERATIONS:
                if fault.matches(Site(boundary="payments", operation=operation)):
                    self._sandbox.fault(
                        operation, PAYMENT_FAULTS[fault.what], times=0, seconds=fault.seconds,
                        probability=fault.probability, seed=self._seed,
                    )  # fmt: skip

    def _switch_webhooks(self) -> None:
        """Draw for each second how the sandbox delivers what happens in it."""
        if time.monotonic() < self._mode_until:
            return
        self._mode_until = time.monotonic() + 1
        fault = self._strikes(WEBHOOKS)
        mode = WEBHOOK_MODES[fault.what] if fault else USUAL
        if mode != self._mode:
            late = fault and fault.what == What.DELAY
            self._sandbox.webhooks(mode, **({"seconds": fault.seconds} if fault and late else {}))
            self._mode = mode

    def _webhooks(self) -> Counter[tuple[str, What]]:
        """Count the events that the sandbox delivered otherwise than usual, or never."""
        sent = self._sandbox.call("GET", "/admin/webhooks")["deliveries"]
        events = {(each["event"], each["mode"]) for each in sent}
        counts = {what: sum(of == mode for _, of in events) for what, mode in WEBHOOK_MODES.items()}
        known, types = {each["event"] for each in sent}, {each["type"] for each in sent}
        cut_short = {each["event"] for each in sent if not each["delivered"] and not each["pending"]}
        never = [each for each in self._sandbox.events() if each["type"] in types and each["id"] not in known]
        counts[What.ERROR] = len(never) + len(cut_short)
        return Counter({(str(WEBHOOKS), what): count for what, count in counts.items()})

    def _kill_workers(self) -> None:
        """Draw for each environment of a function whether its process ends now."""
        for process in psutil.Process(self._own.engine_pid).children():
            with suppress(psutil.Error):
                if not any(part.endswith(WORKER) for part in process.cmdline()):
                    continue
                name = self._names.get(process.environ()["AWS_LAMBDA_FUNCTION_NAME"], "")
                site = Site(boundary="function", operation=snake(name))
                if self._strikes(site):
                    os.kill(process.pid, signal.SIGKILL)
                    self._injected[str(site), What.KILL] += 1

    def _repeat_replies(self) -> None:
        """Send replies of the warehouse again: the last one twice, or an older one after it."""
        table: Any = self._session.resource("dynamodb").Table(self._stack["WarehouseLedgerTableName"])
        for item in table.scan(ConsistentRead=True)["Items"]:
            order_id, status = item["order_id"], item["status"]
            if self._parcels.get(order_id) == status:
                continue
            self._parcels[order_id] = status
            if status == "DISPATCHED" and (fault := self._strikes(REPLY)):
                self._reply(_dispatched(order_id) if fault.what == What.DUPLICATE else _accepted(order_id))
                self._injected[str(REPLY), fault.what] += 1

    def _reply(self, reply: dict[str, str]) -> None:
        queue = next(name for name, logical in self._names.items() if logical == "WarehouseRepliesQueue")
        sqs = self._session.client("sqs")
        url = queue if queue.startswith("http") else sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        sqs.send_message(QueueUrl=url, MessageBody=json.dumps(reply | {"at": at}))

    def _proxy(self, method: str, body: Any = None) -> Any:
        content = json.dumps(body).encode() if body is not None else None
        url = f"{emulator.url(self._own.faults_port)}/_testbed/run"
        with urllib.request.urlopen(urllib.request.Request(url, content, method=method), timeout=30) as answer:
            return json.load(answer)


def _is_now(fault: Fault, seconds: float) -> bool:
    return fault.since <= seconds and (fault.until is None or seconds < fault.until)


def _dispatched(order_id: str) -> dict[str, str]:
    """Return the reply of `infra/simulator/warehouse.py`."""
    number = f"SIM{zlib.crc32(order_id.encode()):010d}"
    return {"order_id": order_id, "outcome": "dispatched", "carrier": "Sandbox Post", "tracking_number": number}


def _accepted(order_id: str) -> dict[str, str]:
    return {"order_id": order_id, "outcome": "accepted"}


def names_of_resources(session: Any) -> dict[str, str]:
    """Return the names of the template by the physical names of the stack's resources."""
    pages = session.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=shop.STACK)
    found = [each for page in pages for each in page["StackResourceSummaries"]]
    return {each["PhysicalResourceId"].rsplit("/", 1)[-1]: each["LogicalResourceId"] for each in found}
