"""Compatibility with earlier releases: present readers read the events and items that earlier releases wrote."""

import json

import pytest
from jsonschema import Draft4Validator

from chalicelib.events import bus
from chalicelib.events.contracts import EVENT_CONTRACTS
from chalicelib.events.envelope import Envelope
from infra.build import contracts
from tests.builders import a_record
from tests.fixtures import events, stored
from tests.insights import WORK

EVENT_FILES = sorted(stored.EVENTS.glob("*.json"))


def read(path):
    return json.loads(path.read_text())


def test_fixtures_of_earlier_releases_are_unchanged():
    """If a fixture is missing from the list: python -m tests.fixtures. A changed one hides a broken reader."""
    assert stored.hashes() == stored.known_hashes()


def test_event_contract_has_a_fixture():
    """If not: python -m tests.fixtures"""
    assert {contract.name for contract in EVENT_CONTRACTS} <= {path.stem for path in EVENT_FILES}
    assert events.current_events().keys() == {contract.name for contract in EVENT_CONTRACTS}


@pytest.mark.parametrize("path", EVENT_FILES, ids=lambda path: path.stem)
def test_event_of_an_earlier_release_is_consumed_and_keeps_its_schema(path):
    event, handled = read(path), []
    schema = read(contracts.FOLDER / path.name)
    assert list(Draft4Validator(schema).iter_errors(event)) == []
    report = bus.consume({"Records": [a_record("m-1", json.dumps({"detail": event}))]}, handled.append)
    assert report == {"batchItemFailures": []}
    assert [each.model_dump(exclude_unset=True) for each in handled] == [event]


def stored_event(name):
    return Envelope.model_validate(read(stored.EVENTS / f"{name}.json"))


@pytest.mark.parametrize("path", sorted(stored.EVENTS.glob("OrderCompleted.*.json")), ids=lambda path: path.stem)
def test_completed_order_of_an_earlier_release_has_its_consequences(rooms, path):
    for work in WORK.values():
        work(rooms, stored_event(path.stem))
    assert rooms.fan_in.done("ord_1") == set(WORK)
    assert rooms.loyalty.points_of("ada") > 0


@pytest.mark.parametrize("name", ["OrderReturned.v1", "OrderPartlyReturned.v1"])
def test_return_of_an_earlier_release_is_counted(rooms, name):
    rooms.loyalty.earn_points(stored_event("OrderCompleted.v1"), "ada")
    before = rooms.loyalty.points_of("ada")
    rooms.count_return(stored_event(name))
    assert rooms.loyalty.points_of("ada") < before
