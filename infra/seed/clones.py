"""Cloned orders and sample products: fill a shop, to measure what its operations cost when much is stored.

A clone is a copy of an order's item under a new id. What the shop derives from an order is derived by its own code. The
order's events are not copied, nor what other rooms keep of it.
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from chalicelib.catalog.model import ProductDetails
from chalicelib.catalog.service import Catalog
from chalicelib.orders.keys import guest_order_token, token_hash
from chalicelib.orders.model import Order
from chalicelib.orders.store import guest_email, order_key, search_keys
from chalicelib.platform.clock import iso
from chalicelib.platform.dynamo import BATCH_WRITE_LIMIT
from chalicelib.platform.ids import OrderId
from chalicelib.platform.money import Money
from chalicelib.platform.shop import shop

if TYPE_CHECKING:
    from chalicelib.platform.dynamodb_client import DynamoDB, Item

YEAR = timedelta(days=365)
STEP = timedelta(seconds=104_729)
"""Between one clone's age and the next one's, within a year. A prime number: no two have the same age."""
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
SAME_BUYER = 4
"""Clones in a row that have the same email address and name."""
COMMON_NAME, COMMON_EVERY = "Berg", 25
FIRST_NAMES = ("Ada", "Bo", "Cleo", "Dag", "Elin", "Finn", "Greta")
SYLLABLES = ("ba", "de", "fi", "go", "ha", "je", "ki", "lo", "mu", "na", "pe", "ri", "so", "tu", "va", "we", "xi", "zo")
"""All of one length, so that no last name is the beginning of another one."""
RETURN_ID = re.compile(r"ret_[0-9a-f]+")
WORKERS = 4


def clone_id(number: int) -> OrderId:
    return OrderId(f"ord_{_digest(f'clone {number}')}")


def buyer_of(number: int) -> tuple[str, str]:
    """Return email address and name of a clone's buyer."""
    group = number // SAME_BUYER
    first = FIRST_NAMES[group % len(FIRST_NAMES)]
    last = COMMON_NAME if number % COMMON_EVERY == 0 else _last_name(group)
    return f"buyer{group}@sagasupply.example", f"{first} {last}"


def cloned(item: "Item", number: int) -> "Item":
    """Return the item of an order as that of clone `number`, which another buyer placed up to a year earlier."""
    old, new = OrderId(item["id"]), clone_id(number)
    age = number * STEP % YEAR

    def changed(text: str) -> str:
        if TIME.fullmatch(text):
            return iso(datetime.fromisoformat(text) - age)
        return RETURN_ID.sub(lambda found: f"ret_{_digest(found[0] + new)}", text.replace(old, new))

    copy = _each_text(item, changed)
    copy["email"], copy["shipping_address"]["name"] = buyer_of(number)
    if "token_hash" in copy:
        copy["token_hash"] = token_hash(guest_order_token(f"clone {number}", new))
    order = Order.model_validate(copy)
    derived = order_key(new) | search_keys(order) | {"placed_at": order.placed_at}
    return copy | derived | ({} if order.customer_id else {"guest_email": guest_email(order.email)})


def put_all(dynamodb: "DynamoDB", table: str, items: Iterator["Item"], done: Callable[[int], None]) -> None:
    """Write the items. `done` is called with the number of items of each batch."""

    def put(batch: Sequence["Item"]) -> int:
        requests: Any = {table: [{"PutRequest": {"Item": each}} for each in batch]}
        while requests:
            requests = dynamodb.batch_write_item(RequestItems=requests)["UnprocessedItems"]
        return len(batch)

    with ThreadPoolExecutor(WORKERS) as pool:
        for count in pool.map(put, _batches(items)):
            done(count)


def add_products(catalog: Catalog, numbers: Sequence[int], done: Callable[[int], None]) -> None:
    """Save sample products: half of them are lanterns, and a third of those are blue."""

    def save(number: int) -> int:
        catalog.save(*_sample(number))
        return 1

    with ThreadPoolExecutor(WORKERS) as pool:
        for count in pool.map(save, numbers):
            done(count)


def _sample(number: int) -> Any:
    kind, colour = ("Lantern", "Compass")[number % 2], ("Blue", "Green", "Amber")[number // 2 % 3]
    details = ProductDetails(
        name=f"{colour} {kind} {number:05}",
        description="A sample product.",
        price=Money(amount=1000 + number, currency=shop().currency),
        category="camp",
        image="/images/products/CAMP-KETTLE-01.svg",
    )
    return f"SAMPLE-{number:05}", details


def _batches(items: Iterator["Item"]) -> Iterator[list["Item"]]:
    batch: list[Item] = []
    for item in items:
        batch.append(item)
        if len(batch) == BATCH_WRITE_LIMIT:
            yield batch
            batch = []
    if batch:
        yield batch


def _last_name(group: int) -> str:
    name = ""
    for _ in range(3):
        group, place = divmod(group, len(SYLLABLES))
        name += SYLLABLES[place]
    return name.capitalize()


def _each_text(value: Any, changed: Callable[[str], str]) -> Any:
    """Return a copy of stored data with each text in it changed."""
    if isinstance(value, str):
        return changed(value)
    if isinstance(value, dict):
        return {name: _each_text(each, changed) for name, each in value.items()}
    if isinstance(value, list):
        return [_each_text(each, changed) for each in value]
    return value


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:24]
