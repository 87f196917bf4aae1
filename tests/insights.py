"""Test helpers: the rooms that keep counters in the insights table, and the events that they count."""

from types import SimpleNamespace

from chalicelib.analytics.consumer import ReturnConsumer
from chalicelib.analytics.service import Analytics
from chalicelib.analytics.store import AnalyticsStore
from chalicelib.events.fan_in import Consequence, FanIn
from chalicelib.loyalty.service import Loyalty
from chalicelib.loyalty.store import PointsStore
from chalicelib.orders.model import Status
from chalicelib.platform.shop import shop
from chalicelib.recommendations.service import Recommendations
from chalicelib.recommendations.store import AffinityStore
from tests.builders import NOW, an_order_in


class InsightsRooms:
    def __init__(self, table, clock, fan_in=None):
        self.table = table
        self.fan_in = fan_in or FanIn(table, clock)
        self.analytics_store = AnalyticsStore(table)
        self.analytics = Analytics(self.analytics_store, self.fan_in, clock, shop().day_of)
        self.loyalty = Loyalty(PointsStore(table), self.fan_in)
        self.recommendations = Recommendations(AffinityStore(table), self.fan_in)

    def count_return(self, event, customer_id="ada"):
        """Count a return of this customer's order, or of a guest's."""
        orders = SimpleNamespace(get=lambda order_id: SimpleNamespace(customer_id=customer_id))
        ReturnConsumer(orders, self.analytics, self.loyalty).count_return(event)


WORK = {
    Consequence.POINTS: lambda rooms, event: rooms.loyalty.earn_points(event, "ada"),
    Consequence.INVOICE: lambda rooms, event: rooms.fan_in.complete(event, Consequence.INVOICE),
    Consequence.SALES: lambda rooms, event: rooms.analytics.count_sales(event),
    Consequence.AFFINITY: lambda rooms, event: rooms.recommendations.learn_affinity(event),
}
"""What the consumer of each consequence does."""


def completed(order_id="ord_1", customer_id="ada", lines=None):
    return an_order_in(Status.COMPLETED, order_id, customer_id=customer_id, lines=lines).pending_event


def returned(*wanted, customer_id="ada", lines=None):
    """Return the events of these returns, one after the other, of units by sku."""
    order = an_order_in(Status.COMPLETED, customer_id=customer_id, lines=lines)
    events = []
    for number, units in enumerate(wanted):
        order = order.return_requested(f"ret_{number}", units, NOW)
        order = order.return_settled(f"ret_{number}", order.return_of(f"ret_{number}").refund.amount, NOW)
        events.append(order.pending_event)
    return events
