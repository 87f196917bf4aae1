"""Loyalty use cases: earn points with a completed order, take them back with a return, and read them."""

from chalicelib.events.contracts import OrderCompleted, ReturnEventData
from chalicelib.events.envelope import Envelope
from chalicelib.events.fan_in import Consequence, FanIn
from chalicelib.loyalty.store import PointsStore
from chalicelib.platform.dynamo import Write
from chalicelib.platform.ids import CustomerId


class Loyalty:
    def __init__(self, store: PointsStore, fan_in: FanIn) -> None:
        self._store = store
        self._fan_in = fan_in

    def earn_points(self, event: Envelope, customer_id: CustomerId) -> None:
        """Count the points of an OrderCompleted once. Raises CountersBusy, TableBusy."""
        order = OrderCompleted.model_validate(event.data)
        self._fan_in.complete(
            event, Consequence.POINTS, lambda: self._store.kept(order.order_id, customer_id, order.total.amount)
        )

    def returned(self, event: Envelope, customer_id: CustomerId) -> list[Write]:
        """Return the writes that take back the points of an OrderReturned or OrderPartlyReturned."""
        order = ReturnEventData.model_validate(event.data)
        return self._store.kept(order.order_id, customer_id, -order.returned.refund.amount)

    def points_of(self, customer_id: CustomerId) -> int:
        return self._store.points_of(customer_id)

    def erase(self, customer_id: CustomerId) -> None:
        """Delete the customer's points, also from those of all together. Raises CountersBusy, TableBusy."""
        self._store.erase(customer_id)

    def all_points(self) -> int:
        """Return the points of all customers together."""
        return self._store.all_points()
