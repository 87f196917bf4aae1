"""`make burst`: many orders at the same moment. The queues hold what the functions cannot do at once, so everything
drains, and the API stays usable meanwhile.
"""

import statistics
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from rich.console import Console

from infra.audit import Auditor
from infra.commands.audit import of_local, show
from infra.commands.client import Buyer
from infra.local import run, shop

ORDERS = 300
AT_ONCE = 12
"""Threads: so many buyers check out at the same moment."""
PATIENCE_SECONDS = 600
SKU = "PAPER-BURST"
CARD = {
    "name": "Postcard",
    "description": "There are always enough.",
    "price": {"amount": 300, "currency": "EUR"},
    "category": "paper",
    "image": "/images/products/PAPER-MAP-01.svg",
}


@dataclass(frozen=True)
class Burst:
    """`endings` counts orders by status and reason, `refused` the calls that were no success, by their status.
    Latencies are seconds of one cheap call of the API, before and during the burst."""

    endings: Counter[str]
    refused: Counter[int]
    idle: list[float]
    during: list[float]

    def has_drained(self, orders: int) -> bool:
        """All are completed, and no call was refused on the way."""
        return self.endings == {"COMPLETED": orders} and not self.refused

    @property
    def slowdown(self) -> float:
        """How many times as long the median call took."""
        return statistics.median(self.during) / statistics.median(self.idle)


def burst(console: Console) -> int:
    """Returns 1 if a call was refused or an order failed, or if the books do not agree afterwards."""
    outputs = run.outputs()
    session = run.place().session
    admin = Buyer(outputs["api_url"], token=shop.sign_in(session, outputs["stack"], shop.ADMIN))
    admin.must("PUT", f"/admin/products/{SKU}", CARD)
    admin.must("POST", f"/admin/stock/{SKU}", {"delta": ORDERS})
    console.print(f"  {ORDERS} orders …")
    began = time.monotonic()
    result = hold(outputs["api_url"], SKU, ORDERS)
    for what, count in result.endings.most_common():
        console.print(f"  {count:4} {what}")
    for status, count in result.refused.most_common():
        console.print(f"  [red]{count:4} calls answered {status}[/red]")
    console.print(f"  all have ended after {time.monotonic() - began:.0f} s")
    console.print(f"  the median call of the API took {result.slowdown:.1f} times as long as before the burst\n")
    verdicts = Auditor(of_local(session, outputs)).verdicts()
    show(console, verdicts)
    return 0 if result.has_drained(ORDERS) and not any(verdict.violations for verdict in verdicts) else 1


def hold(api_url: str, sku: str, orders: int) -> Burst:
    crowd = [Buyer(api_url) for _ in range(orders)]
    refused: Counter[int] = Counter()
    for buyer in crowd:
        refused[buyer.put_in_cart(sku).status] += 1
    idle = [_look(api_url, sku, refused) for _ in range(20)]
    during: list[float] = []
    is_over = threading.Event()

    def look_on() -> None:
        while not is_over.wait(0.1):
            during.append(_look(api_url, sku, refused))

    onlooker = threading.Thread(target=look_on)
    onlooker.start()
    try:
        with ThreadPoolExecutor(AT_ONCE) as some:
            replies = list(some.map(Buyer.check_out, crowd))
        refused.update(reply.status for reply in replies)
        placed = [(b, reply.body["order_id"]) for b, reply in zip(crowd, replies, strict=True) if reply.status == 202]
        ended = [buyer.ended(order_id, PATIENCE_SECONDS) for buyer, order_id in placed]
    finally:
        is_over.set()
        onlooker.join()
    endings = Counter(f"{order['status']} {order['reason'] or ''}".strip() for order in ended)
    return Burst(endings, Counter({s: n for s, n in refused.items() if s >= 400}), idle, during)


def _look(api_url: str, sku: str, refused: Counter[int]) -> float:
    began = time.monotonic()
    refused[Buyer(api_url).call("GET", f"/products/{sku}").status] += 1
    return time.monotonic() - began
