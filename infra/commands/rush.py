"""Contention test: many buyers check out at once, for fewer units than there are buyers; or for one hot product."""

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from chalicelib.platform.shop import shop
from infra.capacity.hot_product import Rush
from infra.commands import deployment
from infra.commands.audit import audit
from infra.commands.client import Buyer
from infra.commands.output import styled

BUYERS, UNITS = 200, 50
PATIENCE_SECONDS = 300
SKU = "PAPER-PRINT-50"
PRINT = {
    "name": "Numbered Print, Edition of 50",
    "description": "Fifty prints, numbered by hand.",
    "price": {"amount": 4900, "currency": shop().currency},
    "category": "paper",
    "image": "/images/products/PAPER-MAP-01.svg",
    "archived": False,
}


@dataclass(frozen=True)
class Outcome:
    """Number of orders by ending, such as `CANCELLED OUT_OF_STOCK`; `refused` ones were never placed."""

    endings: Counter[str]
    refused: Counter[str]

    def is_fair(self, buyers: int, units: int) -> bool:
        """Return whether all units are sold, and each other buyer's order failed as out of stock."""
        turned_away = self.endings["CANCELLED OUT_OF_STOCK"] + self.refused.total()
        return self.endings["COMPLETED"] == units and turned_away == buyers - units


def rush(console: Console) -> int:
    """Return 1 if a unit was sold twice or not at all, or if an invariant is violated afterwards."""
    shop = deployment.find(deployment.LOCAL)
    api_url, admin = shop.outputs["PublicApiUrl"], shop.admin()
    console.print(f"  {BUYERS} buyers, {UNITS} units …")
    began = time.monotonic()
    try:
        outcome = hold(api_url, _limited_product(admin), BUYERS)
    finally:
        admin.archive(SKU)
    for ending, count in (outcome.endings + outcome.refused).most_common():
        console.print(f"  {count:4} {ending}")
    console.print(f"  all ended after {time.monotonic() - began:.0f} s\n")
    violated = audit(console, shop)
    if not outcome.is_fair(BUYERS, UNITS):
        console.print(styled("A unit was sold twice or not at all.", "red"))
        return 1
    console.print(styled("Every unit was sold once.", "green"))
    return violated


def reserve(console: Console, reservations: int, shards: int) -> int:
    """Reserve a hot product with one counter and with shards, in virtual time, and show both.

    Return 1 if an order failed, or if a counter does not add up.
    """
    console.print(f"  {reservations:,} reservations of one product at the same moment …")
    bursts = [Rush(reservations, count).run() for count in sorted({1, shards})]
    table = Table("shards", "reserved", "failed", "seconds", "refused", "most by", box=None)
    for burst in bursts:
        key, times = next(iter(burst.refused.most_common(1)), ("", 0))
        table.add_row(
            str(burst.shards), f"{burst.reserved:,}", f"{burst.failed:,}", f"{burst.seconds:.2f}",
            f"{burst.throttled:,}", f"{key} {times:,}" if key else "–",
        )  # fmt: skip
    console.print(table)
    one, last = bursts[0], bursts[-1]
    if last.seconds and one is not last:
        console.print(f"  {last.shards} shards take {one.seconds / last.seconds:.0f} times as many a second\n")
    if not all(burst.is_conserved and not burst.failed for burst in bursts):
        console.print(styled("A counter does not add up, or an order failed.", "red"))
        return 1
    console.print(styled("Every unit is reserved once, and each counter adds up.", "green"))
    return 0


def hold(api_url: str, sku: str, buyers: int) -> Outcome:
    """Give each buyer a cart with one unit, then check out all carts at once."""
    crowd = [Buyer(api_url) for _ in range(buyers)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda buyer: buyer.put_in_cart(sku), crowd))
    gate = threading.Barrier(buyers)

    def check_out(buyer: Buyer) -> Any:
        gate.wait()
        return buyer.check_out()

    with ThreadPoolExecutor(buyers) as pool:
        replies = list(pool.map(check_out, crowd))
    refused = Counter(f"refused {reply.status}" for reply in replies if reply.status != 202)
    waiting = [(b, r.body["order_id"]) for b, r in zip(crowd, replies, strict=True) if r.status == 202]
    with ThreadPoolExecutor(8) as pool:
        ended = list(pool.map(lambda pair: pair[0].ended(pair[1], PATIENCE_SECONDS), waiting))
    endings = Counter(f"{order['status']} {order['reason'] or ''}".strip() for order in ended)
    return Outcome(endings, refused)


def _limited_product(admin: Buyer) -> str:
    """Save the product, set its stock to UNITS and return its sku."""
    admin.must("PUT", f"/admin/products/{SKU}", PRINT)
    available = admin.must("GET", f"/products/{SKU}")["available"]
    admin.must("POST", f"/admin/stock/{SKU}", {"delta": UNITS - available})
    return SKU
