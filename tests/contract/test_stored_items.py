"""Compatibility with earlier releases: present stores read the items that earlier releases wrote."""

import json
import re

import pytest

from infra.build.template import ROOT
from tests.builders import TestClock
from tests.fixtures import stored
from tests.fixtures.items import ENTITIES
from tests.fixtures.stores import Stores

FILES = sorted(stored.ITEMS.glob("*.json"))
ENTITY = {entity.name: entity for entity in ENTITIES}
ROW = re.compile(r"^\| +(\w[^|]*?) +\| +`", re.MULTILINE)
"""A row of the table of items in a docstring."""


@pytest.fixture
def stores(dynamodb, new_table, clock):
    return Stores(dynamodb, new_table, clock)


@pytest.fixture(scope="module")
def written(dynamodb, new_table):
    """Return the items that the present stores write, by table."""
    stores = Stores(dynamodb, new_table, TestClock())
    stores.write_all()
    return stores.items()


def contains(whole, part):
    """Return whether a reading holds a recorded one: a later release may add fields."""
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(key in whole and contains(whole[key], part[key]) for key in part)
    if isinstance(part, list):
        return isinstance(whole, list) and len(whole) == len(part) and all(map(contains, whole, part))
    return whole == part


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_item_of_an_earlier_release_is_read_as_it_was(stores, path):
    kept = json.loads(path.read_text())
    stores.put(kept["table"], kept["item"])
    assert contains(ENTITY[kept["name"]].reading(stores), kept["read"])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_reading_of_a_fixture_depends_on_its_item(stores, path):
    kept = json.loads(path.read_text())
    try:
        reading = ENTITY[kept["name"]].reading(stores)
    except Exception:
        return
    assert not contains(reading, kept["read"])


def test_shape_that_a_store_writes_has_a_fixture(written):
    """If not: is the shape meant to change? Then `python -m tests.fixtures` keeps it, beside those of all releases."""
    known = [json.loads(path.read_text()) for path in FILES]
    for entity in ENTITIES:
        shapes = [stored.shape(each["item"]) for each in known if each["name"] == entity.name]
        assert stored.shape(entity.item(written)) in shapes, entity.name


def test_item_that_a_store_writes_belongs_to_an_entity(written):
    for table, items in written.items():
        keys = [entity.key for entity in ENTITIES if entity.table == table]
        known = {kind(key.values()) for key in keys}
        assert {kind(item[name]["S"] for name in keys[0]) for item in items} <= known, table


def kind(values):
    """Return what the values of a key have in common with those of other items of an entity."""
    return tuple(value.partition("#")[0] for value in values)


def test_item_of_a_stores_docstring_has_an_entity():
    for path in sorted((ROOT / "chalicelib").rglob("*.py")):
        _, _, rest = path.read_text().partition('"""')
        docstring = rest.partition('"""')[0]
        if "\n| item " in docstring:
            room = path.stem if path.parent.name == "events" else path.parent.name
            names = {f"{room}: {name}" for name in ROW.findall(docstring)}
            assert names and names <= {entity.name.partition("/")[0] for entity in ENTITIES}, names
