"""Model of an order's life, without the shop's own rules: which ways there are, and what each order must be worth."""

from itertools import pairwise

from chalicelib.inventory.model import ReservationStatus
from chalicelib.payments.provider import ProviderStatus
from tests.unit.order_world import PRICES

GRAPH = {
    "PLACED": {"RESERVED", "CANCELLED"},
    "RESERVED": {"ACTION_REQUIRED", "AUTHORIZED", "CANCELLED"},
    "ACTION_REQUIRED": {"AUTHORIZED", "CANCELLED"},
    "AUTHORIZED": {"SHIPPING", "CANCELLED"},
    "SHIPPING": {"COMPLETED", "CANCELLED"},
    "COMPLETED": {"RETURNED"},
    "CANCELLED": set(),
    "RETURNED": set(),
}
"""As in the documentation of the statuses."""
HELD = (ReservationStatus.HELD, ReservationStatus.COMMITTED)


class OrderModel:
    """Judges the shop by what the world knows: which parcels left, what came back, and what banks decided.

    `came_back` are the units of each return with their order, as the buyers sent them.
    """

    def __init__(self, world):
        self._world = world
        self.came_back = {}

    def check_stock(self):
        store = self._world.inventory_store
        for sku, stock in store.counters.items():
            held = [each.quantities.get(sku, 0) for each in store.reservations.values() if each.status in HELD]
            sold = [each.quantities.get(sku, 0) for each in store.reservations.values() if each.status == "SOLD"]
            back = [quantities.get(sku, 0) for quantities in store.restocks.values()]
            assert stock.is_right, stock
            assert (stock.reserved, stock.sold) == (sum(held), sum(sold) - sum(back)), sku

    def check(self, order):
        path = [change.status for change in order.history]
        intents = [intent for intent in self._world.intents if intent.order_id == order.id]
        kept, held = sum(intent.kept for intent in intents), sum(intent.held for intent in intents)
        captured = [intent.captured for intent in intents if intent.captured]
        parcel = self._world.warehouse.ledger.get(order.id)
        assert all(after in GRAPH[before] for before, after in pairwise(path)), path
        assert path[-1] == order.status and len(self._world.order_store.events_of(order.id)) == order.version
        assert not (order.cancellation and order.dispatched_at)
        assert captured in ([], [order.total.amount]), captured
        assert 0 <= kept <= order.total.amount and all(intent.kept >= 0 for intent in intents)
        assert not captured or parcel in ("DISPATCHED", "RETURNED")
        if order.status == "CANCELLED":
            reservation = self._world.inventory_store.reservations.get(order.id)
            assert held == 0 and kept <= self.failed(intents), (held, kept)
            assert reservation is None or reservation.status == ReservationStatus.RELEASED
        if order.is_settled and not self.failed(intents):
            assert kept == self.worth(order, intents), (order.status, kept, self.worth(order, intents))

    def worth(self, order, intents):
        """Return what the order must have brought: what was delivered and did not come back, less what others took."""
        if order.status == "CANCELLED" or not order.total.amount:
            return 0
        back = sum(
            PRICES[sku] * units
            for about, quantities in self.came_back.values()
            for sku, units in quantities.items()
            if about == order.id
        )
        others = sum(intent.refunded_outside + intent.lost for intent in intents)
        return max(0, order.total.amount - back - others)

    def failed(self, intents):
        """Return what was refunded, and is back because the refund did not arrive."""
        return sum(each.amount for intent in intents for each in intent.refunds if not each.is_effective)

    def check_end(self):
        world = self._world
        for order in world.orders_placed:
            intents = [intent for intent in world.intents if intent.order_id == order.id]
            assert order.is_settled, f"{order.id} is still {order.status}: {order.returns}"
            assert not any(intent.held or intent.awaits_buyer for intent in intents)
            assert sum(intent.kept for intent in intents) == self.worth(order, intents)
            is_delivered = world.warehouse.ledger.get(order.id) == "DISPATCHED"
            assert is_delivered == (order.status in ("COMPLETED", "RETURNED"))
            record = world.payments.of(order.id)
            for intent in intents:
                if record.intent_id == intent.id:
                    assert record.as_at(intent).figures == record.figures
                else:
                    assert intent.status in (ProviderStatus.CREATED, ProviderStatus.CANCELLED)
        assert not any(stock.reserved for stock in world.inventory_store.counters.values())
        assert not any(each.is_running for each in world.executions)
