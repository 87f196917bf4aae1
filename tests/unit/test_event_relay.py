"""The relay publishes every event of the outbox, in order, and drops none."""

import json

import pytest
from boto3.dynamodb.types import TypeSerializer

from chalicelib.platform import events
from chalicelib.platform.events import ATTEMPTS, relay
from tests.builders import an_event
from tests.fakes import FakeBus

NOTHING_FAILED = {"batchItemFailures": []}
FOREVER = 1000


def stream_batch(size):
    """Records 1 to `size`; record n carries the event of order n under the sequence number `seq-n`."""
    return {"Records": [record(n) for n in range(1, size + 1)]}


def record(number):
    image = {"event": TypeSerializer().serialize(an_event(number).model_dump())}
    return {"eventName": "INSERT", "dynamodb": {"SequenceNumber": f"seq-{number}", "NewImage": image}}


def orders(*numbers):
    return [f"ord_{number}" for number in numbers]


def published(bus):
    return [json.loads(entry["Detail"])["correlation_id"] for entry in bus.published]


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(events.time, "sleep", lambda seconds: None)


def test_the_envelope_arrives_whole_with_what_rules_filter_by():
    bus, batch = FakeBus(), stream_batch(1)

    relay(batch, bus, "shop-bus")

    [entry] = bus.published
    detail = json.loads(entry["Detail"])
    assert (entry["EventBusName"], entry["Source"], entry["DetailType"]) == (
        "shop-bus", "storefront.orders", "OrderPlaced",
    )  # fmt: skip
    assert detail == an_event(1).model_dump() | {"id": detail["id"]}


def test_more_records_than_the_bus_takes_at_once_are_published_in_order():
    bus = FakeBus()

    assert relay(stream_batch(23), bus, "shop-bus") == NOTHING_FAILED

    assert [len(call) for call in bus.calls] == [10, 10, 3]
    assert published(bus) == orders(*range(1, 24))


def test_an_empty_batch_asks_the_bus_for_nothing():
    bus = FakeBus()

    assert relay(stream_batch(0), bus, "shop-bus") == NOTHING_FAILED
    assert bus.calls == []


def test_only_what_failed_is_sent_again():
    bus = FakeBus(refusals={"ord_2": 1, "ord_4": 2})

    assert relay(stream_batch(4), bus, "shop-bus") == NOTHING_FAILED

    assert bus.calls == [orders(1, 2, 3, 4), orders(2, 4), orders(4)]
    assert sorted(published(bus)) == orders(1, 2, 3, 4)


def test_after_a_lasting_failure_lambda_begins_again_with_the_first_unpublished_record():
    bus = FakeBus(refusals={"ord_13": FOREVER, "ord_15": FOREVER})

    assert relay(stream_batch(25), bus, "shop-bus") == {"batchItemFailures": [{"itemIdentifier": "seq-13"}]}

    assert len(bus.calls) == 1 + ATTEMPTS
    assert "ord_21" not in published(bus)


def test_the_next_try_publishes_the_rest():
    bus, batch = FakeBus(refusals={"ord_13": ATTEMPTS}), stream_batch(25)

    [failure] = relay(batch, bus, "shop-bus")["batchItemFailures"]
    sequence_numbers = [each["dynamodb"]["SequenceNumber"] for each in batch["Records"]]
    again = batch["Records"][sequence_numbers.index(failure["itemIdentifier"]) :]

    assert relay({"Records": again}, bus, "shop-bus") == NOTHING_FAILED
    assert set(published(bus)) == set(orders(*range(1, 26)))


def test_a_bus_that_does_not_answer_fails_the_whole_batch():
    class Unreachable:
        def put_events(self, Entries):
            raise ConnectionError

    with pytest.raises(ConnectionError):
        relay(stream_batch(3), Unreachable(), "shop-bus")
