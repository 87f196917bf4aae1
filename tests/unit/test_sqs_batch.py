"""A bad message in a batch is reported alone; all others are handled."""

import json

import pytest

from chalicelib.events import bus
from chalicelib.payments.webhooks import StripeEventRef
from chalicelib.platform.sqs_batch import consume
from tests.builders import a_record, an_event


def batch(*bodies):
    records = [a_record(f"message-{n}", body) for n, body in enumerate(bodies, 1)]
    return {"Records": records}


def failed(*numbers):
    return {"batchItemFailures": [{"itemIdentifier": f"message-{n}"} for n in numbers]}


def from_bus(number):
    """What a rule puts on the queue: EventBridge's own envelope around ours."""
    return json.dumps({"detail-type": "OrderPlaced", "detail": an_event(number).model_dump()})


def a_notice(payment_intent):
    return StripeEventRef(event_id="evt_1", payment_intent=payment_intent).model_dump_json()


@pytest.mark.parametrize("broken", ["nonsense", "{}", '{"event_id": "evt_1"}'])
def test_unreadable_message_does_not_stop_the_others(broken):
    received = []

    answer = consume(batch(a_notice("pi_1"), broken, a_notice("pi_3")), StripeEventRef, received.append)

    assert [notice.payment_intent for notice in received] == ["pi_1", "pi_3"]
    assert answer == failed(2)


def test_failed_message_does_not_stop_the_others():
    received = []

    def handle(notice):
        if notice.payment_intent == "pi_1":
            raise ConnectionError
        received.append(notice.payment_intent)

    assert consume(batch(a_notice("pi_1"), a_notice("pi_2")), StripeEventRef, handle) == failed(1)
    assert received == ["pi_2"]


def test_events_are_taken_out_of_what_the_bus_wraps_around_them():
    received = []

    answer = bus.consume(batch(from_bus(1), '{"detail": {}}', from_bus(3)), received.append)

    assert [event.order_id for event in received] == ["ord_1", "ord_3"]
    assert answer == failed(2)


def test_empty_batch_has_no_failures():
    assert bus.consume(batch(), print) == failed()
