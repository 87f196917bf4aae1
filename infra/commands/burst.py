"""Load burst: places many orders at once. The queues buffer them, all orders end, and the API stays responsive."""

import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from rich.console import Console

from chalicelib.platform.shop import shop
from infra.commands import deployment
from infra.commands.audit import audit
from infra.commands.client import Buyer
from infra.commands.output import styled

ORDERS = 300
AT_ONCE = 12
"""Threads: this many buyers check out at the same time."""
PATIENCE_SECONDS = 600
SKU = "PAPER-BURST"
CARD = {
    "name": "Postcard",
    "description": "Always in stock.",
    "price": {"amount": 300, "currency": shop().currency},
    "category": "paper",
    "image": "/images/products/PAPER-MAP-01.svg",
    "archived": False,
}


@dataclass(frozen=True)
class Burst:
    """`endings` counts orders by status and reason, `refused` failed calls by HTTP status.

    `idle` and `during` are latencies in seconds of one cheap API call, before and during the burst, which took
    `seconds` from the first checkout to the last ending.
    """

    endings: Counter[str]
    refused: Counter[int]
    idle: list[float]
    during: list[float]
    seconds: float

    def has_drained(self, orders: int) -> bool:
        """Return whether all orders are completed and no call failed."""
        return self.endings == {"COMPLETED": orders} and not self.refused

    @property
    def slowdown(self) -> float:
        """Return the median latency during the burst as a multiple of the idle one."""
        return statistics.median(self.during) / statistics.median(self.idle)


def burst(console: Console) -> int:
    """Return 1 if a call or an order failed, or if an invariant is violated afterwards."""
    shop = deployment.find(deployment.LOCAL)
    console.print(f"  {ORDERS} orders …")
    result = place_all(shop, ORDERS)
    for ending, count in result.endings.most_common():
        console.print(f"  {count:4} {ending}")
    for status, count in result.refused.most_common():
        console.print(styled(f"  {count:4} calls answered {status}", "red"))
    console.print(f"  all ended after {result.seconds:.0f} s, {ORDERS / result.seconds:.1f} a second")
    console.print(f"  median API latency: {result.slowdown:.1f} times that of the idle shop\n")
    return audit(console, shop) or (0 if result.has_drained(ORDERS) else 1)


def place_all(shop: deployment.Deployment, orders: int) -> Burst:
    """Hold a burst with a product of its own, which is taken off sale afterwards."""
    admin = shop.admin()
    admin.must("PUT", f"/admin/products/{SKU}", CARD)
    admin.must("POST", f"/admin/stock/{SKU}", {"delta": orders})
    try:
        return hold(shop.outputs["PublicApiUrl"], SKU, orders)
    finally:
        admin.archive(SKU)


def hold(api_url: str, sku: str, orders: int, connect: Callable[[str], Buyer] = Buyer) -> Burst:
    """Place the orders, wait until all have ended, and measure the API meanwhile."""
    crowd = [connect(api_url) for _ in range(orders)]
    refused: Counter[int] = Counter()
    for buyer in crowd:
        refused[buyer.put_in_cart(sku).status] += 1
    idle = [_look(connect(api_url), sku, refused) for _ in range(20)]
    during: list[float] = []
    is_over = threading.Event()

    def watch() -> None:
        while not is_over.wait(0.1):
            during.append(_look(connect(api_url), sku, refused))

    began = time.monotonic()
    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            replies = list(pool.map(lambda buyer: buyer.check_out(), crowd))
        refused.update(reply.status for reply in replies)
        placed = [(b, reply.body["order_id"]) for b, reply in zip(crowd, replies, strict=True) if reply.status == 202]
        ended = [buyer.ended(order_id, PATIENCE_SECONDS) for buyer, order_id in placed]
    finally:
        is_over.set()
        watcher.join()
    seconds = time.monotonic() - began
    endings = Counter(f"{order['status']} {order['reason'] or ''}".strip() for order in ended)
    return Burst(endings, Counter({s: n for s, n in refused.items() if s >= 400}), idle, during, seconds)


def _look(buyer: Buyer, sku: str, refused: Counter[int]) -> float:
    began = time.monotonic()
    refused[buyer.call("GET", f"/products/{sku}").status] += 1
    return time.monotonic() - began
