"""Redrives: which dead letters are sent to their queue again, and what is done with the others."""

import json
from types import SimpleNamespace

import pytest

from chalicelib.dead_letters.actions import ShippingRequests, SpecialActions
from chalicelib.dead_letters.model import CannotRedrive, Parts, QueueUnknown
from chalicelib.dead_letters.redrive import Redrives
from chalicelib.orders.model import Reason, Status
from tests.builders import an_event, an_order_in

from .test_dead_letters import a_dead_letter

PARTS = {
    "queues": {
        "returns": {"url": "returns-url", "dead_letters": "returns-dead"},
        "warehouse": {"url": "warehouse-url", "dead_letters": "warehouse-dead"},
        "parked-orders": {"url": None, "dead_letters": "parked"},
        "missed-jobs": {"url": None, "dead_letters": "missed"},
    },
    "rules": [],
}


class FakeDeadLetters:
    """Handles the dead letters of every queue, and keeps what is sent by its queue."""

    def __init__(self, *waiting):
        self.waiting, self.sent = waiting, []

    def handle(self, url, wanted, act, sent_until):
        for dead_letter in self.waiting:
            act(dead_letter)
        return url, wanted, sent_until

    def send(self, url, dead_letter):
        self.sent.append((url, dead_letter.id))


class FakeLambda:
    def __init__(self):
        self.invoked = []

    def invoke(self, FunctionName, InvocationType, Payload):
        self.invoked.append((FunctionName, InvocationType, json.loads(Payload)))


def redrives(dead_letters, actions=None, outdated=None):
    return Redrives(lambda: Parts.model_validate(PARTS), dead_letters, actions or {}, outdated or {})


@pytest.fixture
def published():
    return []


@pytest.fixture
def aws_lambda():
    return FakeLambda()


@pytest.fixture
def by_queue(published, aws_lambda):
    parked = SimpleNamespace(settle=lambda dead_letter: None)
    waiting = [SimpleNamespace(event=an_event(7), key={"pk": "ORDER#ord_7"})]
    outbox = SimpleNamespace(unpublished=lambda age, size: waiting, note_published=lambda key: None)
    return SpecialActions(parked, [outbox], published.append, aws_lambda).by_queue


def test_redrive_sends_a_dead_letter_to_its_queue():
    dead_letters = FakeDeadLetters(a_dead_letter({}))

    assert redrives(dead_letters).redrive("returns", ["m-1"], 99) == ("returns-dead", ["m-1"], 99)
    assert dead_letters.sent == [("returns-url", "m-1")]


def test_redrive_of_a_dead_letter_without_a_queue_is_refused():
    with pytest.raises(CannotRedrive):
        redrives(FakeDeadLetters(a_dead_letter({}))).redrive("parked-orders", None)


def test_redrive_of_an_unknown_queue_is_refused():
    with pytest.raises(QueueUnknown):
        redrives(FakeDeadLetters()).redrive("nowhere", None)


def test_redrive_acts_on_a_queue_with_an_action_and_sends_nothing():
    dead_letters, acted = FakeDeadLetters(a_dead_letter({})), []
    redrives(dead_letters, {"missed-jobs": acted.append}).redrive("missed-jobs", None)

    assert ([each.id for each in acted], dead_letters.sent) == (["m-1"], [])


@pytest.mark.parametrize(("is_outdated", "sent"), [(True, []), (False, [("warehouse-url", "m-1")])])
def test_redrive_sends_no_outdated_dead_letter(is_outdated, sent):
    dead_letters = FakeDeadLetters(a_dead_letter({}))
    redrives(dead_letters, outdated={"warehouse": lambda dead_letter: is_outdated}).redrive("warehouse", None)

    assert dead_letters.sent == sent


def test_shipping_request_is_outdated_once_its_order_is_cancelled(shop):
    shop.ships()
    requests = ShippingRequests(shop.orders, shop.shipping)
    ship = a_dead_letter({"action": "ship", "order_id": "ord_1"})

    assert not requests.is_outdated(ship)
    shop.orders.cancel("ord_1", Reason.CUSTOMER_REQUEST)
    assert requests.is_outdated(ship)
    assert not requests.is_outdated(a_dead_letter({"action": "recall", "order_id": "ord_1"}))


def test_shipping_request_without_a_shipment_or_an_order_is_outdated(shop):
    shop.has(an_order_in(Status.AUTHORIZED))
    requests = ShippingRequests(shop.orders, shop.shipping)

    for order_id in ("ord_1", "ord_unknown"):
        assert requests.is_outdated(a_dead_letter({"action": "ship", "order_id": order_id}))


@pytest.mark.parametrize("queue", ["undelivered-events", "undelivered-copies"])
def test_undelivered_event_is_published_again(by_queue, published, queue):
    event = an_event()
    by_queue[queue](a_dead_letter({"detail": event.model_dump()}))

    assert published == [event]
    with pytest.raises(CannotRedrive):
        by_queue[queue](a_dead_letter({}))


def test_unrelayed_event_publishes_what_the_outboxes_hold(by_queue, published):
    by_queue["unrelayed-events"](a_dead_letter({}))

    assert [event.order_id for event in published] == ["ord_7"]


@pytest.mark.parametrize(
    ("dead_letter", "given"),
    [
        (a_dead_letter({"date": "2030-05-17"}, TARGET_ARN="arn:job"), {"date": "2030-05-17"}),
        (
            a_dead_letter({"requestContext": {"functionArn": "arn:job:$LATEST"}, "requestPayload": {"date": "x"}}),
            {"date": "x"},
        ),
    ],
)
def test_missed_job_is_run_with_what_it_was_given(by_queue, aws_lambda, dead_letter, given):
    by_queue["missed-jobs"](dead_letter)

    assert aws_lambda.invoked == [("arn:job", "Event", given)]


def test_missed_job_without_a_function_is_refused(by_queue):
    with pytest.raises(CannotRedrive):
        by_queue["missed-jobs"](a_dead_letter({}))


def test_unpushed_update_does_nothing(by_queue, published, aws_lambda):
    by_queue["unpushed-updates"](a_dead_letter({}))

    assert (published, aws_lambda.invoked) == ([], [])
