"""Order tally: counts orders by ending, and orders placed and ended by second."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from infra.audit.books import ENDED, Books, Item, is_settled

PACE_SECONDS = 120
"""Length of the pace, up to the moment of the audit."""


def tally(books: Books, since: datetime | None) -> dict[str, Any]:
    """Count the orders that were placed since this moment, or all."""
    orders = [order for order in books.orders.values() if since is None or _moment(order["history"][0]) >= since]
    return {
        "placed": len(orders),
        "under_way": sum(not is_settled(order) for order in orders),
        "endings": Counter(_ending(order) for order in orders if is_settled(order)),
        "pace": _pace(books, orders),
    }


def _ending(order: Item) -> str:
    """Return `COMPLETED`, `CANCELLED OUT_OF_STOCK`, …."""
    return f"{order['status']} {order.get('reason') or ''}".strip()


def _pace(books: Books, orders: list[Item]) -> list[dict[str, Any]]:
    """Return the seconds in which an order was placed or ended, oldest first."""
    placed = Counter(_second(order["history"][0]) for order in orders)
    ends = (next((moment for moment in order["history"] if moment["status"] in ENDED), None) for order in orders)
    ended = Counter(_second(end) for end in ends if end)
    first = books.read_at - timedelta(seconds=PACE_SECONDS)
    seconds = sorted(second for second in placed | ended if second >= first.replace(microsecond=0))
    return [{"second": each.isoformat(), "placed": placed[each], "ended": ended[each]} for each in seconds]


def _second(moment: Item) -> datetime:
    return _moment(moment).replace(microsecond=0)


def _moment(moment: Item) -> datetime:
    return datetime.fromisoformat(moment["at"])
