"""Capacity simulation: sends a trace of requests through the design and counts what it takes and where it waits."""

import gc
import math
from bisect import bisect
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import accumulate
from random import Random
from typing import Any

from infra.capacity.design import Design
from infra.capacity.job import THROTTLED, Item, Job, Order
from infra.capacity.limits import Limits
from infra.capacity.measured import Measured, Quota, Work
from infra.capacity.pool import Account, Bucket, Pool, Simulation
from infra.capacity.sources import Queue, Rates, Stream, arrivals
from infra.capacity.workflow import Workflow

API = "APIHandler"
PLACES_AN_ORDER = "POST /orders"


@dataclass(frozen=True)
class Load:
    """`burst` orders arrive within a second, after a third of the trace. `hot` is the share of orders with the product
    that is sought most; its stock counter is split into `shards`."""

    rates: Rates
    burst: int = 0
    seed: int = 1
    hot: float = 0.0
    shards: int = 1

    @property
    def seconds(self) -> float:
        return self.rates[-1][0]


@dataclass
class Route:
    name: str
    work: Job
    throttle: Bucket | None
    offered: int = 0


@dataclass
class Result:
    """What is left after a run: the parts with their counts, and the depths of queues when the arrivals ended."""

    load: Load
    account: Account
    pools: dict[str, Pool]
    queues: dict[str, Queue]
    streams: list[Stream]
    workflows: dict[str, Workflow]
    buckets: list[Bucket]
    units: dict[str, float]
    requests: Counter[str]
    placed: int = 0
    order_seconds: list[float] = field(default_factory=list)
    depth_at_end: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0


class Shop:
    """The design at work: each part built from the template, the measurements and the quotas."""

    def __init__(self, design: Design, measured: Measured, quotas: dict[str, Quota], load: Load) -> None:
        self.design, self.measured, self._quotas, self._load = design, measured, quotas, load
        self.simulation = Simulation(load.seed)
        self.limits = Limits(design, measured, quotas, load.shards)
        self.units: defaultdict[str, float] = defaultdict(float)
        self.account = Account(int(self.limits.number("lambda_concurrency")))
        self.limits.buckets["Lambda requests"] = self.account.requests
        self.account.requests.setting = "quota lambda_concurrency"
        self._shards = Random(f"{load.seed} shards")
        self._shares = Random(f"{load.seed} shares")
        self.pools = {name: self._pool(name) for name in (API, *measured.functions)}
        self.jobs = {name: self._job(name, work) for name, work in measured.functions.items()}
        self.routes = [self._route(name, work) for name, work in measured.routes.items()]
        self.queues = {queue.name: queue for queue in self._queues()}
        self.streams: dict[str, list[Stream]] = {}
        for stream in self._streams():
            self.streams.setdefault(stream.name.split()[0], []).append(stream)
        transitions = self.limits.rate("state_transitions")
        transitions.patience = math.inf
        self.workflows = {
            name: Workflow(self.simulation, name, definition, transitions, self._step)
            for name, definition in design.workflows.items()
        }
        self._gateway = self.limits.rate("api_requests")
        self.requests: Counter[str] = Counter()
        self.order_seconds: list[float] = []

    def run(self) -> Result:
        """Send the trace, then let the queues drain for as long again at most."""
        collects = gc.isenabled()
        gc.disable()  # nothing here is a cycle, and a look at millions of messages takes longer than the simulation
        try:
            return self._run()
        finally:
            if collects:
                gc.enable()

    def _run(self) -> Result:
        load, simulation = self._load, self.simulation
        self._arrive(arrivals(load.rates, Random(f"{load.seed} arrivals")), Random(f"{load.seed} routes"))
        self._schedule_burst()
        for minute in range(1, int(load.seconds / 60) + 1):
            simulation.at(60 * minute, self.limits.end_minute)
        simulation.run(load.seconds)
        sources: list[Queue | Stream] = [*self.queues.values(), *(s for each in self.streams.values() for s in each)]
        result = Result(
            load, self.account, self.pools, self.queues, [s for each in self.streams.values() for s in each],
            self.workflows, list(self.limits.buckets.values()), self.units, self.requests,
            depth_at_end={source.name: source.waiting for source in sources},
        )  # fmt: skip
        while not simulation.is_over and simulation.now < 2 * load.seconds:
            simulation.run(simulation.now + 1)
        result.seconds, result.order_seconds = simulation.now, self.order_seconds
        result.placed = self.requests["orders placed"]
        for job in (*self.jobs.values(), *(route.work for route in self.routes)):
            for unit, count in job.work.units().items():
                self.units[unit] += count * job.done
        return result

    def caused(self, work: Work, batch: list[Item]) -> None:
        """Do what a call that succeeded causes for each item of its batch."""
        for order, about in batch:
            self._send_all(work, order, about)
            if work.starts:
                order.execution = self.workflows[work.starts].start(order, partial(self._completed, order))
            if work.resumes and work.resumes == about and order.execution:
                order.execution.resume()

    def _send_all(self, work: Work, order: Order, about: str) -> None:
        """Write the events, publish, and send the messages and the later replies of one item."""
        if work.events and work.resumes in (None, about):
            self._write_events(work, order)
        if work.publishes:
            self._publish(order, about)
        for queue in work.sends:
            self._send(queue, order, about)
        for queue, replies in work.replies.items():
            for reply, seconds in replies.items():
                self.simulation.after(seconds, self._send, queue, order, reply)

    def _write_events(self, work: Work, order: Order) -> None:
        for table, events in work.events.items():
            for event in events:
                for stream in self.streams.get(table, []):
                    stream.send(order.number, (order, event))

    def _publish(self, order: Order, event: str) -> None:
        targets = self.design.targets_of(event)
        self.units["event"] += 1
        self.units["sns_publish"] += any(subscription for _, subscription in targets)
        for queue, subscription in targets:
            share = self.measured.shares.get(subscription, 1.0)
            if share >= 1 or self._shares.random() < share:
                self._send(queue, order, event)

    def _send(self, queue: str, order: Order, about: str = "") -> None:
        if queue in self.queues:
            self.queues[queue].send((order, about))

    def _step(self, function: str, order: Order, then: Callable[[str | None], None]) -> None:
        self.jobs[function]([(order, "")], then)

    def _completed(self, order: Order) -> None:
        self.order_seconds.append(self.simulation.now - order.placed_at)

    def _arrive(self, times: Iterator[float], random: Random) -> None:
        """Schedule the next request, which schedules the one after it."""
        limits = list(accumulate(route.per_order for route in self.measured.routes.values()))

        def next_request() -> None:
            when = next(times, None)
            if when is not None:
                self.simulation.at(when, arrive)

        def arrive() -> None:
            self._request(self.routes[bisect(limits, random.random() * limits[-1])])
            next_request()

        next_request()

    def _schedule_burst(self) -> None:
        route = next((route for route in self.routes if route.name == PLACES_AN_ORDER), None)
        random = Random(f"{self._load.seed} burst")
        for _ in range(self._load.burst if route else 0):
            self.simulation.at(self._load.seconds / 3 + random.random(), self._request, route)

    def _request(self, route: Route) -> None:
        now = self.simulation.now
        route.offered += 1
        self.requests["offered"] += 1
        if self._gateway.wait(now) is None or (route.throttle and route.throttle.wait(now) is None):
            self.requests["throttled by API Gateway"] += 1
            return
        self.units["rest_request"] += 1
        order = Order(route.offered, self._shares.random() < self._load.hot, now)
        route.work([(order, "")], lambda error: self._answered(route, error))

    def _answered(self, route: Route, error: str | None) -> None:
        outcome = {None: "answered", THROTTLED: "throttled by Lambda"}.get(error, "failed")
        self.requests[outcome] += 1
        if route.name == PLACES_AN_ORDER and not error:
            self.requests["orders placed"] += 1

    def _pool(self, name: str) -> Pool:
        function = self.design.functions[name]
        init = self.measured.restore_ms if function.has_snapshots else self.measured.init_ms
        quota = self._quotas["lambda_scaling"]
        assert quota.rate and quota.burst
        return Pool(
            self.simulation,
            self.account,
            name,
            f"{function.memory_mb} MB {function.architecture}",
            init_seconds=init / 1000,
            idle_seconds=self.measured.idle_seconds,
            scaling=Bucket(f"scaling of {name}", quota.rate, quota.burst),
            reserved=function.reserved,
            provisioned=function.provisioned,
        )

    def _job(self, name: str, work: Work) -> Job:
        return Job(
            self.simulation,
            self.pools[name],
            work,
            self.limits.demands(work),
            self.caused,
            timeout=self.design.functions[name].timeout,
            further_item=self.measured.further_item,
            shards=self._shards,
        )

    def _route(self, name: str, work: Any) -> Route:
        limit = self.design.throttle(name)
        throttle = limit and self.limits.bucket(f"API {name}", *limit, 0, "MethodSettings in infra/build/gateway.py")
        return Route(name, self._job(API, work), throttle or None)

    def _queues(self) -> Iterator[Queue]:
        for mapping in self.design.mappings:
            queue = self.design.queues.get(mapping.source)
            if queue and mapping.function in self.jobs:
                yield Queue(
                    self.simulation,
                    mapping.source,
                    self.jobs[mapping.function],
                    batch_size=mapping.batch_size,
                    window=mapping.window,
                    maximum_concurrency=mapping.maximum_concurrency,
                    visibility_timeout=queue.visibility_timeout,
                    max_receive_count=queue.max_receive_count,
                )

    def _streams(self) -> Iterator[Stream]:
        """Build a stream for each mapping. Its shards are the partitions of the table."""
        for mapping in self.design.mappings:
            table = self.design.tables.get(mapping.source)
            if table and mapping.function in self.jobs:
                yield Stream(
                    self.simulation,
                    f"{mapping.source} → {mapping.function}",
                    self.jobs[mapping.function],
                    shards=max(1, math.ceil(table.writes / self.limits.number("partition_writes"))),
                    batch_size=mapping.batch_size,
                    parallelization_factor=mapping.parallelization_factor,
                    maximum_retry_attempts=mapping.maximum_retry_attempts,
                )
