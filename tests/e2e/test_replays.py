"""Archive replays: publishing archived events again changes nothing."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.platform.clock import iso


@pytest.fixture
def replay(admin, eventually):
    """Return a function that replays a time range and waits for the end of the replay."""

    def run(start, end, **filters):
        started = admin.call("POST", "/admin/replays", {"from": iso(start), "to": iso(end), **filters})
        assert started.status == 202, started.body
        path = f"/admin/replays/{started.body['replay_id']}"
        return eventually(lambda: (now := admin.must("GET", path))["state"] == "COMPLETED" and now)

    return run


def test_replay_of_all_events_changes_nothing(
    guest, customer, new_product, replay, captured, emails, executions, sandbox, events_of, eventually
):
    start = datetime.now(UTC)
    sku = new_product(6, price=1500)
    completed, returned = customer.buy(sku), customer.buy(sku)
    declined = guest.buy(sku, card="pm_card_visa_chargeDeclined")
    cancelled = guest.buy(sku, line2="sandbox:silent")
    eventually(lambda: guest.order(cancelled)["status"] == "SHIPPING")
    eventually(lambda: emails(cancelled))  # a cancelled order is not confirmed any more
    guest.cancel(cancelled)
    for buyer, order_id in ((customer, completed), (customer, returned), (guest, declined), (guest, cancelled)):
        buyer.ended(order_id)
    customer.give_back(returned)
    eventually(lambda: customer.order(returned)["status"] == "RETURNED")
    orders = (completed, returned, declined, cancelled)
    captured.expect("OrderReturned", returned)
    captured.expect("OrderCompleted", completed)
    eventually(lambda: all(len(emails(order_id)) >= 2 for order_id in (completed, returned, cancelled)))

    def state():
        return {
            order_id: (sorted(emails(order_id)), events_of(order_id), sandbox.kept(order_id),
                       executions("StateMachineArn", order_id), executions("UndoMachineArn", order_id))
            for order_id in orders
        } | {"stock": guest.must("GET", f"/products/{sku}")["available"]}  # fmt: skip

    before = state()
    replay(start - timedelta(seconds=2), datetime.now(UTC))
    for order_id in (completed, returned):
        captured.expect("OrderPlaced", order_id, times=2)
        captured.expect("OrderCompleted", order_id, times=2)
    captured.expect("OrderCancelled", cancelled, times=2)
    time.sleep(2)
    assert state() == before


def test_replay_of_one_type_returns_its_state(replay):
    now = datetime.now(UTC)
    ended = replay(now - timedelta(hours=1), now - timedelta(minutes=59), detail_type="OrderCompleted")
    assert (ended["start"], ended["state"]) == (iso((now - timedelta(hours=1)).replace(microsecond=0)), "COMPLETED")


@pytest.mark.parametrize(
    ("start", "end", "detail_type", "status", "field"),
    [
        (-1, -2, None, 422, "from"),
        (-1, 1, None, 422, "to"),
        (-24 * 61, 0, None, 422, "from"),
        (-2, -1, "OrderForgotten", 422, "detail_type"),
        (-2, -1, "OrderReserved", 409, None),
    ],
)
def test_replay_of_an_invalid_range_or_type_is_refused(admin, start, end, detail_type, status, field):
    now = datetime.now(UTC)
    window = {"from": iso(now + timedelta(hours=start)), "to": iso(now + timedelta(hours=end))}
    refused = admin.call("POST", "/admin/replays", window | ({"detail_type": detail_type} if detail_type else {}))
    assert refused.status == status, refused.body
    assert [error["field"] for error in refused.body.get("errors", [])] == ([field] if field else [])
