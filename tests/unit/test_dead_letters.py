"""Dead-letter queue operations: the model, redrive and replays."""

import json
from datetime import timedelta

import pytest
from botocore.exceptions import ClientError

from chalicelib.dead_letters.actions import ParkedWorkflows
from chalicelib.dead_letters.model import (
    CannotRedrive,
    DeadLetter,
    NoMatchingRule,
    Parts,
    QueueUnknown,
    ReplayUnknown,
    ReplayWindowInvalid,
    checked_window,
)
from chalicelib.dead_letters.replays import ID_LENGTH, Replays
from chalicelib.orders.model import Reason, Status
from chalicelib.platform.request_keys import IdempotencyConflict, RequestKey
from tests.builders import NOW, an_event, an_order_in

from .conftest import RETURN, SAGA, UNDO


def a_dead_letter(content, **attributes):
    values = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
    body = content if isinstance(content, str) else json.dumps(content)
    return DeadLetter(id="m-1", body=body, attributes=values, sent=0, receive_count=3)


EVENT = an_event().model_dump()


@pytest.mark.parametrize(
    ("dead_letter", "expected"),
    [
        (a_dead_letter({"detail": EVENT}), {"event_type": "OrderPlaced", "event_id": EVENT["id"], "order_id": "ord_1"}),
        (a_dead_letter({"Type": "Notification", "Message": json.dumps({"detail": EVENT})}), {"order_id": "ord_1"}),
        (
            a_dead_letter({"order_id": "ord_1", "failure": {"Error": "Unavailable", "Cause": "Ida"}}),
            {"reason": "Unavailable"},
        ),
        (a_dead_letter({"event_id": "evt_1", "payment_intent": "pi_1"}), {"event_id": "evt_1"}),
        (
            a_dead_letter({"requestContext": {"condition": "RetryAttemptsExhausted"}}),
            {"reason": "RetryAttemptsExhausted"},
        ),
        (a_dead_letter({"responsePayload": {"errorType": "KeyError"}}), {"reason": "KeyError"}),
        (a_dead_letter({}, ERROR_CODE="NO_PERMISSIONS"), {"reason": "NO_PERMISSIONS"}),
        (a_dead_letter("Ida Sand, Havnegata 1"), {"reason": "NotReadable"}),
        (a_dead_letter("[1]"), {"reason": "NotReadable"}),
        (a_dead_letter({"order_id": "Ida Sand <ida@example.com>"}), {"order_id": None}),
        (a_dead_letter({"detail": "text", "failure": 1, "order_id": {"a": 1}}), {"order_id": None}),
    ],
)
def test_dead_letter_shows_ids_and_names_and_no_personal_data(dead_letter, expected):
    context = dead_letter.context.model_dump()
    assert {name: context[name] for name in expected} == expected
    assert "Ida" not in json.dumps(context)


def test_parts_that_the_template_does_not_name_are_refused():
    parts = Parts.model_validate(
        {"queues": {"returns": {"url": "q", "dead_letters": "d"}}, "rules": [{"arn": "r", "types": ["OrderPlaced"]}]}
    )
    assert parts.queue("returns").dead_letters == "d" and parts.rules_for("OrderPlaced") == ["r"]
    with pytest.raises(QueueUnknown):
        parts.queue("https://sqs.eu-west-1.amazonaws.com/1/returns")
    with pytest.raises(NoMatchingRule):
        parts.rules_for("OrderReserved")


@pytest.mark.parametrize(
    ("start", "end", "field"), [(-1, -1, "from"), (-1, -2, "from"), (-1, 1, "to"), (-61 * 24, -1, "from")]
)
def test_replay_window_must_be_in_order(start, end, field):
    with pytest.raises(ReplayWindowInvalid) as refused:
        checked_window(NOW + timedelta(hours=start), NOW + timedelta(hours=end), NOW, timedelta(days=60))
    assert list(refused.value.fields) == [field]


def test_replay_window_may_end_now():
    checked_window(NOW - timedelta(days=60), NOW, NOW, timedelta(days=60))


def parked(machine, name):
    execution = f"{machine.replace(':stateMachine:', ':execution:')}:{name}"
    return a_dead_letter({"order_id": "ord_1", "failure": {"Error": "X"}, "execution": execution})


class FakeEvents:
    def start_replay(self, **request):
        self.destination = request["Destination"]
        return {"State": "STARTING"}


@pytest.mark.parametrize(("rules", "only"), [(["arn:rule"], {"FilterArns": ["arn:rule"]}), ([], {"FilterArns": []})])
def test_replay_of_a_type_goes_to_its_matching_rules_only(rules, only):
    """The AWS emulator does not show this: it sends a replay to all rules."""
    events = FakeEvents()
    replays = Replays(events, "arn:archive", "arn:event-bus/shop")
    replays.start(NOW - timedelta(hours=1), NOW, rules)
    assert events.destination == {"Arn": "arn:event-bus/shop", **only}
    replays.start(NOW - timedelta(hours=1), NOW, None)
    assert events.destination == {"Arn": "arn:event-bus/shop"}


class NamedReplays:
    """Accepts each name once, as EventBridge does."""

    def __init__(self):
        self.started = {}

    def start_replay(self, **request):
        if request["ReplayName"] in self.started:
            raise ClientError({"Error": {"Code": "ResourceAlreadyExistsException"}}, "StartReplay")
        self.started[request["ReplayName"]] = request
        return {"State": "STARTING"}

    def describe_replay(self, ReplayName):
        return self.started[ReplayName] | {"State": "RUNNING"}


def test_repeated_key_starts_one_replay():
    events = NamedReplays()
    replays, span = Replays(events, "arn:archive", "arn:event-bus/shop"), (NOW - timedelta(hours=1), NOW)
    first, second = (replays.start(*span, None, RequestKey("a1" * 32, "asked-1")) for _ in range(2))
    assert (first.replay_id, first.start) == (second.replay_id, second.start) and len(events.started) == 1
    with pytest.raises(IdempotencyConflict):
        replays.start(*span, [], RequestKey("a1" * 32, "asked-2"))
    replays.start(*span, None, RequestKey("b2" * 32, "asked-1"))
    assert len(events.started) == 2


@pytest.mark.parametrize(
    ("code", "error"), [("ResourceNotFoundException", ReplayUnknown), ("InternalException", ClientError)]
)
def test_replay_that_eventbridge_does_not_know_is_unknown(code, error):
    class Forgotten:
        def describe_replay(self, ReplayName):
            raise ClientError({"Error": {"Code": code}}, "DescribeReplay")

    with pytest.raises(error):
        Replays(Forgotten(), "arn:archive", "arn:event-bus/shop").get("shop-" + "a" * ID_LENGTH)


@pytest.fixture
def parked_workflows(shop):
    return ParkedWorkflows(shop.recovery, shop.fulfilment_workflow, shop.compensation_workflow, shop.return_workflow)


def test_redrive_of_a_parked_saga_starts_its_compensation(shop, parked_workflows):
    shop.has(an_order_in(Status.AUTHORIZED))
    shop.starts_saga()
    parked_workflows.settle(parked(SAGA, "ord_1"))
    assert shop.compensated == {"ord_1": {"order_id": "ord_1", "reason": Reason.FULFILMENT_FAILED}}


def test_failed_undo_is_restarted_under_the_next_name_once_at_a_time(shop, parked_workflows):
    shop.has(an_order_in(Status.AUTHORIZED))
    shop.orders.cancel("ord_1", Reason.CUSTOMER_REQUEST)
    shop.compensation_workflow.start("ord_1", {"order_id": "ord_1", "reason": "CUSTOMER_REQUEST"})
    shop.step_functions.end(UNDO, "ord_1", "FAILED")
    for _ in range(2):
        parked_workflows.settle(parked(UNDO, "ord_1"))
    assert list(shop.compensated) == ["ord_1", "ord_1-1"]
    assert shop.compensated["ord_1-1"]["reason"] == Reason.CUSTOMER_REQUEST


def test_redrive_of_an_order_whose_parcel_has_left_does_not_cancel_it(shop, parked_workflows):
    shop.ships()
    shop.orders.dispatched("ord_1")
    parked_workflows.settle(parked(SAGA, "ord_1"))
    assert shop.orders.get("ord_1").cancellation is None
    assert list(shop.compensated) == ["ord_1"]


def test_redrive_of_an_order_whose_parcel_has_not_left_cancels_it(shop, parked_workflows):
    shop.ships()
    parked_workflows.settle(parked(SAGA, "ord_1"))
    assert shop.orders.get("ord_1").cancellation == Reason.FULFILMENT_FAILED


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.CANCELLED])
def test_order_that_has_ended_meanwhile_is_not_changed(shop, parked_workflows, status):
    shop.has(an_order_in(status))
    parked_workflows.settle(parked(UNDO, "ord_1"))
    assert shop.compensated == {}


def test_redrive_of_a_return_starts_it_with_the_same_input(shop, parked_workflows):
    given = {"order_id": "ord_1", "return_id": "ret_1"}
    shop.return_workflow.start("ret_1", given)
    shop.step_functions.end(RETURN, "ret_1", "FAILED")
    parked_workflows.settle(parked(RETURN, "ret_1"))
    assert shop.step_functions.started["order-return", "ret_1-1"] == given


@pytest.mark.parametrize("content", [{}, {"execution": 5}, {"execution": "x"}, {"execution": "a:b:c:d:e:f:other:name"}])
def test_dead_letter_without_a_workflow_cannot_be_settled(parked_workflows, content):
    with pytest.raises(CannotRedrive):
        parked_workflows.settle(a_dead_letter(content))
