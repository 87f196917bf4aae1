"""The relay publishes every event of the outbox, in order, and drops none."""

import json

import pytest
from boto3.dynamodb.types import TypeSerializer

from chalicelib.events.publisher import ATTEMPTS, EventPublisher, NotPublished
from chalicelib.events.relay import relay
from chalicelib.events.stream import Rejections
from tests.builders import an_event
from tests.fakes import FakeBus

NOTHING_FAILED = {"batchItemFailures": []}
FOREVER = 1000


def stream_batch(size):
    """Records 1 to `size`; record n carries the event of order n under the sequence number `seq-n`."""
    return {"Records": [record(n) for n in range(1, size + 1)]}


def record(number):
    image = {"event": TypeSerializer().serialize(an_event(number).model_dump())}
    keys = {"pk": {"S": f"ORDER#ord_{number}"}, "sk": {"S": "EVENT#000001"}}
    return {
        "eventName": "INSERT",
        "dynamodb": {"SequenceNumber": f"seq-{number}", "NewImage": image, "Keys": keys},
    }


class FakeQueue:
    """SQS: the messages sent to it."""

    def __init__(self):
        self.sent = []

    def send_message(self, QueueUrl, MessageBody):
        assert QueueUrl == "failure-destination"
        self.sent.append(json.loads(MessageBody))


def poison(number):
    """A record whose event lacks what its contract requires."""
    broken = an_event(number).model_copy(update={"data": {"order_id": f"ord_{number}"}})
    bad = record(number)
    bad["dynamodb"]["NewImage"] = {"event": TypeSerializer().serialize(broken.model_dump())}
    return bad


@pytest.fixture
def noted():
    """The orders whose events were noted as published."""
    return []


@pytest.fixture
def destination():
    return FakeQueue()


@pytest.fixture
def relayed(noted, destination):
    def note(key):
        assert key["sk"] == "EVENT#000001"
        noted.append(key["pk"].removeprefix("ORDER#"))

    rejections = Rejections(destination, "failure-destination")
    return lambda batch, bus: relay(batch, EventPublisher(bus, "shop-bus"), note, rejections)


def orders(*numbers):
    return [f"ord_{number}" for number in numbers]


def published(bus):
    return [json.loads(entry["Detail"])["correlation_id"] for entry in bus.published]


def test_event_is_published_whole_with_the_fields_of_rules(relayed):
    bus, batch = FakeBus(), stream_batch(1)

    relayed(batch, bus)

    [entry] = bus.published
    detail = json.loads(entry["Detail"])
    assert (entry["EventBusName"], entry["Source"], entry["DetailType"]) == (
        "shop-bus", "storefront.orders", "OrderPlaced",
    )  # fmt: skip
    assert detail == an_event(1).model_dump() | {"id": detail["id"]}


def test_records_above_the_batch_limit_are_published_in_order(relayed, noted):
    bus = FakeBus()

    assert relayed(stream_batch(23), bus) == NOTHING_FAILED

    assert [len(call) for call in bus.calls] == [10, 10, 3]
    assert published(bus) == orders(*range(1, 24)) == noted


def test_empty_batch_publishes_nothing(relayed):
    bus = FakeBus()

    assert relayed(stream_batch(0), bus) == NOTHING_FAILED
    assert bus.calls == []


def test_failed_entries_alone_are_published_again(relayed):
    bus = FakeBus(refusals={"ord_2": 1, "ord_4": 2})

    assert relayed(stream_batch(4), bus) == NOTHING_FAILED

    assert bus.calls == [orders(1, 2, 3, 4), orders(2, 4), orders(4)]
    assert sorted(published(bus)) == orders(1, 2, 3, 4)


def test_lasting_failure_is_reported_at_the_first_unpublished_record(relayed):
    bus = FakeBus(refusals={"ord_13": FOREVER, "ord_15": FOREVER})

    assert relayed(stream_batch(25), bus) == {"batchItemFailures": [{"itemIdentifier": "seq-13"}]}

    assert len(bus.calls) == 1 + ATTEMPTS
    assert "ord_21" not in published(bus)


def test_published_entries_alone_are_marked_as_published(relayed, noted):
    bus = FakeBus(refusals={"ord_13": FOREVER, "ord_15": FOREVER})

    relayed(stream_batch(25), bus)

    assert sorted(noted) == sorted(published(bus))
    assert set(noted) == set(orders(*range(1, 21))) - set(orders(13, 15))


def test_retry_publishes_the_remaining_events(relayed):
    bus, batch = FakeBus(refusals={"ord_13": ATTEMPTS}), stream_batch(25)

    [failure] = relayed(batch, bus)["batchItemFailures"]
    sequence_numbers = [each["dynamodb"]["SequenceNumber"] for each in batch["Records"]]
    again = batch["Records"][sequence_numbers.index(failure["itemIdentifier"]) :]

    assert relayed({"Records": again}, bus) == NOTHING_FAILED
    assert set(published(bus)) == set(orders(*range(1, 26)))


def test_relay_rejects_only_the_record_that_breaks_its_contract(relayed, noted, destination):
    bus, batch = FakeBus(), stream_batch(12)
    batch["Records"][3] = poison(4)

    assert relayed(batch, bus) == NOTHING_FAILED

    assert published(bus) == orders(1, 2, 3, *range(5, 13)) == noted
    [rejected] = destination.sent
    assert rejected["key"] == {"pk": "ORDER#ord_4", "sk": "EVENT#000001"}
    assert rejected["problem"].startswith("OrderPlaced.v1: {'status': 'missing'")


def test_relay_rejects_a_record_without_an_envelope(relayed, destination):
    bad = record(1)
    bad["dynamodb"]["NewImage"] = {"event": {"M": {"id": {"S": "evt_1"}}}}

    assert relayed({"Records": [bad]}, FakeBus()) == NOTHING_FAILED

    [rejected] = destination.sent
    assert rejected["problem"] == "no envelope: ValidationError"


def test_relay_rejects_no_record_that_lambda_will_bring_again(relayed, destination):
    bus, batch = FakeBus(refusals={"ord_3": FOREVER}), stream_batch(5)
    batch["Records"][1], batch["Records"][3] = poison(2), poison(4)

    assert relayed(batch, bus) == {"batchItemFailures": [{"itemIdentifier": "seq-3"}]}

    assert [each["key"]["pk"] for each in destination.sent] == ["ORDER#ord_2"]


def test_unreachable_bus_fails_the_whole_batch(relayed, noted):
    class Unreachable:
        def put_events(self, Entries):
            raise ConnectionError

    with pytest.raises(ConnectionError):
        relayed(stream_batch(3), Unreachable())

    assert noted == []


def test_events_without_an_outbox_are_published_in_tens():
    bus = FakeBus(refusals={"ord_4": 2})

    EventPublisher(bus, "shop-bus").publish(*map(an_event, range(1, 13)))

    assert bus.calls == [orders(*range(1, 11)), orders(4), orders(4), orders(11, 12)]


def test_unpublished_event_without_an_outbox_raises():
    with pytest.raises(NotPublished):
        EventPublisher(FakeBus(refusals={"ord_1": FOREVER}), "shop-bus").publish(an_event(1))
