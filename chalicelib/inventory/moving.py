"""Moves of an order's units in one transaction, from whichever shards have them."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from chalicelib.inventory.model import Allocations, OutOfStock, UnitsNotSold
from chalicelib.inventory.shards import StockShard, allocated, gathered, shard_of
from chalicelib.inventory.stock_items import ENOUGH_SOLD, RESTOCK, StockItems, shard_from
from chalicelib.platform.dynamo import TRANSACTION_LIMIT, TableBusy, Write, refusals, transact
from chalicelib.platform.ids import OrderId, Sku
from chalicelib.platform.retries import retry_on_conflict

if TYPE_CHECKING:
    from chalicelib.platform.dynamodb_client import DynamoDB

ATTEMPTS = 6
"""Attempts to choose shards. Each fails only if another order took the units after they were read."""


class Moving:
    """Remembers over how many shards a SKU is split, so that an order needs no read. A shard refuses a wrong number."""

    def __init__(self, dynamodb: "DynamoDB", items: StockItems) -> None:
        self._db = dynamodb
        self._items = items
        self._shards: dict[Sku, int] = {}

    def reserve(self, order_id: OrderId, quantities: dict[Sku, int], put: Callable[[Allocations], Write]) -> bool:
        """Put the reservation of these allocations and take its units; return False if the put was refused.

        Raises OutOfStock, TableBusy.
        """
        plan = {sku: {self._own(order_id, sku): units} for sku, units in quantities.items()}
        for _ in retry_on_conflict(ATTEMPTS):
            if 1 + sum(map(len, plan.values())) > TRANSACTION_LIMIT:
                plan |= {sku: self._gathered(order_id, sku, units) for sku, units in quantities.items()}
            moves = [(sku, number) for sku, allocation in plan.items() for number in allocation]
            refused = refusals(self._db, [put(plan), *self._items.takes(plan, self._shards)])
            if not refused:
                return True
            if 0 in refused:
                return False
            found = {moves[position - 1]: shard_from(item) if item else None for position, item in refused.items()}
            plan |= self._chosen(order_id, quantities, found)
        raise TableBusy("stock")

    def restock(self, put: Write, quantities: dict[Sku, int]) -> bool:
        """Put the record of a return and make its units available where as many are sold; return False if it was put.

        Raises UnitsNotSold, TableBusy.
        """
        plan: Allocations = {sku: {0: units} for sku, units in quantities.items()}
        for _ in retry_on_conflict(ATTEMPTS):
            moves = [sku for sku, allocation in plan.items() for _ in allocation]
            refused = transact(self._db, [put, *self._items.moves(plan, RESTOCK, ENOUGH_SOLD)])
            if 0 in refused or not refused:
                return not refused
            for sku in {moves[position - 1] for position in refused}:
                sold = [shard.sold for shard in self._items.shards(sku)]
                allocation = allocated(quantities[sku], sold, 0)
                if allocation is None:
                    raise UnitsNotSold(sku)
                plan[sku] = allocation
        raise TableBusy("stock")

    def _own(self, order_id: OrderId, sku: Sku) -> int:
        return shard_of(order_id, self._shards.get(sku, 1))

    def _chosen(
        self, order_id: OrderId, quantities: dict[Sku, int], refused: dict[tuple[Sku, int], StockShard | None]
    ) -> Allocations:
        """Return from which shards to take the units of the SKUs that were refused. Raises OutOfStock."""
        plan: Allocations = {}
        short = []
        for (sku, number), shard in refused.items():
            known = self._shards.get(sku, 1)
            if known == 1 and number == 0 and (shard is None or shard.counters == 1):
                short.append(sku)
            elif shard and 1 < shard.shards != known:
                self._shards[sku] = shard.shards
                plan[sku] = {self._own(order_id, sku): quantities[sku]}
            elif sku not in plan and sku not in short:
                allocation = self._allocation(order_id, sku, quantities[sku])
                if allocation:
                    plan[sku] = allocation
                else:
                    short.append(sku)
        if short:
            raise OutOfStock(", ".join(short))
        return plan

    def _allocation(self, order_id: OrderId, sku: Sku, units: int) -> dict[int, int] | None:
        """Return from which shards to take units; None if there are too few.

        Shards are read one after another, so units that move between them might be missed: two equal readings count.
        """
        before: list[int] | None = None
        for _ in retry_on_conflict(ATTEMPTS):
            shards = self._items.shards(sku)
            self._shards[sku] = shards[0].shards if shards else 1
            available = [shard.available for shard in shards]
            allocation = allocated(units, available, self._own(order_id, sku))
            if allocation or available == before:
                return allocation
            before = available
        return None

    def _gathered(self, order_id: OrderId, sku: Sku, units: int) -> dict[int, int]:
        """Move all available units of a SKU to the order's own shard, because a transaction has at most 100 writes."""
        own = self._own(order_id, sku)
        changes = gathered(self._items.shards(sku), own)
        if len(changes) > 1:
            transact(self._db, self._items.moved(sku, changes))
        return {own: units}
