"""`make simulate`: run the shop under many seeds with faults, in virtual time, and shrink what fails."""

import os
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import click

from infra.commands import run_reports
from infra.commands.output import PlainConsole
from testbed import story
from testbed.plan import FaultPlan
from testbed.record import joined
from testbed.shrink import shrunk
from testbed.simulation import Case, Result, simulate

MOST_SHRUNK = 1
"""Failing seeds that are shrunk; the others are only named. `SEED=…` shrinks one of them."""


def run_seeds(console: PlainConsole, seeds: range, orders: int, plan: FaultPlan | None) -> int:
    """Run each seed and print what was found. Return the exit code: 1 if a seed failed."""
    began = time.monotonic()
    outcomes: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    steps, failed, found = 0, [], []
    for number, result in enumerate(_results(seeds, orders, plan), 1):
        outcomes.update(f"{each.status} {each.reason or ''}".strip() for each in result.record.outcomes)
        for each in result.record.injected:
            faults[each.what] += each.times
        steps += result.steps
        found.append(result.record)
        if result.problems:
            failed.append(result)
            console.print(f"  seed {result.case.seed}: {result.problems[0]}")
        if number % 50 == 0:
            console.print(f"  {number} of {len(seeds)} seeds")
    seconds = time.monotonic() - began
    console.print(f"  {len(seeds)} seeds, {sum(outcomes.values())} orders, {steps:,} steps in {seconds:.0f} s")
    console.print("  " + ", ".join(f"{status} {count}" for status, count in outcomes.most_common()))
    console.print("  faults: " + ", ".join(f"{what} {count}" for what, count in faults.most_common()))
    command = f"make simulate SEEDS={len(seeds)} FIRST={seeds[0]} ORDERS={orders}{run_reports.faults(plan)}"
    record = joined(found).model_copy(update={"command": command})
    run_reports.keep(console, record, f"simulation-{seeds[0]}-{seeds[-1]}")
    for result in failed[:MOST_SHRUNK]:
        _explain(console, result, plan)
    console.print(f"  {len(failed)} seeds failed" if failed else "  every promise held")
    return 1 if failed else 0


def run_seed(console: PlainConsole, seed: int, orders: int, plan: FaultPlan | None) -> int:
    """Run one seed, keep its history for the report, and explain it if it fails."""
    from testbed.shop.application import Shop

    result = simulate(Shop(), Case.of(seed, orders), plan, keep=True)
    command = f"make simulate SEED={seed} ORDERS={orders}{run_reports.faults(plan)}"
    run_reports.keep(console, result.record.model_copy(update={"command": command}), f"simulation-{seed}")
    if result.problems:
        _explain(console, result, plan)
        return 1
    console.print(f"  {len(result.record.outcomes)} orders, {len(result.struck)} faults: every promise held")
    return 0


def _explain(console: PlainConsole, failed: Result, plan: FaultPlan | None) -> None:
    """Shrink a failed run and print its story."""
    from testbed.shop.application import Shop

    application = Shop()
    console.print(f"  shrinking seed {failed.case.seed} …")
    smallest = shrunk(lambda case: simulate(application, case, plan), failed)
    kept = simulate(application, smallest.case, plan, keep=True)
    console.print(story.story(kept, f"make simulate SEED={failed.case.seed}"))


def _results(seeds: range, orders: int, plan: FaultPlan | None) -> Iterator[Result]:
    asked = ((seed, orders, plan) for seed in seeds)
    workers = min(os.cpu_count() or 1, len(seeds))
    if workers == 1:
        yield from map(_simulated, asked)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_simulated, asked, chunksize=5)


def _simulated(asked: tuple[int, int, FaultPlan | None]) -> Result:
    from testbed.shop.application import Shop

    seed, orders, plan = asked
    return simulate(Shop(), Case.of(seed, orders), plan)


def plan_of(faults: str | None, path: Path | None) -> FaultPlan | None:
    """Return the plan that was asked for, None for that of the shop. Raises PlanInvalid, OSError."""
    if faults is not None and path is not None:
        raise click.UsageError("Give FAULTS or PLAN, not both.")
    if path is not None:
        return FaultPlan.read(path)
    return None if faults is None else FaultPlan.of(faults)
