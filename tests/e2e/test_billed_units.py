"""What AWS bills for one order, counted by unit and resource for each outcome, and compared with infra/cost/units.yaml.

A difference means that an order became dearer or cheaper. If that is intended, write the new counts into the file:
RECORD_UNITS=1 .venv/bin/python -m pytest tests/e2e/test_billed_units.py
"""

import json
import os
import time
from functools import partial

import pytest
from websockets.sync.client import connect

from infra.commands import job
from infra.commands.client import Buyer
from infra.cost import units
from infra.local import shop

pytestmark = pytest.mark.takes_long

QUIET_SECONDS = 1.8
WEBHOOKS_AFTER_SECONDS = 1
"""Stripe's webhooks arrive after the step that caused them, as they do in practice, and not during it."""
ATTEMPTS = 3
"""A busy machine adds retries, which make an order dearer; a change of the code does so in each attempt."""


@pytest.fixture(scope="module")
def logical(engine, opened):
    """The logical ids of the shop's resources by their physical names."""
    pages = engine.session.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=shop.STACK)
    found = [each for page in pages for each in page["StackResourceSummaries"]]
    return {
        each["PhysicalResourceId"].rpartition("/")[2].rpartition(":")[2]: each["LogicalResourceId"] for each in found
    }


@pytest.fixture
def rest(engine):
    """Return a function that waits until nothing more is billed."""

    def wait():
        size, since = -1, time.monotonic()
        while time.monotonic() - since < QUIET_SECONDS:
            if (now := engine.billed.stat().st_size) != size:
                size, since = now, time.monotonic()
            time.sleep(0.1)

    return wait


@pytest.fixture
def metered(engine, sandbox, rest):
    """Return a function that does something and returns the meter's lines until nothing more is billed."""
    sandbox.webhooks("late", seconds=WEBHOOKS_AFTER_SECONDS)

    def measure(work):
        engine.billed.write_text("")
        try:
            work()
            rest()
            return engine.billed.read_text().splitlines()
        finally:
            engine.billed.unlink()

    return measure


@pytest.fixture
def reached(table, eventually):
    """Return a function that waits until an order has one of these statuses, which bills nothing."""

    def wait(order_id, *statuses):
        key = {"pk": f"ORDER#{order_id}", "sk": "ORDER"}
        eventually(
            lambda: table("OrdersTableName").get_item(Key=key, ConsistentRead=True)["Item"]["status"] in statuses
        )

    return wait


@pytest.fixture
def warehouse(mapping):
    """Return a function that lets the simulated warehouse read its queue, or not."""
    return partial(mapping, "SimulateFromWarehouseQueue")


@pytest.fixture
def warehouse_replies(mapping):
    """Return a function that lets the shop read the warehouse's replies, or not."""
    return partial(mapping, "ProcessFromWarehouseReplies")


@pytest.fixture
def cancelled(opened, reached, rest, warehouse):
    """Return a function that cancels an order whose warehouse is silent, on a page that follows it.

    The warehouse answers the recall after the saga has ended; if it were as quick as the saga, there would be one
    recall or two.
    """

    def cancel(guest, order_id):
        reached(order_id, "SHIPPING")
        rest()
        page = {"origin": opened["storefront_url"], "subprotocols": guest.live(order_id)}
        with connect(opened["websocket_url"], **page) as line:
            token = guest.order_tokens[order_id]
            line.send(json.dumps({"action": "subscribe", "order_id": order_id, "token": token}))
            assert json.loads(line.recv())["type"] == "CurrentState"
            warehouse(False)
            assert guest.cancel(order_id).status == 202
            while json.loads(line.recv())["status"] != "CANCELLED":
                pass
            rest()
            warehouse(True)

    return cancel


@pytest.fixture
def refused(reached, warehouse, warehouse_replies, rest, table, eventually):
    """Return a function that lets the warehouse read a request, and refuse it, once all of the request is written down.

    If it were quicker than the step that asks it, the step would write once or twice. It answers the recall after the
    saga has ended, as in `cancelled`, because it reads nothing when the saga receives the refusal.
    """

    def has_refused(order_id):
        key = {"order_id": order_id}
        found = table("WarehouseLedgerTableName").get_item(Key=key, ConsistentRead=True)
        return found.get("Item", {}).get("status") == "REFUSED"

    def refuse(guest, order_id):
        reached(order_id, "SHIPPING")
        rest()
        warehouse_replies(False)
        warehouse(True)
        eventually(lambda: has_refused(order_id))
        warehouse(False)
        warehouse_replies(True)
        reached(order_id, "CANCELLED")
        rest()
        warehouse(True)

    return refuse


@pytest.fixture
def returned(reached, rest):
    """Return a function that returns a whole order after its completion."""

    def give_back(guest, order_id):
        reached(order_id, "COMPLETED")
        rest()
        assert guest.give_back(order_id).status == 202
        reached(order_id, "RETURNED")

    return give_back


@pytest.fixture
def journey(opened, new_product, reached, warehouse, cancelled, refused, returned):
    """Return a function that prepares a guest's order of two products and returns the function that goes through it.

    The buyer asks once how the order ended.
    """
    cards = {"payment_declined": "pm_card_visa_chargeDeclined"}
    wishes = {"cancelled": "sandbox:silent", "shipping_failed": "sandbox:refuse"}
    further = {"cancelled": cancelled, "shipping_failed": refused, "returned": returned}

    def prepare(outcome):
        stock = 0 if outcome == "out_of_stock" else 1
        skus, guest = [new_product(stock), new_product(stock)], Buyer(opened["api_url"])

        def go():
            warehouse(outcome != "shipping_failed")
            for sku in skus:
                assert guest.put_in_cart(sku).status == 200
            placed = guest.check_out(cards.get(outcome, "pm_card_visa"), line2=wishes.get(outcome))
            order_id = placed.body["order_id"]
            if outcome in further:
                further[outcome](guest, order_id)
            reached(order_id, "COMPLETED", "CANCELLED", "RETURNED")
            guest.order(order_id)

        return go

    return prepare


@pytest.mark.parametrize("outcome", units.OUTCOMES)
def test_order_is_billed_for_exactly_the_expected_units(outcome, journey, metered, logical):
    if os.environ.get("RECORD_UNITS"):
        metered(journey(outcome))  # the first invocation of a function is slower
        lines = metered(journey(outcome))
        units.record(outcome, units.tally(lines, logical, job.jobs().values()), units.durations(lines, logical))
        return
    expected = units.exact(units.order_units().of(outcome))
    for _ in range(ATTEMPTS):
        billed = units.exact(units.tally(metered(journey(outcome)), logical, job.jobs().values()))
        if billed == expected:
            break
    assert _flat(billed) == _flat(expected)


def _flat(used):
    return {f"{unit} of {name}": count for unit, found in used.items() for name, count in found.items()}
