"""Fan-in: OrderSettled is published once, when all consequences of an order are done, in any order."""

import threading
from itertools import permutations

import pytest
from boto3.dynamodb.conditions import Key

from chalicelib.events.contracts import data_of
from chalicelib.events.envelope import Envelope
from chalicelib.events.fan_in import Consequence, FanIn
from tests.insights import WORK, InsightsRooms, completed


class Died(Exception):
    pass


class MeetingFanIn(FanIn):
    """Each consumer that checks what is done waits until the other one checks too."""

    def __init__(self, table, clock, meeting):
        super().__init__(table, clock)
        self._meeting = meeting

    def done(self, order_id):
        self._meeting.wait(timeout=10)
        return super().done(order_id)


class DyingFanIn(FanIn):
    """The consumer dies before it checks what is done."""

    def done(self, order_id):
        raise Died


@pytest.fixture
def settled_events(rooms):
    """The events of an order in the outbox."""

    def events(order_id="ord_1"):
        in_outbox = Key("pk").eq(f"ORDER#{order_id}") & Key("sk").begins_with("EVENT#")
        return [Envelope.model_validate(item["event"]) for item in rooms.table.query(in_outbox)]

    return events


@pytest.mark.parametrize("sequence", list(permutations(WORK)), ids="-".join)
def test_last_consequence_settles_the_order_in_any_order(rooms, settled_events, sequence):
    event = completed()
    *first, last = sequence
    for consequence in first:
        WORK[consequence](rooms, event)
    assert settled_events() == []

    WORK[last](rooms, event)

    [settled] = settled_events()
    assert data_of(settled).parts == ["AFFINITY", "INVOICE", "POINTS", "SALES"]
    assert (settled.correlation_id, settled.causation_id) == ("ord_1", event.id)


def test_repeated_consequences_settle_the_order_once(rooms, settled_events):
    event = completed()
    for consequence in [*WORK, *WORK]:
        WORK[consequence](rooms, event)
    [first] = settled_events()

    for consequence in reversed(WORK):
        WORK[consequence](rooms, event)

    assert settled_events() == [first]


def test_repeated_consequence_does_not_settle_the_order(rooms, settled_events):
    for _ in range(8):
        rooms.analytics.count_sales(completed())

    assert settled_events() == []


def test_guest_order_settles_without_points(rooms, settled_events):
    event = completed(customer_id=None)
    for consequence in (Consequence.SALES, Consequence.INVOICE, Consequence.AFFINITY):
        WORK[consequence](rooms, event)

    [settled] = settled_events()
    assert data_of(settled).parts == ["AFFINITY", "INVOICE", "SALES"]


def test_consequences_of_different_orders_settle_none_of_them(rooms, settled_events):
    for number, consequence in enumerate(WORK):
        WORK[consequence](rooms, completed(f"ord_{number}"))

    assert [settled_events(f"ord_{number}") for number in range(4)] == [[], [], [], []]


def test_concurrent_consumers_settle_the_order_once(rooms, clock, settled_events):
    """Both write their consequence before either checks, so both see all of them."""
    for consequence in (Consequence.POINTS, Consequence.INVOICE):
        WORK[consequence](rooms, completed())
    both_done = threading.Barrier(2)
    together = InsightsRooms(rooms.table, clock, MeetingFanIn(rooms.table, clock, both_done))
    event, failures = completed(), []

    def finish(consequence):
        try:
            WORK[consequence](together, event)
        except Exception as error:
            failures.append(error)

    threads = [
        threading.Thread(target=finish, args=[consequence]) for consequence in (Consequence.SALES, Consequence.AFFINITY)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert len(settled_events()) == 1


def test_repetition_settles_an_order_whose_last_consumer_died(rooms, clock, settled_events):
    event = completed()
    for consequence in (Consequence.POINTS, Consequence.INVOICE, Consequence.AFFINITY):
        WORK[consequence](rooms, event)
    with pytest.raises(Died):
        InsightsRooms(rooms.table, clock, DyingFanIn(rooms.table, clock)).analytics.count_sales(event)
    assert settled_events() == []

    rooms.analytics.count_sales(event)

    assert len(settled_events()) == 1
    assert rooms.analytics.sales(1)[0].orders == 1
