"""The emails as texts: pure functions of an order."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from html import escape

from chalicelib.orders.model import Order, Reason
from chalicelib.platform.shop import shop


class Occasion(StrEnum):
    CONFIRMED = "confirmed"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    REFUNDED = "refunded"
    LINK = "link"


SUBJECT = {
    Occasion.CONFIRMED: "We have your order",
    Occasion.COMPLETED: "Your order is on its way",
    Occasion.CANCELLED: "Your order was cancelled",
    Occasion.REFUNDED: "Your money is on its way back",
    Occasion.LINK: "The link to your order",
}

OPENING = {
    Occasion.CONFIRMED: "Thank you. The items are set aside, and your card is charged when they leave us.",
    Occasion.COMPLETED: "The warehouse has sent it off, and your card was charged.",
    Occasion.CANCELLED: "Your order will not come, and you pay nothing: what was held or charged goes back.",
    Occasion.REFUNDED: "We took these items back, and the money goes to the card that you paid with.",
    Occasion.LINK: "Someone, probably you, asked for a link to this order. If it was not you, there is nothing to do.",
}

NOTHING_REFUNDED = (
    "We took these items back. Nothing more goes to your card: what they cost was given back to you before, or your "
    "bank gave it back when it decided your dispute."
)
RETURN_ARRIVED = "Your return has arrived"
SUBJECT_IF_FREE = {Occasion.REFUNDED: RETURN_ARRIVED}
OPENING_IF_FREE = {
    Occasion.CONFIRMED: "Thank you. The items are set aside, and there is nothing to pay.",
    Occasion.COMPLETED: "The warehouse has sent it off. There was nothing to pay.",
    Occasion.CANCELLED: "Your order will not come. There was nothing to pay.",
    Occasion.REFUNDED: "We took these items back. There was nothing to pay, so no money is on its way.",
}

WHY = {
    Reason.CUSTOMER_REQUEST: "You asked us to cancel it.",
    Reason.OUT_OF_STOCK: "Another buyer was faster: not enough units are left.",
    Reason.PAYMENT_DECLINED: "The payment did not go through. Another card may work.",
    Reason.SHIPPING_FAILED: "The warehouse could not send it.",
    Reason.FULFILMENT_FAILED: "Something went wrong on our side. We are looking into it.",
}


NO_MORE = "No more reminders"


@dataclass(frozen=True)
class Email:
    to: str
    subject: str
    text: str
    html: str
    headers: Mapping[str, str] = field(default_factory=dict)


def compose(occasion: Occasion, order: Order, link: str, return_id: str | None = None) -> Email:
    """Return the email of this occasion; `link` opens the order's page.

    It contains no text of the buyer before a payment of the order succeeded: until then, any visitor can have such an
    email sent to any address.
    """
    paragraphs, subject = [OPENING[occasion]], SUBJECT[occasion]
    if not order.total.amount:
        paragraphs, subject = [OPENING_IF_FREE.get(occasion, OPENING[occasion])], SUBJECT_IF_FREE.get(occasion, subject)
    if occasion == Occasion.CANCELLED and order.reason:
        paragraphs.append(WHY[order.reason])
    returned = order.return_of(return_id) if return_id else None
    if returned and returned.shortfall and not returned.refund.amount:
        paragraphs, subject = [NOTHING_REFUNDED], RETURN_ARRIVED
    quantities = returned.quantities if returned else order.quantities
    lines = [
        f"{quantities[line.sku]} × {line.name}  {line.unit_price.times(quantities[line.sku])}"
        for line in order.lines
        if line.sku in quantities
    ]
    adjustments = order.adjustments_of(returned.id) if returned else order.adjustments
    lines += [each.text(order.total.currency) for each in adjustments]
    lines.append(f"Total  {returned.refund if returned else order.total}")
    greeting = f"Hello {order.shipping_address.name}," if order.is_paid_for else "Hello,"
    return Email(
        to=order.email,
        subject=f"{subject} – {shop().name}",
        text="\n\n".join([greeting, *paragraphs, "\n".join(lines), link, shop().name]),
        html=_html(greeting, paragraphs, lines, link),
    )


def cart_reminder(to: str, items: list[tuple[int, str]], storefront_url: str, token: str) -> Email:
    """Return the reminder of a cart. `items` are quantities and names; `token` ends the reminders.

    No prices: they may change before the cart is bought. The headers are those of RFC 8058, which lets a mail program
    unsubscribe with one request.
    """
    greeting, opening = "Hello,", "These are still in your cart. Nothing is set aside for you until you order."
    lines = [f"{quantity} × {name}" for quantity, name in items]
    link = f"{storefront_url}/cart"
    stop = f"{storefront_url}/unsubscribe#link={token}"
    html = _html(greeting, [opening], lines, link, "See your cart")
    return Email(
        to=to,
        subject=f"Still in your cart – {shop().name}",
        text="\n\n".join([greeting, opening, "\n".join(lines), link, f"{NO_MORE}: {stop}", shop().name]),
        html=f'{html}<p><a href="{escape(stop)}">{NO_MORE}</a></p>',
        headers={
            "List-Unsubscribe": f"<{storefront_url}/api/unsubscribe/{token}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
    )


def _html(greeting: str, paragraphs: list[str], lines: list[str], link: str, invitation: str = "See your order") -> str:
    texts = "".join(f"<p>{escape(text)}</p>" for text in [greeting, *paragraphs])
    rows = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return (
        f'<div style="font:16px/1.5 Georgia,serif;max-width:36em">{texts}<ul>{rows}</ul>'
        f'<p><a href="{escape(link)}">{invitation}</a></p><p>{escape(shop().name)}</p></div>'
    )
