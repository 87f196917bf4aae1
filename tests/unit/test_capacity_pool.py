"""The pool of environments and the queues, against queueing theory and AWS's documented limits.

Erlang B and C hold for Poisson arrivals. The runs are drawn from a fixed seed, so each result is one number. Tolerances
are three standard deviations of twelve other seeds: 0.006 of the blocking probability, 0.020 of the waiting
probability, 0.055 s of the mean wait.
"""

from collections.abc import Callable
from math import factorial
from random import Random

import pytest

from infra.capacity.pool import Account, Bucket, Pool, Simulation
from infra.capacity.sources import Queue, Stream, arrivals, constant

ARRIVALS = "1 arrivals"
Then = Callable[[str | None], None]


def nothing() -> None: ...


def pool_of(simulation: Simulation, concurrency: int = 10**6, **options: object) -> Pool:
    return Pool(simulation, Account(concurrency), "Function", **options)


def erlang_b(servers: int, load: float) -> float:
    terms = [load**n / factorial(n) for n in range(servers + 1)]
    return terms[-1] / sum(terms)


def erlang_c(servers: int, load: float) -> float:
    blocked = erlang_b(servers, load)
    return blocked / (1 - load / servers * (1 - blocked))


def invoke_at(simulation: Simulation, pool: Pool, rate: float, seconds: float, draw: Callable[[], float]) -> None:
    for when in arrivals(constant(rate, seconds), Random(ARRIVALS)):
        simulation.at(when, lambda: pool.invoke(draw(), nothing))
    simulation.run(seconds)


@pytest.mark.parametrize("draw", ["exponential", "constant"])
def test_reserved_concurrency_blocks_as_erlang_b_says(draw: str) -> None:
    """The formula holds for any distribution of durations."""
    simulation = Simulation(1)
    pool = pool_of(simulation, reserved=10)
    of_draw = {"exponential": lambda: simulation.random.expovariate(1), "constant": lambda: 1.0}
    invoke_at(simulation, pool, 8, 5_000, of_draw[draw])
    throttled = pool.throttled["reserved concurrency"]
    assert throttled / (throttled + pool.invocations) == pytest.approx(erlang_b(10, 8), abs=0.006)


def test_queue_makes_messages_wait_as_erlang_c_says() -> None:
    simulation = Simulation(1)
    pool = pool_of(simulation)

    def consumer(batch: list[object], then: Then) -> None:
        pool.invoke(simulation.random.expovariate(1), then, None)

    queue = Queue(simulation, "Queue", consumer, batch_size=1, maximum_concurrency=4)
    for when in arrivals(constant(3, 20_000), Random(ARRIVALS)):
        simulation.at(when, queue.send, None)
    simulation.run(20_000)
    waiting = erlang_c(4, 3)
    assert queue.waited / queue.received == pytest.approx(waiting, abs=0.02)
    assert queue.waiting_seconds / queue.received == pytest.approx(waiting / (4 - 3), abs=0.055)


def test_concurrency_follows_littles_law() -> None:
    """L is measured as the area below the curve, λ and W from counts and durations."""
    simulation = Simulation(1)
    pool = pool_of(simulation)
    invoke_at(simulation, pool, 20, 2_000, lambda: simulation.random.expovariate(2))
    arrived_per_second, seconds_each = pool.invocations / 2_000, pool.busy_seconds / pool.invocations
    assert pool.mean_concurrency() == pytest.approx(arrived_per_second * seconds_each, rel=0.005)
    assert pool.mean_concurrency() == pytest.approx(10, rel=0.03)


def test_warm_environment_is_reused_until_it_expires() -> None:
    simulation = Simulation(1)
    pool = pool_of(simulation, idle_seconds=300, init_seconds=2)
    for when in (0, 200, 499, 900):
        simulation.at(when, pool.invoke, 1, nothing)
    simulation.run(1_000)
    assert pool.cold == 2, "the second gap is shorter than 300 s, counted from the end of the call, the third longer"
    assert pool.busy_seconds == 4 + 2 * 2


def test_latest_idle_environment_is_used_first_so_that_others_expire() -> None:
    simulation = Simulation(1)
    pool = pool_of(simulation, idle_seconds=300)
    for when in (0, 0, 100, 200, 300, 400, 500):
        simulation.at(when, pool.invoke, 1, nothing)
    simulation.run(600)
    assert (pool.cold, pool.expired, pool.warm) == (2, 1, 1)


def test_function_scales_by_a_thousand_environments_in_ten_seconds() -> None:
    """Lambda developer guide, "Lambda scaling behavior"."""
    simulation = Simulation(1)
    pool = pool_of(simulation, scaling=Bucket("scaling", 100, 1000))
    started = [pool.invoke(60, nothing) for _ in range(1_500)]
    assert started.count(True) == 1_000 and pool.throttled == {"scaling rate": 500}
    simulation.run(10)
    assert [pool.invoke(60, nothing) for _ in range(1_500)].count(True) == 1_000


def test_account_concurrency_excludes_what_others_reserve() -> None:
    simulation = Simulation(1)
    account = Account(10)
    Pool(simulation, account, "Other", reserved=4)
    ready = Pool(simulation, account, "Ready", provisioned=1)
    pool = Pool(simulation, account, "Function")
    assert [pool.invoke(1, nothing) for _ in range(7)].count(True) == 5
    assert pool.throttled == {"account concurrency": 2}
    assert [ready.invoke(1, nothing) for _ in range(2)] == [True, False], "what is provisioned stays its own"


def test_provisioned_environments_start_warm_and_never_expire() -> None:
    simulation = Simulation(1)
    pool = pool_of(simulation, provisioned=2, init_seconds=5, idle_seconds=1)
    for _ in range(3):
        pool.invoke(1, nothing)
    assert pool.cold == 1
    simulation.run(100)
    assert pool.invoke(1, nothing) and pool.cold == 1


def test_pools_are_kept_by_function_and_configuration() -> None:
    """A new version starts cold, however many environments of the one before it are warm."""
    simulation, account = Simulation(1), Account(10)
    before, after = (Pool(simulation, account, "Function", version) for version in ("1", "2"))
    before.invoke(1, nothing)
    simulation.run(2)
    after.invoke(1, nothing)
    assert (before.warm, after.cold) == (1, 1) and len(account.pools) == 2


def test_queue_without_limit_starts_with_five_pollers_and_adds_300_a_minute() -> None:
    """Lambda developer guide, "Configuring scaling behavior for SQS event source mappings"."""
    simulation = Simulation(1)
    pool = pool_of(simulation)

    def consumer(batch: list[object], then: Then) -> None:
        pool.invoke(1_000, then, None)

    queue = Queue(simulation, "Queue", consumer, batch_size=1)
    for _ in range(2_000):
        queue.send(None)
    assert pool.busy == 5
    simulation.run(60.1)
    assert pool.busy == 305
    simulation.run(300)
    assert pool.busy == 1_000, "a mapping processes at most a thousand batches at once"


def test_failed_batch_returns_after_visibility_timeout_and_ends_as_dead_letter() -> None:
    simulation = Simulation(1)
    calls: list[float] = []

    def consumer(batch: list[object], then: Then) -> None:
        calls.append(simulation.now)
        then("TableBusy")

    queue = Queue(simulation, "Queue", consumer, visibility_timeout=30, max_receive_count=3, maximum_concurrency=2)
    queue.send(None)
    simulation.run(1_000)
    assert calls == [0, 30, 60] and queue.dead_letters == 1


def test_batching_window_collects_messages() -> None:
    simulation = Simulation(1)
    sizes: list[int] = []
    queue = Queue(simulation, "Queue", lambda batch, then: sizes.append(len(batch)), batch_size=10, window=1)
    for when in (0, 0.5, 0.9, 1.5):
        simulation.at(when, queue.send, None)
    simulation.run(5)
    assert sizes == [3, 1]


@pytest.mark.parametrize(("factor", "lanes"), [(1, 4), (5, 20)])
def test_stream_processes_shards_times_factor_batches_at_once(factor: int, lanes: int) -> None:
    """Lambda developer guide, "Polling and batching streams"."""
    simulation = Simulation(1)
    pool = pool_of(simulation)

    def consumer(batch: list[object], then: Then) -> None:
        pool.invoke(100, then, None)

    stream = Stream(simulation, "Stream", consumer, shards=4, batch_size=1, parallelization_factor=factor)
    for key in range(200):
        stream.send(key, None)
    simulation.run(1)
    assert pool.busy == lanes


def test_stream_keeps_the_records_of_a_key_in_order_and_retries_a_failed_batch() -> None:
    simulation = Simulation(1)
    seen: list[object] = []

    def consumer(batch: list[object], then: Then) -> None:
        seen.extend(batch)
        then("TableBusy" if len(seen) == 1 else None)

    stream = Stream(simulation, "Stream", consumer, shards=1, batch_size=1)
    for record in range(3):
        stream.send(0, record)
    simulation.run(60)
    assert seen == [0, 0, 1, 2] and stream.failed_batches == 1


def test_bucket_delays_up_to_its_patience_and_refuses_beyond() -> None:
    bucket = Bucket("limit", rate=10, burst=10, patience=1)
    assert [bucket.wait(0, 10), bucket.wait(0, 5), bucket.wait(0, 6)] == [0, 0.5, None]
    assert (bucket.used, bucket.delayed, bucket.refused) == (15, 1, 1)
    assert bucket.wait(1, 5) == 0
