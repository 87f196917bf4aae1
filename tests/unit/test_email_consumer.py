"""Which message and which event make which email, and which make none."""

from datetime import timedelta

import pytest

from chalicelib.events import bus
from chalicelib.events.contracts import OrderLinkRequested, RequestedEmail, new_event
from chalicelib.notifications.consumer import LINK_REQUEST_LIFETIME, Delay, EmailConsumer
from chalicelib.notifications.delays import DelayQueue
from chalicelib.notifications.model import Occasion, emails_of
from chalicelib.orders.keys import link_request
from chalicelib.orders.model import OrderNotFound, Reason, Status
from chalicelib.orders.numbers import number_of
from chalicelib.orders.service import Orders
from chalicelib.orders.store import CheckoutRecord
from chalicelib.platform.links import Links
from chalicelib.shipping.model import Shipment, ShipmentStatus
from tests.builders import NOW, TestClock, a_record, an_event, an_order_in
from tests.fakes import FakeOrderStore

DELAY = timedelta(minutes=2)
SHIPMENT = Shipment(order_id="ord_1", version=1, status=ShipmentStatus.DISPATCHED, tracking_number="SB1")


class Sent:
    """Notifications: what was asked for, by the method's name."""

    def __init__(self):
        self.emails = []

    def __getattr__(self, name):
        return lambda order, *about: self.emails.append((name, order.id, *about))


@pytest.fixture
def sent():
    return Sent()


@pytest.fixture
def clock():
    return TestClock()


@pytest.fixture
def links(clock):
    return Links(lambda: "k" * 48, clock)


@pytest.fixture
def order_store():
    return FakeOrderStore()


@pytest.fixture
def consumer(order_store, sent, links, clock, later):
    numbered = {number_of("ord_1"): ["ord_2", "ord_1"]}
    return EmailConsumer(
        Orders(order_store, clock), {"ord_1": SHIPMENT}, sent, links, clock, numbered.get, Delay(DELAY, later)
    )


@pytest.fixture
def later():
    """What was delayed, and by how many seconds."""

    def put(event, seconds):
        put.delayed.append((event.type, seconds))

    put.delayed = []
    return put


def link_requested(links, email, order_id="ord_1"):
    fingerprint = links.fingerprint(link_request(order_id, email))
    data = OrderLinkRequested(order_id=order_id, email_fingerprint=fingerprint, client="client-1")
    return new_event(data, about=order_id, at=NOW)


def has(order_store, order):
    assert order_store.place(order, CheckoutRecord(order.id, "fingerprint", order.id, 0), NOW)


@pytest.mark.parametrize(("status", "emails"), [(Status.AUTHORIZED, 1), (Status.CANCELLED, 0)])
def test_confirmation_of_a_cancelled_order_is_not_sent(consumer, order_store, sent, status, emails):
    authorized = an_order_in(Status.AUTHORIZED)
    has(
        order_store,
        authorized if status == authorized.status else authorized.advanced(status, NOW, Reason.SHIPPING_FAILED),
    )
    consumer.confirm(authorized.pending_event)

    assert sent.emails == [("order_confirmed", "ord_1")] * emails


@pytest.mark.parametrize(
    ("status", "email"),
    [
        (Status.COMPLETED, ("order_completed", "ord_1", SHIPMENT)),
        (Status.CANCELLED, ("order_cancelled", "ord_1")),
        (Status.RETURNED, ("return_refunded", "ord_1", "ret_1")),
    ],
)
def test_order_that_ended_is_mailed_about_by_its_event(consumer, order_store, sent, status, email):
    order = an_order_in(status)
    has(order_store, order)
    consumer.notify(order.pending_event)

    assert sent.emails == [email]


@pytest.mark.parametrize(("now", "emails"), [(Status.ACTION_REQUIRED, 1), (Status.CANCELLED, 0)])
def test_buyer_is_asked_to_confirm_only_while_the_payment_waits(consumer, order_store, sent, clock, now, emails):
    asked = an_order_in(Status.ACTION_REQUIRED)
    has(order_store, asked if now == asked.status else asked.advanced(now, NOW, Reason.PAYMENT_DECLINED))
    clock.passes(seconds=DELAY.total_seconds())
    consumer.notify(asked.pending_event)

    assert sent.emails == [("payment_waits", "ord_1")] * emails


@pytest.mark.parametrize("is_refunded", [True, False])
def test_return_is_acknowledged_only_while_its_refund_waits(consumer, order_store, sent, clock, is_refunded):
    asked = an_order_in(Status.COMPLETED).return_requested("ret_1", None, NOW)
    has(order_store, asked.return_settled("ret_1", 2500, NOW) if is_refunded else asked)
    clock.passes(seconds=DELAY.total_seconds())
    consumer.notify(asked.pending_event)

    assert sent.emails == [("return_requested", "ord_1", "ret_1")] * (not is_refunded)


def test_event_that_a_buyer_may_settle_at_once_waits_before_its_email(consumer, order_store, sent, clock, later):
    asked = an_order_in(Status.ACTION_REQUIRED)
    has(order_store, asked)
    clock.passes(seconds=0.5)
    consumer.notify(asked.pending_event)

    assert (later.delayed, sent.emails) == ([("OrderActionRequired", 120)], [])


@pytest.mark.parametrize(
    ("status", "occasion", "about"),
    [
        (Status.ACTION_REQUIRED, Occasion.PAYMENT_WAITS, (None, "r1", None)),
        (Status.AUTHORIZED, Occasion.CONFIRMED, (None, "r1", None)),
        (Status.COMPLETED, Occasion.COMPLETED, (None, "r1", SHIPMENT)),
        (Status.CANCELLED, Occasion.CANCELLED, (None, "r1", None)),
        (Status.RETURNED, Occasion.REFUNDED, ("ret_1", "r1", None)),
    ],
)
def test_email_is_sent_again_at_an_operators_request(consumer, order_store, sent, status, occasion, about):
    order = an_order_in(status)
    asked = order.email_requested(RequestedEmail(request_id="r1", occasion=occasion, return_id=about[0]), NOW)
    has(order_store, asked)
    consumer.notify(asked.pending_event)

    assert sent.emails == [("send_again", "ord_1", occasion, *about)] and (occasion, about[0]) in emails_of(order)


def test_delayed_event_comes_from_the_queue_as_it_was():
    class Queue:
        def send_message(self, **request):
            messages.append(request)
            return {"MessageId": "m-1"}

    messages, received, event = [], [], an_order_in(Status.ACTION_REQUIRED).pending_event
    DelayQueue(Queue(), "https://sqs/1/NotificationsQueue").put(event, 7)
    record = a_record("m-1", messages[0]["MessageBody"])
    assert bus.consume({"Records": [record]}, received.append) == {"batchItemFailures": []}
    assert (messages[0]["DelaySeconds"], received) == (7, [event])


def test_event_without_an_email_sends_nothing(consumer, order_store, sent):
    has(order_store, an_order_in(Status.PLACED))
    consumer.notify(an_event())

    assert sent.emails == []


def test_event_of_an_unknown_order_is_tried_again(consumer):
    with pytest.raises(OrderNotFound):
        consumer.notify(an_order_in(Status.COMPLETED).pending_event)


def test_link_request_with_the_orders_address_is_answered(consumer, order_store, sent, links):
    has(order_store, an_order_in(Status.PLACED))
    event = link_requested(links, "Ada@Example.com")
    consumer.notify(event)

    assert sent.emails == [("order_link", "ord_1", event.id, "client-1")]


def test_link_request_by_number_is_answered_for_the_order_of_its_address(consumer, order_store, sent, links):
    """Two orders share the number."""
    for order_id, email in (("ord_1", "ada@example.com"), ("ord_2", "bob@example.com")):
        has(order_store, an_order_in(Status.PLACED, order_id, email=email))
    event = link_requested(links, "ada@example.com", number_of("ord_1"))
    consumer.notify(event)

    assert sent.emails == [("order_link", "ord_1", event.id, "client-1")]


def test_link_request_with_another_address_sends_nothing(consumer, order_store, sent, links):
    has(order_store, an_order_in(Status.PLACED))
    consumer.notify(link_requested(links, "bob@example.com"))

    assert sent.emails == []


def test_link_request_for_an_unknown_order_sends_nothing(consumer, sent, links):
    consumer.notify(link_requested(links, "ada@example.com"))

    assert sent.emails == []


def test_link_request_older_than_its_lifetime_sends_nothing(consumer, order_store, sent, links, clock):
    has(order_store, an_order_in(Status.PLACED))
    clock.now += LINK_REQUEST_LIFETIME + timedelta(seconds=1)
    consumer.notify(link_requested(links, "ada@example.com"))

    assert sent.emails == []
