"""The orders table: orders, their events (the outbox) and the checkouts' idempotency records.

| item        | pk                     | sk              |
|-------------|------------------------|-----------------|
| order       | `ORDER#{id}`           | `ORDER`         |
| event       | `ORDER#{id}`           | `EVENT#{n:06}`  |
| action      | `ORDER#{id}`           | `ACTION#{k}`    |
| idempotency | `CHECKOUT#{scope}#{k}` | `CHECKOUT`      |
| rules       | `RULES`                | `SEARCH_KEYS`   |

Order and event are written in one transaction, a new order also with its idempotency record and the cart that it
takes, which is another room's. An operator's action is written in the transaction that does it. The last item says by
which rules the search keys of all orders were made: see `reindexing.py`.

Index `by-customer` lists a customer's orders, `by-email` those of an address and `by-status` the shop's, newest first
by `placed_at`. Index `by-guest-email` holds orders that no customer owns. Index `unsettled` lists those with which
something is under way, oldest first: they carry `unsettled`. `by-number` and `by-name`: see `finding.py`. All hold keys
and what never changes, so that a change of an order is written to an index only if it changes a key; the orders of a
page are read in one more request.
"""

import base64
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from boto3.dynamodb.conditions import Key

from chalicelib.events.outbox import OutboxEvent, outbox_event, outbox_item
from chalicelib.orders.buyer_names import name_group, name_key
from chalicelib.orders.model import Order, OrderChanged
from chalicelib.orders.numbers import number_of
from chalicelib.platform import strict_json
from chalicelib.platform.dynamo import Found, Read, Write, is_accepted, read_together, transact
from chalicelib.platform.errors import CursorInvalid
from chalicelib.platform.ids import CustomerId, OrderId

if TYPE_CHECKING:
    from boto3.dynamodb.conditions import ConditionBase
    from types_boto3_dynamodb.type_defs import PutTypeDef

    from chalicelib.platform.dynamodb_client import DynamoDB, Item, Query

NEW = "attribute_not_exists(pk)"
NEW_OR_EXPIRED = f"{NEW} OR expires_at <= :now"
UNCHANGED = "version = :version"
UNSETTLED = "yes"
INDEX_KEYS = {
    "by-customer": "customer_id",
    "by-status": "status",
    "by-guest-email": "guest_email",
    "by-email": "buyer_email",
}


@dataclass(frozen=True)
class Span:
    """A span of `placed_at`, both ends included. An end may be the beginning of a time, such as a date."""

    since: str = "0000"
    until: str = "9999"


EVER = Span()


@dataclass(frozen=True)
class CheckoutRecord:
    """The idempotency record of a checkout: the order that it made, and the fingerprint of what was asked.

    It is no more from `expires_at` on, in Unix seconds, however late DynamoDB deletes it.
    """

    scope: str
    fingerprint: str
    order_id: OrderId
    expires_at: int


class _Listed(NamedTuple):
    """Key of an order in an index."""

    placed_at: str
    order_id: OrderId


def order_key(order_id: OrderId) -> dict[str, str]:
    return {"pk": f"ORDER#{order_id}", "sk": "ORDER"}


def event_key(order: Order) -> dict[str, str]:
    return {"pk": f"ORDER#{order.id}", "sk": f"EVENT#{order.version:06}"}


def action_key(order_id: OrderId, action_id: str) -> dict[str, str]:
    return {"pk": f"ORDER#{order_id}", "sk": f"ACTION#{action_id}"}


def checkout_key(scope: str) -> dict[str, str]:
    return {"pk": f"CHECKOUT#{scope}", "sk": "CHECKOUT"}


class OrderStore:
    def __init__(self, dynamodb: "DynamoDB", table: str) -> None:
        self._db = dynamodb
        self._table = table

    def get(self, order_id: OrderId) -> Order | None:
        item = self._item(order_key(order_id))
        return Order.model_validate(item) if item else None

    def reading(self, order_id: OrderId, parsed: Callable[[Order | None], Found]) -> Read[Found]:
        """Return the read of what `parsed` makes of the order, or of None."""
        return Read(self._table, [order_key(order_id)], lambda items: parsed(_first(items)))

    def checkout(self, scope: str, now: datetime) -> CheckoutRecord | None:
        item = self._item(checkout_key(scope))
        if item is None or int(item["expires_at"]) <= int(now.timestamp()):
            return None
        return CheckoutRecord(scope, item["fingerprint"], item["order_id"], int(item["expires_at"]))

    def place(self, order: Order, record: CheckoutRecord, now: datetime, *others: Write) -> bool:
        """Write order, event, idempotency record and the writes of `others`, or nothing.

        Returns False if another checkout was faster with one of them. Where the answer gets lost, botocore repeats the
        call with the same ClientRequestToken and is answered the same. Raises TableBusy.
        """
        remembered = {name: value for name, value in asdict(record).items() if name != "scope"}
        writes = [
            self._put(checkout_key(record.scope) | remembered, NEW_OR_EXPIRED, {":now": int(now.timestamp())}),
            self._put(_order_item(order), NEW),
            self._put(_event_item(order), NEW),
            *others,
        ]
        return not transact(self._db, writes)

    def save(self, order: Order) -> None:
        """The order in its next version, with its event. Raises OrderChanged, TableBusy."""
        put = self._put(_order_item(order), UNCHANGED, {":version": order.version - 1})
        if transact(self._db, [put, self._put(_event_item(order), NEW)]):
            raise OrderChanged(order.id)

    def act(self, order_id: OrderId, action: dict[str, Any], changed: Order | None) -> bool:
        """Write an operator's action and the order that it changed, with its event, or nothing.

        Returns False if the action was written before, or the order was changed since it was read. Raises TableBusy.
        """
        noted = self._put(action_key(order_id, action["id"]) | action, NEW)
        if changed is None:
            return is_accepted(self._db.put_item, **noted["Put"])
        put = self._put(_order_item(changed), UNCHANGED, {":version": changed.version - 1})
        return not transact(self._db, [noted, put, self._put(_event_item(changed), NEW)])

    def action(self, order_id: OrderId, action_id: str) -> "Item | None":
        return self._item(action_key(order_id, action_id))

    def actions(self, order_id: OrderId) -> "list[Item]":
        return list(self._items(order_id, "ACTION#"))

    def events(self, order_id: OrderId) -> list[OutboxEvent]:
        """Of one order, in their order."""
        return [outbox_event(item) for item in self._items(order_id, "EVENT#")]

    def page(
        self, index: str, value: str, cursor: str | None, size: int, span: Span = EVER
    ) -> tuple[list[Order], str | None]:
        """Return orders under a key of an index, newest first. Raises CursorInvalid."""
        query: Query = {
            "TableName": self._table,
            "IndexName": index,
            "KeyConditionExpression": Key(INDEX_KEYS[index]).eq(value) & _within(span),
            "ScanIndexForward": False,
            "Limit": size,
        }
        if cursor:
            query["ExclusiveStartKey"] = _decoded(cursor, index, value, span)
        answer = self._db.query(**query)
        last = answer.get("LastEvaluatedKey")
        return self._indexed(answer["Items"], INDEX_KEYS[index], value), _encoded(last) if last else None

    def has_of_customer(self, customer_id: CustomerId, span: Span) -> bool:
        """Return whether the customer placed an order in this span. Eventually consistent."""
        answer = self._db.query(
            TableName=self._table,
            IndexName="by-customer",
            KeyConditionExpression=Key("customer_id").eq(customer_id) & _within(span),
            Limit=1,
        )
        return bool(answer["Items"])

    def unsettled(self) -> Iterator[Order]:
        """Orders with which something is under way, oldest first. Eventually consistent."""
        pages = self._db.get_paginator("query").paginate(
            TableName=self._table, IndexName="unsettled", KeyConditionExpression=Key("unsettled").eq(UNSETTLED)
        )
        return (order for page in pages for order in self._indexed(page["Items"], "unsettled", UNSETTLED))

    def latest(
        self, statuses: Iterable[str], cursor: str | None, size: int, span: Span = EVER
    ) -> tuple[list[Order], str | None]:
        """Of all these statuses together, newest first. Raises CursorInvalid.

        An order may change its status between two pages, but never the time at which it was placed: so the
        cursor is a time, and the orders of that time that were returned already.
        """
        until, listed = _decoded_time(cursor, span) if cursor else (None, [])
        rest = replace(span, until=until or span.until)
        found = {key for status in statuses for key in self._first(status, rest, size + len(listed) + 1)}
        fresh = sorted((key for key in found if key.order_id not in listed), reverse=True)
        page = fresh[:size]
        by_key = self._get_many([order_key(key.order_id) for key in page])
        orders = [Order.model_validate(by_key[order_key(key.order_id)["pk"]]) for key in page]
        return orders, _encoded_time(page, until, listed) if len(fresh) > size else None

    def _first(self, status: str, span: Span, size: int) -> "Iterator[_Listed]":
        answer = self._db.query(
            TableName=self._table,
            IndexName="by-status",
            KeyConditionExpression=Key(INDEX_KEYS["by-status"]).eq(status) & _within(span),
            ScanIndexForward=False,
            Limit=size,
        )
        return (_Listed(item["placed_at"], OrderId(item["pk"].removeprefix("ORDER#"))) for item in answer["Items"])

    def _indexed(self, keys: "list[Item]", attribute: str, value: str) -> list[Order]:
        """Return the orders of an index's items, in their order, without those that the index is late to drop."""
        by_key = self._get_many([{"pk": key["pk"], "sk": key["sk"]} for key in keys])
        current = (by_key[key["pk"]] for key in keys if key["pk"] in by_key)
        return [Order.model_validate(item) for item in current if item.get(attribute) == value]

    def _get_many(self, keys: list[dict[str, str]]) -> "dict[str, Item]":
        """Return the orders that exist, by `pk`."""
        return read_together(self._db, Read(self._table, keys, lambda items: {item["pk"]: item for item in items}))[0]

    def _items(self, order_id: OrderId, prefix: str) -> "Iterator[Item]":
        of_order = Key("pk").eq(order_key(order_id)["pk"]) & Key("sk").begins_with(prefix)
        pages = self._db.get_paginator("query").paginate(
            TableName=self._table, KeyConditionExpression=of_order, ConsistentRead=True
        )
        return (item for page in pages for item in page["Items"])

    def _item(self, key: dict[str, str]) -> "Item | None":
        return self._db.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item")

    def _put(self, item: "Item", condition: str, values: dict[str, int] | None = None) -> Write:
        put: PutTypeDef = {"TableName": self._table, "Item": item, "ConditionExpression": condition}
        return {"Put": {**put, "ExpressionAttributeValues": values} if values else put}


def _first(items: "list[Item]") -> Order | None:
    return Order.model_validate(items[0]) if items else None


def guest_email(email: str) -> str:
    """Return the key under which orders are found by their buyer's address."""
    return email.casefold()


def search_keys(order: Order) -> dict[str, str]:
    """Return the attributes under which operators find an order: number, email, and name if it has words."""
    keys = {"number": number_of(order.id), "buyer_email": guest_email(order.email)}
    name = name_key(order.shipping_address.name)
    return keys | {"buyer_name": name, "name_group": name_group(name)} if name else keys


def _order_item(order: Order) -> "Item":
    """Without what is None, as an index key must be absent rather than null, and without what says nothing, as an order
    above 1 KB costs twice as much at each change: empty lists, and the client, which limits emails until it is paid.
    """
    unused = {"client"} if order.is_paid_for else None
    known = order.model_dump(mode="json", exclude_none=True, exclude=unused)
    item = order_key(order.id) | {name: value for name, value in known.items() if value != []}
    item |= {"placed_at": order.placed_at}
    if order.erased_at:
        return item | {"number": number_of(order.id)}
    item |= search_keys(order)
    item = item if order.is_settled else item | {"unsettled": UNSETTLED}
    return item if order.customer_id else item | {"guest_email": guest_email(order.email)}


def _event_item(order: Order) -> "Item":
    if order.pending_event is None:
        raise ValueError("an order is saved only with the event of its change")
    return outbox_item(event_key(order), order.pending_event)


def _within(span: Span) -> "ConditionBase":
    return Key("placed_at").between(span.since, span.until)


def _encoded_time(page: list[_Listed], until: str | None, listed: list[str]) -> str:
    last = page[-1].placed_at
    earlier = listed if last == until else []
    seen = earlier + [key.order_id for key in page if key.placed_at == last]
    return base64.urlsafe_b64encode(json.dumps([last, seen]).encode()).decode()


def _decoded_time(cursor: str, span: Span) -> tuple[str, list[str]]:
    try:
        until, listed = strict_json.parse(base64.urlsafe_b64decode(cursor.encode("ascii")))
    except (ValueError, TypeError):
        raise CursorInvalid from None
    is_list_of_ids = isinstance(listed, list) and all(isinstance(each, str) for each in listed)
    if not (isinstance(until, str) and span.since <= until <= span.until and is_list_of_ids):
        raise CursorInvalid
    return until, listed


def _encoded(key: "Item") -> str:
    return base64.urlsafe_b64encode(json.dumps([key["pk"], key["placed_at"]]).encode()).decode()


def _decoded(cursor: str, index: str, value: str, span: Span) -> dict[str, str]:
    """The cursor holds only the place; whose list it is comes from the request, never from the cursor.

    DynamoDB refuses a start outside of the condition with a ValidationException.
    """
    try:
        pk, placed_at = strict_json.parse(base64.urlsafe_b64decode(cursor.encode("ascii")))
    except (ValueError, TypeError):
        raise CursorInvalid from None
    is_order = isinstance(pk, str) and pk.startswith("ORDER#")
    if not (is_order and isinstance(placed_at, str) and span.since <= placed_at <= span.until):
        raise CursorInvalid
    return {"pk": pk, "sk": "ORDER", "placed_at": placed_at, INDEX_KEYS[index]: value}
