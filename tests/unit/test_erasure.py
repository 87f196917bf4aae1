"""Erasure of an order's buyer: nothing that identifies them is left, and everything that bookkeeping needs."""

import json

from chalicelib.notifications.model import Occasion
from chalicelib.notifications.service import Notifications
from chalicelib.orders.erasure import erased
from chalicelib.orders.model import Status
from tests.builders import NOW, PHONE, an_order_in

PERSONAL = ("Ada", "ada", PHONE, "James", "London", "SW1Y", "pm_card_visa", "f" * 64)


def test_erased_order_holds_no_personal_data_and_keeps_its_books():
    order = an_order_in(Status.COMPLETED, client="f" * 64, token="secret")

    found = erased(order, NOW)

    written = json.dumps(found.model_dump(mode="json")) + found.pending_event.model_dump_json()
    assert [text for text in PERSONAL if text in written] == []
    assert found.token_hash is None and found.customer_id is None
    assert (found.lines, found.total, found.history) == (order.lines, order.total, order.history)
    assert found.shipping_address.country == order.shipping_address.country
    assert (found.version, found.pending_event.type) == (order.version + 1, "OrderErased")


def test_erased_order_is_erased_once():
    once = erased(an_order_in(Status.COMPLETED), NOW)
    assert erased(once, NOW) is once


def test_erased_order_is_not_written_to():
    ran = []

    class Effects:
        def run_once(self, key, work, at_most=None):
            ran.append(key)
            return True

    class Links:
        def sign(self, *about):
            return "token"

    for order, emails in ((an_order_in(Status.COMPLETED), 1), (erased(an_order_in(Status.COMPLETED), NOW), 0)):
        ran.clear()
        Notifications(Effects(), None, None, Links(), "https://shop.example").order_completed(order, None)
        assert len(ran) == emails, Occasion.COMPLETED
