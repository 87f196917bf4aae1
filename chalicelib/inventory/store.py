"""The inventory table: a counter item per sku, a reservation item per order.

| item        | pk                    |
|-------------|-----------------------|
| stock       | `STOCK#{sku}`         |
| reservation | `RESERVATION#{order}` |
| restocking  | `RESTOCK#{return}`    |
| receipt     | `RECEIPT#{receipt}`   |
| movement    | `MOVEMENT#{id}`       |

A reservation that may expire has the attribute `expiring`; index `by-expiry` lists those by `expires_at`. An adjustment
(movement or receipt) has the attribute `moved`, the SKU; index `by-movement` lists those by `at`. The id of an
adjustment that was requested with an Idempotency-Key is made from the key; the item keeps request and answer.

Each change is one transaction over the reservation and all its counters: all lines or none. A release before any
reservation writes a tombstone (a RELEASED reservation), so that a late reservation step is refused.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from boto3.dynamodb.conditions import Key

from chalicelib.inventory.model import Booked, OutOfStock, Reservation, ReservationStatus, Stock, StockAdjustment
from chalicelib.platform.clock import iso
from chalicelib.platform.cursors import decoded, encoded
from chalicelib.platform.dynamo import Read, Write, is_accepted, patiently, read_together, transact
from chalicelib.platform.ids import OrderId, ReturnId, Sku

if TYPE_CHECKING:
    from types_boto3_dynamodb.type_defs import PutTypeDef, UpdateTypeDef

    from chalicelib.platform.dynamodb_client import DynamoDB, Item, Query

HELD, COMMITTED = ReservationStatus.HELD, ReservationStatus.COMMITTED
SOLD, RELEASED = ReservationStatus.SOLD, ReservationStatus.RELEASED

EXPIRING = "yes"
NEW = "attribute_not_exists(pk)"
STILL_SO = "#status = :expected"
HELD_AND_CURRENT = "#status = :held AND expires_at > :now"
HELD_AND_EXPIRED = "#status = :expected AND expires_at <= :now"
ENOUGH = "available >= :quantity"
AS_READ = "received = :received AND sold = :sold"
"""Implies that the units on hand are unchanged too, because a reservation does not change them."""

TAKE = "SET available = available - :quantity, reserved = reserved + :quantity"
GIVE_BACK = "SET available = available + :quantity, reserved = reserved - :quantity"
SELL = "SET reserved = reserved - :quantity, sold = sold + :quantity"
RESTOCK = "SET sold = sold - :quantity, available = available + :quantity"
RECEIVE = (
    "SET available = if_not_exists(available, :zero) + :delta, received = if_not_exists(received, :zero) + :delta, "
    "reserved = if_not_exists(reserved, :zero), sold = if_not_exists(sold, :zero), sku = :sku"
)


def stock_key(sku: Sku) -> dict[str, str]:
    return {"pk": f"STOCK#{sku}"}


def restock_key(return_id: ReturnId) -> dict[str, str]:
    return {"pk": f"RESTOCK#{return_id}"}


def receipt_key(receipt_id: str) -> dict[str, str]:
    return {"pk": f"RECEIPT#{receipt_id}"}


def movement_key(movement_id: str) -> dict[str, str]:
    return {"pk": f"MOVEMENT#{movement_id}"}


def reservation_key(order_id: OrderId) -> dict[str, str]:
    return {"pk": f"RESERVATION#{order_id}"}


def _stocks(items: "list[Item]") -> dict[Sku, Stock]:
    return {item["sku"]: Stock.model_validate(item) for item in items}


def _receipts(items: "list[Item]") -> set[str]:
    return {item["pk"].removeprefix("RECEIPT#") for item in items}


class InventoryStore:
    def __init__(self, dynamodb: "DynamoDB", table: str) -> None:
        self._db = dynamodb
        self._table = table

    def stocks(self, skus: list[Sku], consistent: bool = False) -> dict[Sku, Stock]:
        """Return the stock of the SKUs that have any, by SKU. Eventually consistent by default."""
        return read_together(self._db, self.reading(skus, consistent))[0]

    def reading(self, skus: list[Sku], consistent: bool = False) -> Read[dict[Sku, Stock]]:
        """Return the read of what `stocks` returns."""
        return Read(self._table, [stock_key(sku) for sku in dict.fromkeys(skus)], _stocks, consistent)

    def stock(self, sku: Sku) -> Stock | None:
        """Return the stock of a SKU, read consistently; None if it has none."""
        answer = self._db.get_item(TableName=self._table, Key=stock_key(sku), ConsistentRead=True)
        return Stock.model_validate(answer["Item"]) if "Item" in answer else None

    def adjust(
        self,
        entry: dict[str, str],
        sku: Sku,
        movement: StockAdjustment,
        seen: Stock | None = None,
        fingerprint: str | None = None,
    ) -> Booked:
        """Change the available units and write the adjustment under this key, in one transaction.

        With `seen`, only if `received` and `sold` are still as in `seen`. Never below zero.
        """
        conditions: list[str] = []
        values: dict[str, int | str] = {":delta": movement.delta, ":zero": 0, ":sku": sku}
        if movement.delta < 0:
            conditions.append(ENOUGH)
            values[":quantity"] = -movement.delta
        if seen and seen.received == seen.sold == seen.on_hand == 0:
            conditions.append(f"({NEW} OR ({AS_READ}))")
        elif seen:
            conditions.append(AS_READ)
        if seen:
            values |= {":received": seen.received, ":sold": seen.sold}
        change = self._update(stock_key(sku), RECEIVE, values, " AND ".join(conditions))
        item = entry | ({"fingerprint": fingerprint} if fingerprint else {}) | movement.model_dump(exclude_none=True)
        # An adjustment by zero units is not listed, but its key is used.
        item |= {"moved": sku} if movement.delta else {}
        lost = transact(self._db, [change, {"Put": self._new(item)}])
        if 1 in lost:
            return Booked.REPEATED
        return Booked.REFUSED if lost else Booked.WRITTEN

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
        """Reserve all lines or none; return False if this order has a reservation already. Raises OutOfStock."""
        new = Reservation(order_id=order_id, status=HELD, quantities=quantities, expires_at=expires_at)
        lost = transact(self._db, [{"Put": self._new(_item(new))}, *self._moves(quantities, TAKE, ENOUGH)])
        if 0 in lost:
            return False
        if lost:
            skus = list(quantities)
            raise OutOfStock(", ".join(skus[position - 1] for position in lost))
        return True

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
        answer = self._db.query(
            TableName=self._table,
            IndexName="by-expiry",
            KeyConditionExpression=Key("expiring").eq(EXPIRING) & Key("expires_at").lte(iso(now)),
            Limit=limit,
        )
        return [Reservation.model_validate(item) for item in answer["Items"]]

    def restock(self, return_id: ReturnId, quantities: dict[Sku, int]) -> bool:
        """Make sold units available again; return False if this return was restocked before."""
        once = self._new(restock_key(return_id) | {"quantities": quantities})
        return not transact(self._db, [{"Put": once}, *self._moves(quantities, RESTOCK)])

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
        return not transact(self._db, [note, *self._moves(reservation.quantities, move)])

    def _update(
        self, key: dict[str, str], expression: str, values: Mapping[str, int | str], condition: str | None
    ) -> Write:
        update: UpdateTypeDef = {
            "TableName": self._table,
            "Key": key,
            "UpdateExpression": expression,
            "ExpressionAttributeValues": values,
        }
        return {"Update": {**update, "ConditionExpression": condition} if condition else update}

    def _new(self, item: "Item") -> "PutTypeDef":
        return {"TableName": self._table, "Item": item, "ConditionExpression": NEW}

    def _moves(self, quantities: dict[Sku, int], move: str, condition: str | None = None) -> list[Write]:
        return [
            self._update(stock_key(sku), move, {":quantity": quantity}, condition)
            for sku, quantity in quantities.items()
        ]


def _item(reservation: Reservation) -> "Item":
    item = reservation_key(reservation.order_id) | reservation.model_dump()
    item["expires_at"] = iso(reservation.expires_at)
    return item | {"expiring": EXPIRING} if reservation.status == HELD else item
