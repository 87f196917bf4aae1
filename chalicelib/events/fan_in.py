"""Fan-in (join): publish `OrderSettled` once, when every consumer of a completed order has done its work.

| item                          | pk           | sk             |
|-------------------------------|--------------|----------------|
| a consequence of an order     | `ORDER#{id}` | `PART#{part}`  |
| the event, in the outbox      | `ORDER#{id}` | `EVENT#000001` |

Each consumer writes its effects in one transaction with the item that marks its consequence as done, so the items are
in the table that the consumers share: the insights table, which `analytics` owns.
"""

from collections.abc import Callable
from enum import StrEnum

from chalicelib.events.contracts import OrderCompleted, OrderSettled, new_event
from chalicelib.events.envelope import Envelope
from chalicelib.events.outbox import outbox_item
from chalicelib.platform.clock import Clock
from chalicelib.platform.counters import CounterTable, ItemKey
from chalicelib.platform.dynamo import Write
from chalicelib.platform.ids import OrderId


class Consequence(StrEnum):
    """What follows from a completed order. Each has a consumer of its own, and they run in any order."""

    POINTS = "POINTS"
    INVOICE = "INVOICE"
    SALES = "SALES"
    AFFINITY = "AFFINITY"


def expected_consequences(is_guest: bool) -> frozenset[Consequence]:
    """Return what must be done before an order is settled. A guest has no account, and so no points."""
    return frozenset(Consequence) - ({Consequence.POINTS} if is_guest else set())


def consequence_key(order_id: OrderId, consequence: Consequence) -> ItemKey:
    return {"pk": f"ORDER#{order_id}", "sk": f"PART#{consequence}"}


def event_key(order_id: OrderId) -> ItemKey:
    return {"pk": f"ORDER#{order_id}", "sk": "EVENT#000001"}


class FanIn:
    def __init__(self, table: CounterTable, clock: Clock) -> None:
        self._table = table
        self._clock = clock

    def complete(self, event: Envelope, consequence: Consequence, effects: Callable[[], list[Write]] = list) -> None:
        """Write a consequence of an OrderCompleted with its effects once, then join. Raises CountersBusy, TableBusy."""
        self._table.write_once(consequence_key(event.order_id, consequence), effects)
        self._join(event)

    def done(self, order_id: OrderId) -> set[Consequence]:
        """Return what is done, read consistently: of consumers that finish together, the last one sees all."""
        items = self._table.below(f"ORDER#{order_id}", "PART#")
        return {Consequence(item["sk"].removeprefix("PART#")) for item in items}

    def is_joined(self, order_id: OrderId) -> bool:
        """Return whether OrderSettled was written, which means that nothing that follows from the order is left."""
        return bool(self._table.item(event_key(order_id)))

    def write_event(self, event: Envelope) -> None:
        """Write the order's event into the outbox, unless it is there already."""
        self._table.put_once(outbox_item(event_key(event.order_id), event))

    def _join(self, event: Envelope) -> None:
        """Publish OrderSettled if nothing is left to do. A repetition checks again: the consumer that was last may
        have died before this check."""
        order = OrderCompleted.model_validate(event.data)
        expected = expected_consequences(order.is_guest)
        if not expected <= self.done(order.order_id):
            return
        settled = OrderSettled(order_id=order.order_id, parts=sorted(expected))
        self.write_event(new_event(settled, about=order.order_id, at=self._clock(), cause=event.id))
