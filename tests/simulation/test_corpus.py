"""Corpus: each case that once broke a promise is run again."""

from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter

from chalicelib.inventory.store import InventoryStore
from testbed.crashes import Point, crashed, points
from testbed.shop.application import Shop
from testbed.shop.scenarios import case_of
from testbed.simulation import Case, simulate


class Entry(BaseModel):
    """A case that failed. It has a seed or a scenario; `was` is what was wrong."""

    model_config = ConfigDict(extra="forbid")

    was: str
    seed: int | None = None
    orders: int = 20
    subjects: tuple[int, ...] | None = None
    faults: frozenset[str] | None = None
    scenario: str | None = None
    crashes: tuple[str, ...] = ()

    def problems(self):
        if self.scenario:
            return crashed(Shop(), case_of(self.scenario), *map(point_of, self.crashes)).problems
        return simulate(Shop(), Case(self.seed, self.subjects or tuple(range(self.orders)), self.faults)).problems


def point_of(text):
    call, when = text.rsplit(" ", 1)
    task, number = call.rsplit("#", 1)
    return Point(task, int(number), when)


CORPUS = TypeAdapter(list[Entry]).validate_python(yaml.safe_load(Path(__file__).with_name("corpus.yaml").read_text()))


@pytest.mark.parametrize("entry", CORPUS, ids=lambda entry: entry.was)
def test_case_that_once_failed_holds_every_promise(entry):
    assert entry.problems() == []


def test_case_of_the_corpus_fails_if_its_fault_comes_back(monkeypatch):
    found = [point for point in points(Shop(), case_of("returned")) if point.task.startswith("RestockReturn")]
    crashes = tuple(f"{point.task}#{point.number} {point.when}" for point in found[-1:])
    entry = Entry(was="A return was restocked twice.", scenario="returned", crashes=crashes)
    assert entry.problems() == []

    monkeypatch.setattr(InventoryStore, "_new", lambda store, item: {"TableName": store._table, "Item": item})
    assert entry.problems()
