"""Cancellation: an order can be cancelled in every state of its saga until the parcel is dispatched."""

import json
import threading
import time

import pytest

from infra.commands.client import Buyer


@pytest.fixture
def waiting(guest, new_product, table, eventually):
    """Return a function that orders one unit from a silent warehouse and returns the order's id and its task token."""

    def order():
        order_id = guest.buy(new_product(1), line2="sandbox:silent")
        key = {"order_id": order_id}
        shipment = eventually(lambda: table("ShipmentsTableName").get_item(Key=key, ConsistentRead=True).get("Item"))
        return order_id, shipment["task_token"]

    return order


@pytest.fixture
def dispatch(engine, resource):
    """Return a function that sends the warehouse's reply that the parcel is dispatched."""

    def answer(order_id, task_token):
        reply = {"order_id": order_id, "task_token": task_token, "outcome": "dispatched", "tracking_number": "T1"}
        engine.session.client("sqs").send_message(
            QueueUrl=resource("WarehouseRepliesQueue"), MessageBody=json.dumps(reply)
        )

    return answer


def outcome(order):
    return order["status"], order["reason"]


def stock_of(buyer, sku):
    return buyer.call("GET", f"/products/{sku}").body["available"]


@pytest.mark.parametrize("pause", [0, 0.3])
def test_order_can_be_cancelled_wherever_its_saga_is(guest, new_product, sandbox, emails, eventually, pause):
    sku = new_product(2)
    order_id = guest.buy(sku, 2)
    time.sleep(pause)
    accepted = guest.cancel(order_id)
    assert accepted.status == 202 and accepted.body["order_id"] == order_id
    order = guest.ended(order_id)
    assert outcome(order) == ("CANCELLED", "CUSTOMER_REQUEST")
    assert (order["cancel_requested"], order["actions"]) == (False, [])
    assert sandbox.kept(order_id) == 0
    assert stock_of(guest, sku) == 2
    eventually(lambda: "Your order was cancelled" in emails(order_id))


def test_cancelling_does_not_wait_for_the_warehouse(guest, engine, opened, waiting):
    order_id, _ = waiting()
    assert guest.order(order_id)["actions"] == ["cancel"]
    assert guest.cancel(order_id).status == 202
    order = guest.ended(order_id)
    assert outcome(order) == ("CANCELLED", "CUSTOMER_REQUEST")
    assert order["shipment"]["status"] == "RECALLED"
    execution = f"{opened['state_machine_arn'].replace(':stateMachine:', ':execution:')}:{order_id}"
    events = engine.session.client("stepfunctions").get_execution_history(executionArn=execution)["events"]
    failures = [event["taskFailedEventDetails"]["error"] for event in events if "taskFailedEventDetails" in event]
    assert failures == ["CancellationRequested"]


def test_cancelling_twice_is_once(guest, waiting, events_of, emails, eventually):
    order_id, _ = waiting()
    replies = []
    threads = [threading.Thread(target=lambda: replies.append(guest.cancel(order_id))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [reply.status for reply in replies] == [202] * 4
    assert outcome(guest.ended(order_id)) == ("CANCELLED", "CUSTOMER_REQUEST")
    assert (guest.cancel(order_id).status, guest.cancel(order_id).body["status"]) == (202, "CANCELLED")
    assert events_of(order_id).count("OrderCancelRequested") == events_of(order_id).count("OrderCancelled") == 1
    eventually(lambda: "Your order was cancelled" in emails(order_id))
    assert emails(order_id).count("Your order was cancelled") == 1


def test_order_that_failed_by_itself_keeps_its_reason(guest, new_product):
    order_id = guest.buy(new_product(0))
    assert outcome(guest.ended(order_id)) == ("CANCELLED", "OUT_OF_STOCK")
    assert guest.cancel(order_id).status == 202
    assert outcome(guest.order(order_id)) == ("CANCELLED", "OUT_OF_STOCK")


def test_dispatched_order_cannot_be_cancelled(guest, new_product):
    order_id = guest.buy(new_product(1))
    assert guest.ended(order_id)["actions"] == ["return"]
    refused = guest.cancel(order_id)
    assert (refused.status, refused.body["code"]) == (409, "too_late_to_cancel")
    assert guest.order(order_id)["status"] == "COMPLETED"


@pytest.mark.parametrize("head_start", [-0.1, 0.2, 0.6])
def test_concurrent_cancellation_and_dispatch_have_one_winner(guest, sandbox, waiting, dispatch, head_start):
    """`head_start` is the warehouse's, in seconds. tests/unit/test_shipping_interleavings.py tries every order."""
    order_id, task_token = waiting()

    def leave():
        time.sleep(max(0, -head_start))
        dispatch(order_id, task_token)

    warehouse = threading.Thread(target=leave)
    warehouse.start()
    time.sleep(max(0, head_start))
    cancelled = guest.cancel(order_id)
    warehouse.join()
    order = guest.ended(order_id)
    if cancelled.status == 202:
        assert outcome(order) == ("CANCELLED", "CUSTOMER_REQUEST")
        assert order["shipment"]["status"] == "RECALLED"
        assert sandbox.kept(order_id) == 0
    else:
        assert (cancelled.status, cancelled.body["code"]) == (409, "too_late_to_cancel")
        assert outcome(order) == ("COMPLETED", None)
        assert order["shipment"]["status"] == "DISPATCHED"
        assert sandbox.kept(order_id) == order["total"]["amount"]


def test_parcel_that_leaves_after_the_cancellation_changes_nothing(
    guest, new_product, sandbox, events_of, waiting, dispatch
):
    order_id, task_token = waiting()
    assert guest.cancel(order_id).status == 202
    guest.ended(order_id)
    before = events_of(order_id)
    dispatch(order_id, task_token)
    guest.ended(guest.buy(new_product(1)))  # its reply stands behind the late one in the same queue
    order = guest.order(order_id)
    assert outcome(order) == ("CANCELLED", "CUSTOMER_REQUEST")
    assert order["shipment"]["status"] == "RECALLED"
    assert events_of(order_id) == before
    assert sandbox.kept(order_id) == 0


def test_foreign_order_cannot_be_cancelled(guest, customer, opened, waiting):
    order_id, _ = waiting()
    anonymous = Buyer(opened["api_url"]).cancel(order_id)
    assert (anonymous.status, anonymous.body["code"]) == (401, "order_token_required")
    stranger = Buyer(opened["api_url"], order_tokens={order_id: "order_" + "0" * 64}).cancel(order_id)
    assert (stranger.status, stranger.body["code"]) == (404, "order_not_found")
    assert (customer.cancel(order_id).status, customer.cancel(order_id).body["code"]) == (404, "order_not_found")
    assert customer.cancel("ord_that_nobody_has").status == 404
    assert not guest.order(order_id)["cancel_requested"]
    guest.cancel(order_id)
    guest.ended(order_id)


def test_customer_cancels_their_own_order(customer, guest, new_product):
    order_id = customer.buy(new_product(1), line2="sandbox:silent")
    assert guest.call("POST", f"/orders/{order_id}/cancel").status == 401
    assert customer.cancel(order_id).status == 202
    assert outcome(customer.ended(order_id)) == ("CANCELLED", "CUSTOMER_REQUEST")
