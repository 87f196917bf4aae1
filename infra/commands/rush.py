"""`make rush`: a crowd checks out at the same moment, and there are not enough pieces for all."""

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from rich.console import Console

from infra.audit import Auditor
from infra.commands.audit import of_local, show
from infra.commands.client import Buyer
from infra.local import run, shop

BUYERS, PIECES = 200, 50
PATIENCE_SECONDS = 300
SKU = "PAPER-PRINT-50"
PRINT = {
    "name": "Numbered Print, Edition of 50",
    "description": "Everybody wants one, and there are not enough.",
    "price": {"amount": 4900, "currency": "EUR"},
    "category": "paper",
    "image": "/images/products/PAPER-MAP-01.svg",
}


@dataclass(frozen=True)
class Outcome:
    """How many orders ended in which way, such as `CANCELLED OUT_OF_STOCK`; `refused` ones were never placed."""

    endings: Counter[str]
    refused: Counter[str]

    def is_fair(self, buyers: int, pieces: int) -> bool:
        """All pieces are sold, and whoever got none was told that there are none."""
        turned_away = self.endings["CANCELLED OUT_OF_STOCK"] + self.refused.total()
        return self.endings["COMPLETED"] == pieces and turned_away == buyers - pieces


def rush(console: Console) -> int:
    """Returns 1 if a piece was sold twice or not at all, or if the books do not agree afterwards."""
    outputs = run.outputs()
    session = run.place().session
    admin = Buyer(outputs["api_url"], token=shop.sign_in(session, outputs["stack"], shop.ADMIN))
    console.print(f"  {BUYERS} buyers, {PIECES} pieces …")
    began = time.monotonic()
    outcome = hold(outputs["api_url"], _last_pieces(admin), BUYERS)
    for what, count in (outcome.endings + outcome.refused).most_common():
        console.print(f"  {count:4} {what}")
    console.print(f"  all have ended after {time.monotonic() - began:.0f} s\n")
    verdicts = Auditor(of_local(session, outputs)).verdicts()
    show(console, verdicts)
    is_fair = outcome.is_fair(BUYERS, PIECES)
    console.print("[green]Every piece was sold once.[/green]" if is_fair else "[red]This was not fair.[/red]")
    return 0 if is_fair and not any(verdict.violations for verdict in verdicts) else 1


def hold(api_url: str, sku: str, buyers: int) -> Outcome:
    """Everybody puts one into a cart, and then all check out at once."""
    crowd = [Buyer(api_url) for _ in range(buyers)]
    with ThreadPoolExecutor(8) as some:
        list(some.map(lambda buyer: buyer.put_in_cart(sku), crowd))
    gate = threading.Barrier(buyers)

    def check_out(buyer: Buyer) -> Any:
        gate.wait()
        return buyer.check_out()

    with ThreadPoolExecutor(buyers) as all_at_once:
        replies = list(all_at_once.map(check_out, crowd))
    refused = Counter(f"refused {reply.status}" for reply in replies if reply.status != 202)
    waiting = [(b, r.body["order_id"]) for b, r in zip(crowd, replies, strict=True) if r.status == 202]
    with ThreadPoolExecutor(8) as some:
        ended = list(some.map(lambda pair: pair[0].ended(pair[1], PATIENCE_SECONDS), waiting))
    endings = Counter(f"{order['status']} {order['reason'] or ''}".strip() for order in ended)
    return Outcome(endings, refused)


def _last_pieces(admin: Buyer) -> str:
    """The product that everybody wants, with exactly so many pieces available."""
    admin.must("PUT", f"/admin/products/{SKU}", PRINT)
    available = admin.must("GET", f"/products/{SKU}")["available"]
    admin.must("POST", f"/admin/stock/{SKU}", {"delta": PIECES - available})
    return SKU
