"""Recommendation use cases: learn from a completed order which products were bought together, and rank them."""

from chalicelib.events.contracts import OrderCompleted
from chalicelib.events.envelope import Envelope
from chalicelib.events.fan_in import Consequence, FanIn
from chalicelib.platform.ids import Sku
from chalicelib.recommendations.model import most_often, top_pairs
from chalicelib.recommendations.store import AffinityStore

TOP_PAIRS = 10


class Recommendations:
    def __init__(self, store: AffinityStore, fan_in: FanIn) -> None:
        self._store = store
        self._fan_in = fan_in

    def learn_affinity(self, event: Envelope) -> None:
        """Count the products of an OrderCompleted as bought together, once. Raises CountersBusy, TableBusy."""
        order = OrderCompleted.model_validate(event.data)
        together = self._store.bought_together([line.sku for line in order.lines])
        self._fan_in.complete(event, Consequence.AFFINITY, lambda: together)

    def also_bought(self, sku: Sku) -> list[Sku]:
        """Return the skus that were in an order with this one, most frequent first."""
        return most_often(self._store.together_with(sku))

    def bought_together(self) -> list[tuple[Sku, Sku, int]]:
        """Return the pairs that most orders had, with how many."""
        return top_pairs(self._store.all_together(), TOP_PAIRS)
