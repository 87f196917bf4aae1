"""The inventory table: counter items per sku, a reservation item per order.

| item        | pk                       |
|-------------|--------------------------|
| stock       | `STOCK#{sku}`            |
| shard       | `STOCK#{sku}#{number}`   |
| reservation | `RESERVATION#{order}`    |
| restocking  | `RESTOCK#{return}`       |
| receipt     | `RECEIPT#{receipt}`      |
| movement    | `MOVEMENT#{id}`          |

A reservation that may expire has the attribute `expiring`, one of a few keys by its order, because a single key would
be a hot partition; index `by-expiry` lists those of a key by `expires_at`. An adjustment (movement or receipt) has the
attribute `moved`, the SKU; index `by-movement` lists those by `at`. The id of an adjustment that was requested with an
Idempotency-Key is made from the key; the item keeps request and answer.

Each change is one transaction over the reservation and all its counters: all lines or none. A release before any
reservation writes a tombstone (a RELEASED reservation), so that a late reservation step is refused.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from boto3.dynamodb.conditions import Key

from chalicelib.inventory.model import (
    Allocations,
    Booked,
    Reservation,
    ReservationStatus,
    Stock,
    StockAdjustment,
)
from chalicelib.inventory.moving import Moving
from chalicelib.inventory.shards import StockShard, shard_of
from chalicelib.inventory.stock_items import GIVE_BACK, NEW, SELL, StockItems
from chalicelib.platform.clock import iso
from chalicelib.platform.cursors import decoded, encoded
from chalicelib.platform.dynamo import Read, Write, is_accepted, patiently, read_together, refusals, transact
from chalicelib.platform.ids import OrderId, ReturnId, Sku

if TYPE_CHECKING:
    from types_boto3_dynamodb.type_defs import PutTypeDef

    from chalicelib.platform.dynamodb_client import DynamoDB, Item, Query

HELD, COMMITTED = ReservationStatus.HELD, ReservationStatus.COMMITTED
SOLD, RELEASED = ReservationStatus.SOLD, ReservationStatus.RELEASED

EXPIRING = ("yes", *(f"yes-{number}" for number in range(1, 8)))
"""An order writes to its key twice, so that a key takes 500 orders a second. Earlier releases wrote the first only."""
STILL_SO = "#status = :expected"
HELD_AND_CURRENT = "#status = :held AND expires_at > :now"
HELD_AND_EXPIRED = "#status = :expected AND expires_at <= :now"


def restock_key(return_id: ReturnId) -> dict[str, str]:
    return {"pk": f"RESTOCK#{return_id}"}


def receipt_key(receipt_id: str) -> dict[str, str]:
    return {"pk": f"RECEIPT#{receipt_id}"}


def movement_key(movement_id: str) -> dict[str, str]:
    return {"pk": f"MOVEMENT#{movement_id}"}


def reservation_key(order_id: OrderId) -> dict[str, str]:
    return {"pk": f"RESERVATION#{order_id}"}


def _receipts(items: "list[Item]") -> set[str]:
    return {item["pk"].removeprefix("RECEIPT#") for item in items}


class InventoryStore:
    def __init__(self, dynamodb: "DynamoDB", table: str) -> None:
        self._db = dynamodb
        self._table = table
        self._items = StockItems(dynamodb, table)
        self._moving = Moving(dynamodb, self._items)

    def stocks(self, skus: list[Sku], consistent: bool = False) -> dict[Sku, Stock]:
        """Return the stock of the SKUs that have any, by SKU. Eventually consistent by default."""
        return self.totals(read_together(self._db, self.reading(skus, consistent))[0], consistent)

    def reading(self, skus: list[Sku], consistent: bool = False) -> Read[dict[Sku, StockShard]]:
        """Return the read of the first shards, from which `totals` makes what `stocks` returns."""
        return self._items.reading(skus, consistent)

    def totals(self, firsts: dict[Sku, StockShard], consistent: bool = False) -> dict[Sku, Stock]:
        """Return the stocks. It reads only if one of the SKUs is split."""
        return self._items.totals(firsts, consistent)

    def shards(self, sku: Sku) -> list[StockShard]:
        """Return the shards of a SKU, read consistently; none if it has no stock."""
        return self._items.shards(sku)

    def adjust(
        self,
        entry: dict[str, str],
        sku: Sku,
        movement: StockAdjustment,
        fingerprint: str | None = None,
        seen: list[StockShard] | None = None,
        only_as_read: bool = False,
    ) -> Booked:
        """Change the available units and write the adjustment under this key, in one transaction. Never below zero.

        Without `seen`, only if the stock is not split. With it, the units are spread over the shards that the movement
        or else `seen` names; with `only_as_read`, only if `received` and `sold` of each are still the same.
        """
        if seen is None:
            changes = [self._items.added(sku, movement.delta)]
        else:
            shards = movement.shards or (seen[0].shards if seen else 1)
            changes = self._items.spread(sku, seen, movement.delta, shards, only_as_read)
        item = entry | ({"fingerprint": fingerprint} if fingerprint else {}) | movement.model_dump(exclude_none=True)
        # An adjustment that changes nothing is not listed, but its key is used.
        item |= {"moved": sku} if movement.delta or movement.shards else {}
        refused = refusals(self._db, [*changes, {"Put": self._new(item)}])
        if len(changes) in refused:
            return Booked.REPEATED
        if seen is None and (found := refused.get(0)) and "counters" in found:
            return Booked.SPLIT
        return Booked.REFUSED if refused else Booked.WRITTEN

    def fingerprint(self, entry: dict[str, str]) -> str | None:
        """Return the fingerprint of the request that made this adjustment, None if there is none."""
        answer = self._db.get_item(TableName=self._table, Key=entry, ConsistentRead=True)
        return answer["Item"].get("fingerprint") if "Item" in answer else None

    def answer(self, entry: dict[str, str], stock: Stock) -> Stock:
        """Return the answer stored with an adjustment; store this one first if there is none."""
        kept = patiently(
            self._db.update_item,
            TableName=self._table,
            Key=entry,
            UpdateExpression="SET answer = if_not_exists(answer, :answer)",
            ConditionExpression="attribute_exists(pk)",
            ExpressionAttributeValues={":answer": stock.model_dump()},
            ReturnValues="ALL_NEW",
        )
        return Stock.model_validate(kept["Attributes"]["answer"])

    def adjustments(self, sku: Sku, limit: int, cursor: str | None = None) -> tuple[list[StockAdjustment], str | None]:
        """Return adjustments, newest first, and the cursor of older ones. Eventually consistent.

        Raises CursorInvalid.
        """
        query: Query = {
            "TableName": self._table,
            "IndexName": "by-movement",
            "KeyConditionExpression": Key("moved").eq(sku),
            "ScanIndexForward": False,
            "Limit": limit,
        }
        if cursor:
            query["ExclusiveStartKey"] = decoded(cursor, {"moved": sku}, "pk", "at")
        answer = self._db.query(**query)
        found = [StockAdjustment.model_validate(item) for item in answer["Items"]]
        return found, encoded(answer.get("LastEvaluatedKey"))

    def received(self, receipt_ids: list[str]) -> set[str]:
        """Return the receipts that are written already. Eventually consistent: `adjust` decides."""
        keys = [receipt_key(receipt_id) for receipt_id in dict.fromkeys(receipt_ids)]
        return read_together(self._db, Read(self._table, keys, _receipts, consistent=False))[0]

    def reservation(self, order_id: OrderId) -> Reservation | None:
        answer = self._db.get_item(TableName=self._table, Key=reservation_key(order_id), ConsistentRead=True)
        return Reservation.model_validate(answer["Item"]) if "Item" in answer else None

    def reserve(self, order_id: OrderId, quantities: dict[Sku, int], expires_at: datetime) -> bool:
        """Reserve all lines or none; return False if this order has a reservation already.

        Raises OutOfStock, TableBusy.
        """
        new = Reservation(order_id=order_id, status=HELD, quantities=quantities, expires_at=expires_at)

        def put(plan: Allocations) -> Write:
            elsewhere = {sku: allocation for sku, allocation in plan.items() if list(allocation) != [0]}
            return {"Put": self._new(_item(new.model_copy(update={"allocations": elsewhere})))}

        return self._moving.reserve(order_id, quantities, put)

    def commit(self, order_id: OrderId, now: datetime) -> bool:
        """Turn a HELD, unexpired reservation into a COMMITTED one; return False if there is none."""
        return is_accepted(
            self._db.update_item,
            TableName=self._table,
            Key=reservation_key(order_id),
            UpdateExpression="SET #status = :committed REMOVE expiring",
            ConditionExpression=HELD_AND_CURRENT,
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={":committed": COMMITTED, ":held": HELD, ":now": iso(now)},
        )

    def write_tombstone(self, order_id: OrderId, now: datetime) -> bool:
        """Write a RELEASED reservation if the order has none; return False if it has one."""
        tombstone = Reservation(order_id=order_id, status=RELEASED, quantities={}, expires_at=now)
        return is_accepted(self._db.put_item, **self._new(_item(tombstone)))

    def sell(self, reservation: Reservation) -> bool:
        return self._settle(reservation, SOLD, SELL)

    def release(self, reservation: Reservation) -> bool:
        return self._settle(reservation, RELEASED, GIVE_BACK)

    def release_expired(self, reservation: Reservation, now: datetime) -> bool:
        """Release a reservation that is HELD and expired; return False otherwise.

        A commit needs an unexpired reservation, so that release and commit exclude each other.
        """
        return self._settle(reservation, RELEASED, GIVE_BACK, HELD_AND_EXPIRED, {":now": iso(now)})

    def expired(self, now: datetime, limit: int) -> list[Reservation]:
        """Return up to `limit` HELD reservations that have expired, oldest first. Eventually consistent."""
        found = [each for key in EXPIRING for each in self._expired(key, now, limit)]
        return sorted(found, key=lambda reservation: reservation.expires_at)[:limit]

    def _expired(self, key: str, now: datetime, limit: int) -> Iterator[Reservation]:
        answer = self._db.query(
            TableName=self._table,
            IndexName="by-expiry",
            KeyConditionExpression=Key("expiring").eq(key) & Key("expires_at").lte(iso(now)),
            Limit=limit,
        )
        return map(Reservation.model_validate, answer["Items"])

    def restock(self, return_id: ReturnId, quantities: dict[Sku, int]) -> bool:
        """Make sold units available again; return False if this return was restocked before. Raises UnitsNotSold."""
        once: Write = {"Put": self._new(restock_key(return_id) | {"quantities": quantities})}
        return self._moving.restock(once, quantities)

    def _settle(
        self,
        reservation: Reservation,
        status: ReservationStatus,
        move: str,
        condition: str = STILL_SO,
        values: dict[str, str] | None = None,
    ) -> bool:
        """Move the units and write the new status, if the reservation is unchanged; return False if it changed."""
        note: Write = {
            "Update": {
                "TableName": self._table,
                "Key": reservation_key(reservation.order_id),
                "UpdateExpression": "SET #status = :status REMOVE expiring",
                "ConditionExpression": condition,
                "ExpressionAttributeNames": {"#status": "status"},
                "ExpressionAttributeValues": {":status": status, ":expected": reservation.status, **(values or {})},
            }
        }
        return not transact(self._db, [note, *self._items.moves(reservation.by_shard, move)])

    def _new(self, item: "Item") -> "PutTypeDef":
        return {"TableName": self._table, "Item": item, "ConditionExpression": NEW}


def _item(reservation: Reservation) -> "Item":
    item = reservation_key(reservation.order_id) | reservation.model_dump(exclude={"allocations"})
    item["expires_at"] = iso(reservation.expires_at)
    if reservation.allocations:
        # Keys of a map are texts.
        item["allocations"] = {
            sku: {str(number): units for number, units in allocation.items()}
            for sku, allocation in reservation.allocations.items()
        }
    if reservation.status == HELD:
        item["expiring"] = EXPIRING[shard_of(reservation.order_id, len(EXPIRING))]
    return item
