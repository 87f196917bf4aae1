"""Noticing: the parts of the test bed that should notice a mutant of the shop, from the shortest on."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from testbed.mutation import Mutant
from testbed.shop.protections import ROOT, remove

MOST_FILES = 8
MOST_USERS = 4
LEAST = 2
"""Points that a test file needs."""
STEM = 6
"""First characters by which a test file's name shows what it tests: `reconc` of `reconciliation`."""
COMMON = {"store", "servic", "model", "item", "platfo", "event", "order"}
"""Words in so many names that they say little."""
ORDERS = 20
OF_WORKFLOWS = ("structure", "patience", "states", "import")
"""Not the one that compares with the drawn pages: it notices every change, and says nothing about what it breaks."""


@dataclass(frozen=True)
class Notice:
    """What noticed a mutant, after how many seeds if it was the simulator."""

    by: str
    what: str
    seeds: int = 0


def by_tests(mutant: Mutant) -> Notice | None:
    """Run the tests near the mutant in this process, which lacks the protection from now on."""
    import pytest
    from hypothesis import Phase, settings

    files = test_files(mutant)
    if not files:
        return None
    remove(mutant)
    # An example that fails is enough; it need not be the smallest.
    settings.register_profile("mutants", phases=[Phase.explicit, Phase.generate], deadline=None)
    settings.load_profile("mutants")
    first = _First()
    code = pytest.main(["-x", "-q", "-p", "no:cacheprovider", *map(str, files)], plugins=[first])
    if code == pytest.ExitCode.OK:
        return None
    return Notice("tests", first.failed or f"pytest ended with {code}")


def by_simulation(mutant: Mutant, seeds: range) -> Notice | None:
    """Simulate one seed after another in this process, which lacks the protection from now on.

    It notices a violated promise, and whether a second line of defence had to act: the whole shop needs none.
    """
    from testbed.shop.application import Shop
    from testbed.simulation import Case, simulate

    remove(mutant)
    for seed in seeds:
        try:
            result = simulate(Shop(), Case.of(seed, ORDERS))
        except Exception as error:
            return Notice("simulation", f"seed {seed}: {type(error).__name__}: {error}", seed + 1)
        if result.problems:
            return Notice("simulation", f"seed {seed}: {result.problems[0]}", seed + 1)
        if result.strains:
            return Notice("second line", f"seed {seed}: {result.strains[0]}", seed + 1)
    return None


class _First:
    """Remembers the first test that failed, or could not be collected."""

    failed: str | None = None

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed and self.failed is None:
            self.failed = report.nodeid

    pytest_collectreport = pytest_runtest_logreport


def test_files(mutant: Mutant) -> list[Path]:
    """Return the test files that are nearest to a mutant: that import its module, or name what it is in."""
    folders, wanted, direct = _looked_for(mutant)
    scored: list[tuple[int, bool, Path]] = []
    for path, text in _texts(folders).items():
        score = sum(weight * bool(re.search(pattern, text)) for pattern, weight in wanted)
        score += 3 * any(word in path.stem for word in direct)
        if score >= LEAST:
            scored.append((-score, "contract" in path.parts, path))
    nearest = [path for _, _, path in sorted(scored)[:MOST_FILES]]
    # Tests by many examples take longest.
    return sorted(nearest, key=lambda path: "hypothesis" in _texts(folders)[path])


test_files.__test__ = False  # type: ignore[attr-defined]


def _looked_for(mutant: Mutant) -> tuple[tuple[str, ...], list[tuple[str, int]], list[str]]:
    """Return the folders of tests, patterns of their text with their weights, and words of their names."""
    scope = mutant.id.split(":")[1]
    if mutant.file.startswith("statemachine/"):
        return ("workflow",), [], list(OF_WORKFLOWS)
    if not mutant.file.startswith("chalicelib/"):
        words = re.findall(r"[A-Za-z]+", mutant.text.partition(": ")[2])
        return ("template",), [(rf"\b{scope}\b", 4), *((rf"\b{word}\b", 2) for word in words)], []
    module = mutant.file.removesuffix(".py").replace("/", ".")
    room, name = module.split(".")[1], module.split(".")[-1]
    *above, function = scope.split(".")
    wanted = [
        (rf"from {re.escape(module)} import|from {re.escape(module.rpartition('.')[0])} import .*\b{name}\b", 3),
        (rf"\b{function.strip('_')}\(", 1),
        (rf"\b{above[0]}\b" if above else r"\b_\b", 1),
        (rf"chalicelib\.{room}\b", 1),
        (rf"\b{name}\.", 1),
        *((rf"\b{error}\b", 2) for error in re.findall(r"raise (\w+)", mutant.text)),
    ]
    if above and (heirs := _heirs(above[0])):
        wanted.append((rf"\b(?:{'|'.join(heirs)})\b", 3))
    users, callers = _users(module) if room == "platform" else set(), _callers(function)
    words = [word.removesuffix("s")[:STEM] for part in (room, name, *users) for word in part.split("_")]
    return ("unit", "contract"), wanted, [word for word in [*words, *callers] if word not in COMMON]


@cache
def _sources() -> dict[Path, str]:
    """Return the shop's modules, by their paths below its folder."""
    shop = ROOT / "chalicelib"
    return {path.relative_to(shop): path.read_text() for path in shop.rglob("*.py")}


def _heirs(name: str) -> list[str]:
    """Return the classes that derive from a class."""
    return [each for text in _sources().values() for each in re.findall(rf"class (\w+)\({name}[\[)]", text)]


def _users(module: str) -> set[str]:
    """Return the rooms that import a module of the platform, none if most do."""
    rooms = {path.parts[0] for path, text in _sources().items() if f"from {module} import" in text}
    rooms -= {"platform", "wiring"}
    return rooms if len(rooms) <= MOST_USERS else set()


def _callers(function: str) -> set[str]:
    """Return the names of the modules that call a function and of their rooms, none if there are many."""
    callers = [path for path, text in _sources().items() if f".{function}(" in text]
    names = {name for path in callers for name in (path.parts[0], path.stem)}
    return names if len(callers) <= MOST_USERS else set()


@cache
def _texts(folders: tuple[str, ...]) -> dict[Path, str]:
    paths = [path for folder in folders for path in sorted((ROOT / "tests" / folder).glob("test_*.py"))]
    return {path.relative_to(ROOT): path.read_text() for path in paths}
