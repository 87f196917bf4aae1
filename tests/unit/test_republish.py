"""The safety net of the outboxes: which events are published again, and which stay unpublished."""

from chalicelib.events.outbox import OutboxEvent
from chalicelib.events.publisher import NotPublished
from chalicelib.events.republish import RELAYS_TIME, republish
from tests.builders import an_event


class FakeOutbox:
    def __init__(self, *numbers):
        self.waiting = [OutboxEvent({"pk": f"ORDER#{n}", "sk": "EVENT#000001"}, an_event(n), None) for n in numbers]

    def unpublished(self, for_longer_than, size):
        assert for_longer_than == RELAYS_TIME
        return self.waiting[:size]

    def note_published(self, key):
        self.waiting = [each for each in self.waiting if each.key != key]

    @property
    def left(self):
        return [each.event.order_id for each in self.waiting]


def test_republish_publishes_the_events_of_each_outbox_once():
    orders, insights, published = FakeOutbox(1, 2), FakeOutbox(3), []

    assert republish([orders, insights], lambda event: published.append(event.order_id)) == 3
    assert published == ["ord_1", "ord_2", "ord_3"]
    assert republish([orders, insights], lambda event: published.append(event.order_id)) == 0


def test_republish_of_an_event_that_fails_keeps_it_and_publishes_the_others():
    orders, insights = FakeOutbox(1, 2), FakeOutbox(3)

    def publish(event):
        if event.order_id == "ord_1":
            raise NotPublished(1)

    assert republish([orders, insights], publish) == 2
    assert (orders.left, insights.left) == (["ord_1"], [])
