"""The invoice as a document: a pure function of an order."""

from html import escape

from chalicelib.insights.pages import money, page, table
from chalicelib.orders.model import Order, Status
from chalicelib.platform.shop import shop


def invoice(order: Order) -> str:
    """Dated on the day of the completion, in UTC. Prices are those of the checkout."""
    completed = next(moment.at for moment in order.history if moment.status == Status.COMPLETED)
    currency = order.total.currency
    rows = [
        [line.name, str(line.quantity), money(line.unit_price.amount, currency), money(line.total.amount, currency)]
        for line in order.lines
    ]
    return page(
        f"Invoice {order.id} – {shop().name}",
        f"<h1>Invoice</h1>\n"
        f'<p class="quiet">{escape(shop().name)} · Order {escape(order.id)} · {completed[:10]}</p>\n'
        f"<h2>To</h2>\n{_address(order)}\n"
        + table(
            ["Product", "Pieces", f"Each, {currency}", f"Amount, {currency}"],
            rows,
            ["Total", "", "", f"{money(order.total.amount, currency)} {currency}"],
        )
        + '\n<p class="quiet">Paid by card. Thank you for buying from us.</p>',
    )


def _address(order: Order) -> str:
    to = order.shipping_address
    lines = [to.name, to.line1, to.line2, f"{to.postal_code} {to.city}", to.country]
    return "\n".join(f"<p>{escape(line)}</p>" for line in lines if line)
