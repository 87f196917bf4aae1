"""`make mutate`: remove the shop's protections one at a time, and show what notices."""

import gc
import json
import os
import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from infra.commands.output import PlainConsole
from testbed.mutation import Mutant
from testbed.mutation.trial import LIMIT_SECONDS, Ended, Trial, run_all
from testbed.shop import noticing
from testbed.shop.noticing import Notice
from testbed.shop.protections import ROOT, NotRemoved, mutants, warm

EXPLAINED = ROOT / "testbed" / "shop" / "survivors.yaml"
OUT = Path(".local") / "testbed" / "mutants.json"
PARTS = {
    None: ("tests of definitions", "seed", "tests of code", "seeds"),
    "tests": ("tests of definitions", "tests of code"),
    "simulate": ("seed", "seeds"),
}
"""The parts of the test bed that are tried, from the shortest on, by the one that was asked for."""
SEED_LIMIT = 15
"""Seconds of the processor for one seed, which takes about two without a mutant."""


@dataclass(frozen=True)
class Asked:
    """Which mutants are tried, and by what: `only` names one part, `seeds` is how many seeds the simulator takes."""

    kind: str | None = None
    limit: int | None = None
    seed: int = 0
    only: str | None = None
    seeds: int = 6
    match: str = ""
    workers: int = os.cpu_count() or 1


@dataclass(frozen=True)
class Judged:
    mutant: Mutant
    notice: Notice | None
    seconds: float
    why: str | None = None
    """Why a survivor is harmless."""

    @property
    def survives_unexplained(self) -> bool:
        return self.notice is None and self.why is None


def run(console: PlainConsole, asked: Asked) -> int:
    """Try the mutants and print a table. Return the exit code: 1 if a survivor is not explained."""
    chosen = choose(asked)
    console.print(f"  {len(chosen)} of {len(mutants())} protections")
    judged: list[Judged] = []
    OUT.parent.mkdir(parents=True, exist_ok=True)
    for number, each in enumerate(judge(chosen, asked), 1):
        judged.append(each)
        OUT.write_text(json.dumps([_record(each) for each in judged], indent=1))
        console.print(f"  {number:>3}/{len(chosen)} {_line(each)}", soft_wrap=True)
    _summary(console, judged)
    console.print(f"  {OUT}")
    return int(asked.only is None and any(each.survives_unexplained for each in judged))


def choose(asked: Asked) -> list[Mutant]:
    """Return the mutants that were asked for, in an order that follows from the seed."""
    found = [each for each in mutants().values() if asked.kind in (None, each.kind) and re.search(asked.match, each.id)]
    random.Random(asked.seed).shuffle(found)
    return found[: asked.limit]


def judge(chosen: Sequence[Mutant], asked: Asked) -> Iterator[Judged]:
    """Yield what noticed each mutant: the tests near it, or else the simulator."""
    explained = explanations()
    warm()
    gc.freeze()
    left = {each.id: each for each in chosen}
    seconds: Counter[str] = Counter()
    for part in PARTS[asked.only]:
        tried = [each for each in left.values() if _is_for(part, each)]
        trials = [Trial(each.id, partial(_notice, part, each, asked.seeds)) for each in tried]
        limit = SEED_LIMIT if part == "seed" else LIMIT_SECONDS
        for name, ended in run_all(trials, asked.workers, limit):
            seconds[name] += ended.seconds  # type: ignore[assignment]
            notice = _of(part, ended)
            if notice is not None:
                yield Judged(left.pop(name), notice, seconds[name])
    for name, mutant in left.items():
        yield Judged(mutant, None, seconds[name], reason(name, explained))


def _is_for(part: str, mutant: Mutant) -> bool:
    """Return whether a part is tried: tests of a definition take less time than a seed, those of code more."""
    return not part.startswith("tests") or (part == "tests of code") == mutant.file.startswith("chalicelib/")


def _notice(part: str, mutant: Mutant, seeds: int) -> Notice | None:
    if part.startswith("tests"):
        return noticing.by_tests(mutant)
    return noticing.by_simulation(mutant, range(1) if part == "seed" else range(1, seeds))


def _of(part: str, ended: Ended) -> Notice | None:
    if ended.death is not None and ended.death.startswith("NotRemoved"):
        raise NotRemoved(ended.death)
    if ended.death is not None:
        return Notice("tests" if part.startswith("tests") else "simulation", ended.death)
    answer: Notice | None = ended.answer
    return answer


def explanations() -> dict[str, str]:
    """Return why survivors are harmless, by their ids, in which `*` stands for anything."""
    found: dict[str, str] = yaml.safe_load(EXPLAINED.read_text()) or {}
    return found


def reason(name: str, explained: dict[str, str]) -> str | None:
    return next((why for pattern, why in explained.items() if matches(pattern, name)), None)


def matches(pattern: str, name: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), name) is not None


def _line(each: Judged) -> str:
    about = f"{each.mutant.kind:<9} {each.mutant.place}  {' '.join(each.mutant.text.split())}"
    if each.notice is None:
        return f"{about}: {'harmless: ' + each.why if each.why else 'SURVIVED'}"
    seeds = f" after {each.notice.seeds} seeds" if each.notice.seeds else ""
    return f"{about}: {each.notice.by}{seeds}, {each.seconds:.1f} s: {each.notice.what[:110]}"


def _summary(console: PlainConsole, judged: list[Judged]) -> None:
    console.print("")
    columns = ("mutants", "simulation", "second line", "tests", "harmless", "SURVIVED")
    console.print(f"  {'':<9}" + "".join(f"{name:>13}" for name in columns), soft_wrap=True)
    for kind in [*sorted({each.mutant.kind for each in judged}), None]:
        of_kind = [each for each in judged if kind in (None, each.mutant.kind)]
        counts = Counter(_fate(each) for each in of_kind)
        numbers = [len(of_kind), *(counts[name] for name in columns[1:])]
        console.print(f"  {kind or 'all':<9}" + "".join(f"{number:>13}" for number in numbers), soft_wrap=True)
    seeds = sorted(each.notice.seeds for each in judged if each.notice and each.notice.seeds)
    if seeds:
        first = sum(number == 1 for number in seeds)
        console.print(
            f"  the simulator noticed {len(seeds)}, {first} of them in the first seed, at most {seeds[-1]} seeds"
        )
    for each in judged:
        if each.survives_unexplained:
            console.print(f"  SURVIVED {each.mutant.place}  {each.mutant.id}", soft_wrap=True)


def _fate(each: Judged) -> str:
    if each.notice is not None:
        return each.notice.by
    return "harmless" if each.why else "SURVIVED"


def _record(each: Judged) -> dict[str, Any]:
    return asdict(each.mutant) | {
        "noticed": asdict(each.notice) if each.notice else None,
        "seconds": round(each.seconds, 2),
        "harmless": each.why,
    }
