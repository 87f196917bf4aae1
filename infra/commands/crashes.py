"""`make crashes`: let the shop's functions die at each call that they make, in virtual time."""

import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from multiprocessing import get_context

from infra.commands.output import PlainConsole
from testbed.crashes import Point, crashed, pairs, points
from testbed.shop.application import Shop
from testbed.shop.scenarios import SCENARIOS, case_of

SAGA = (
    "ReserveInventory", "AuthorizePayment", "AwaitBuyer", "ShipOrder", "CapturePayment", "CompleteOrder",
    "RefundPayment", "RecallShipment", "VoidPayment", "ReleaseInventory", "CancelOrder", "ResumeShipment",
    "RefundReturn", "RestockReturn", "CompleteReturn",
)  # fmt: skip
"""Functions whose crashes are also tried in pairs."""
CHUNK = 20

Crashes = tuple[str, tuple[Point, ...]]


def crashes(console: PlainConsole, every: int, with_pairs: bool) -> int:
    """Try every n-th crash point of each scenario. Return the exit code: 1 if a promise was broken."""
    began = time.monotonic()
    tried: Counter[str] = Counter()
    broken = 0
    with ProcessPoolExecutor(os.cpu_count() or 1, mp_context=get_context("spawn")) as pool:
        wanted = islice(_crashes(with_pairs), 0, None, every)
        for scenario, found, problems in pool.map(_tried, wanted, chunksize=CHUNK):
            tried[scenario] += 1
            if problems:
                broken += 1
                console.print(f"  {scenario}: {' and '.join(map(str, found))}: {problems[0]}")
    for scenario, count in tried.items():
        console.print(f"  {count:6} {scenario}")
    console.print(f"  {tried.total()} crashes in {time.monotonic() - began:.0f} s, {broken} broke a promise")
    return 1 if broken else 0


def _crashes(with_pairs: bool) -> Iterator[Crashes]:
    application = Shop()
    for scenario in SCENARIOS:
        case = case_of(scenario)
        if with_pairs:
            yield from ((scenario, pair) for pair in pairs(application, case, SAGA))
        else:
            yield from ((scenario, (point,)) for point in points(application, case))


def _tried(crash: Crashes) -> tuple[str, Sequence[Point], list[str]]:
    scenario, found = crash
    return scenario, found, crashed(Shop(), case_of(scenario), *found).problems
