"""Analytics use cases: count sales, returns and steps of the funnel, and read them by day."""

from collections.abc import Callable
from datetime import date, datetime

from chalicelib.analytics.funnel import FunnelDay, Step, funnel_days
from chalicelib.analytics.model import Day, Sales, Sold, last_days
from chalicelib.analytics.store import AnalyticsStore, placed_key, return_key
from chalicelib.events.contracts import OrderCompleted, OrderPlaced, ReturnEventData, Variant
from chalicelib.events.envelope import Envelope
from chalicelib.events.fan_in import Consequence, FanIn
from chalicelib.platform.clock import Clock
from chalicelib.platform.dynamo import Write


class Analytics:
    """`day_of` returns the day of the shop's time zone by which everything is counted."""

    def __init__(self, store: AnalyticsStore, fan_in: FanIn, clock: Clock, day_of: Callable[[datetime], date]) -> None:
        self._store = store
        self._fan_in = fan_in
        self._clock = clock
        self._day_of = day_of

    def count_sales(self, event: Envelope) -> None:
        """Count an OrderCompleted once. Raises CountersBusy, TableBusy."""
        order = OrderCompleted.model_validate(event.data)
        products = {line.sku: Sold(line.quantity, line.quantity * line.unit_price) for line in order.lines}
        sold = self._store.sold(self._day(event), order.country, Sales(1, order.total.amount), products)
        stepped = self._store.stepped(self._day(event), order.variant, Step.COMPLETED)
        self._fan_in.complete(event, Consequence.SALES, lambda: [*sold, *stepped])

    def count_return(self, event: Envelope, points: Callable[[], list[Write]] = list) -> None:
        """Take back revenue on the day of the refund, and with it the points, once. Raises CountersBusy, TableBusy.

        `event` is an OrderReturned or OrderPartlyReturned; it may arrive before the order's completion. `points` is
        called for each attempt and returns the writes of `loyalty` for the same transaction.
        """
        order = ReturnEventData.model_validate(event.data)
        returned = order.returned
        price = {line.sku: line.unit_price for line in order.lines}
        back = {sku: Sold(-pieces, -pieces * price[sku]) for sku, pieces in returned.quantities.items()}
        unsold = self._store.sold(self._day(event), order.country, Sales(0, -returned.refund.amount), back)
        fact = return_key(order.order_id, returned.return_id)
        self._store.write_once(fact, lambda: [*unsold, *points()])

    def count_placed(self, event: Envelope) -> None:
        """Count an OrderPlaced in the funnel once. Raises CountersBusy, TableBusy."""
        order = OrderPlaced.model_validate(event.data)
        stepped = self._store.stepped(self._day(event), order.variant, Step.PLACED)
        self._store.write_once(placed_key(order.order_id), lambda: stepped)

    def count_step(self, step: Step, variant: Variant | None) -> None:
        """Count a step that a page reports, today. A repetition counts again."""
        self._store.write(self._store.stepped(self._day_of(self._clock()).isoformat(), variant, step))

    def funnel(self, days: int) -> list[FunnelDay]:
        """Return the funnel of the last `days` days, today last."""
        dates = last_days(self._day_of(self._clock()), days)
        return funnel_days(dates, self._store.funnel(dates[0], dates[-1]))

    def sales(self, days: int) -> list[Day]:
        """Return the sales of the last `days` days, today last."""
        return self.sales_until(self._day_of(self._clock()), days)

    def sales_until(self, last: date, days: int) -> list[Day]:
        return [self._store.day(day) for day in last_days(last, days)]

    def _day(self, event: Envelope) -> str:
        return self._day_of(datetime.fromisoformat(event.time)).isoformat()
