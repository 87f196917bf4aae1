"""What follows from a completed order, each part once, and the join of the parts; and what was sold."""

from collections.abc import Callable
from datetime import date, datetime

from chalicelib.events.contracts import INSIGHTS, OrderCompleted, OrderPlaced, OrderSettled, ReturnEventData, Variant
from chalicelib.events.envelope import Envelope, new_event_id
from chalicelib.insights.funnel import FunnelDay, Step, funnel_days
from chalicelib.insights.model import (
    Consequence,
    Day,
    Sales,
    Sold,
    expected_parts,
    last_days,
    most_often,
    top_pairs,
)
from chalicelib.insights.store import InsightsStore, consequence_key, placed_key, return_key
from chalicelib.platform.clock import Clock, iso

TOP_PAIRS = 10


class Insights:
    """`event` is an OrderCompleted, except where it says otherwise. `day_of` tells a moment's day, by which all is
    counted."""

    def __init__(self, store: InsightsStore, clock: Clock, day_of: Callable[[datetime], date]) -> None:
        self._store = store
        self._clock = clock
        self._day_of = day_of

    def earn_points(self, event: Envelope, customer_id: str) -> None:
        order = OrderCompleted.model_validate(event.data)
        key = consequence_key(order.order_id, Consequence.POINTS)
        self._store.write_once(key, lambda: self._store.kept(order.order_id, customer_id, order.total.amount))
        self._join(event)

    def count_sales(self, event: Envelope) -> None:
        order = OrderCompleted.model_validate(event.data)
        products = {line.sku: Sold(line.quantity, line.quantity * line.unit_price) for line in order.lines}
        sold = self._store.sold(self._day(event), order.country, Sales(1, order.total.amount), products)
        stepped = self._store.stepped(self._day(event), order.variant, Step.COMPLETED)
        self._store.write_once(consequence_key(order.order_id, Consequence.SALES), lambda: [*sold, *stepped])
        self._join(event)

    def learn_affinity(self, event: Envelope) -> None:
        order = OrderCompleted.model_validate(event.data)
        together = self._store.bought_together([line.sku for line in order.lines])
        self._store.write_once(consequence_key(order.order_id, Consequence.AFFINITY), lambda: together)
        self._join(event)

    def invoice_written(self, event: Envelope) -> None:
        self._store.write_once(consequence_key(event.order_id, Consequence.INVOICE))
        self._join(event)

    def count_return(self, event: Envelope, customer_id: str | None) -> None:
        """Revenue goes back on the day of the refund, and with it the points. `event` is an OrderReturned or
        OrderPartlyReturned; it may be faster than the order's completion."""
        order = ReturnEventData.model_validate(event.data)
        returned = order.returned
        price = {line.sku: line.unit_price for line in order.lines}
        back = {sku: Sold(-pieces, -pieces * price[sku]) for sku, pieces in returned.quantities.items()}
        refund = returned.refund.amount
        unsold = self._store.sold(self._day(event), order.country, Sales(0, -refund), back)
        self._store.write_once(
            return_key(order.order_id, returned.return_id),
            lambda: [*unsold, *(self._store.kept(order.order_id, customer_id, -refund) if customer_id else [])],
        )

    def count_placed(self, event: Envelope) -> None:
        """`event` is an OrderPlaced."""
        order = OrderPlaced.model_validate(event.data)
        stepped = self._store.stepped(self._day(event), order.variant, Step.PLACED)
        self._store.write_once(placed_key(order.order_id), lambda: stepped)

    def count_step(self, step: Step, variant: Variant | None) -> None:
        """Now, as a page tells it. Told again, it is counted again."""
        self._store.count(self._store.stepped(self._day_of(self._clock()).isoformat(), variant, step))

    def funnel(self, days: int) -> list[FunnelDay]:
        """Of so many days, today the last."""
        dates = last_days(self._day_of(self._clock()), days)
        return funnel_days(dates, self._store.funnel(dates[0], dates[-1]))

    def sales(self, days: int) -> list[Day]:
        """Of so many days, today the last."""
        return self.sales_until(self._day_of(self._clock()), days)

    def sales_until(self, last: date, days: int) -> list[Day]:
        return [self._store.day(day) for day in last_days(last, days)]

    def also_bought(self, sku: str) -> list[str]:
        """The skus that were in an order with this one, those in most orders first."""
        return most_often(self._store.together_with(sku))

    def bought_together(self) -> list[tuple[str, str, int]]:
        return top_pairs(self._store.all_together(), TOP_PAIRS)

    def points_of(self, customer_id: str) -> int:
        return self._store.points_of(customer_id)

    def all_points(self) -> int:
        return self._store.all_points()

    def _day(self, event: Envelope) -> str:
        return self._day_of(datetime.fromisoformat(event.time)).isoformat()

    def _join(self, event: Envelope) -> None:
        """Tell that the order is settled if this was the last part. A repetition looks again: whoever did the
        last part may have died before it came to this."""
        order = OrderCompleted.model_validate(event.data)
        expected = expected_parts(order.is_guest)
        if not expected <= self._store.done(order.order_id):
            return
        settled = OrderSettled(order_id=order.order_id, parts=sorted(expected))
        self._store.write_event(
            Envelope(
                id=new_event_id(),
                type=OrderSettled.__name__,
                version=1,
                time=iso(self._clock()),
                source=INSIGHTS,
                correlation_id=order.order_id,
                causation_id=event.id,
                data=settled.model_dump(),
            )
        )
