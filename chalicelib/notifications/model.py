"""The emails: what each one says about an order or a cart, as pure functions."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from chalicelib.notifications.rendering import Formats, render
from chalicelib.orders.model import Order, Reason, Status
from chalicelib.orders.numbers import number_of
from chalicelib.orders.returns import Return, ReturnStatus
from chalicelib.platform.ids import ReturnId
from chalicelib.platform.shop import shop
from chalicelib.shipping.address import address_lines
from chalicelib.shipping.model import Shipment


class Occasion(StrEnum):
    PAYMENT_WAITS = "payment_waits"
    CONFIRMED = "confirmed"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    RETURN_REQUESTED = "return_requested"
    REFUNDED = "refunded"
    LINK = "link"


def emails_of(order: Order) -> list[tuple[Occasion, ReturnId | None]]:
    """Return the emails that this order has had reason to send and that are still true, with the return of each."""
    was = {change.status for change in order.history}
    of_order = {
        Occasion.PAYMENT_WAITS: order.status == Status.ACTION_REQUIRED,
        Occasion.CONFIRMED: Status.AUTHORIZED in was and order.status != Status.CANCELLED,
        Occasion.COMPLETED: Status.COMPLETED in was,
        Occasion.CANCELLED: order.status == Status.CANCELLED,
    }
    of_returns = {ReturnStatus.REQUESTED: Occasion.RETURN_REQUESTED, ReturnStatus.REFUNDED: Occasion.REFUNDED}
    due: list[tuple[Occasion, ReturnId | None]] = [(each, None) for each, is_due in of_order.items() if is_due]
    return due + [(of_returns[each.status], each.id) for each in order.returns]


SUBJECT = {
    Occasion.PAYMENT_WAITS: "Please confirm your payment",
    Occasion.CONFIRMED: "We have your order",
    Occasion.COMPLETED: "Your order is on its way",
    Occasion.CANCELLED: "Your order was cancelled",
    Occasion.RETURN_REQUESTED: "We have your return",
    Occasion.REFUNDED: "Your money is on its way back",
    Occasion.LINK: "The link to your order",
}

OPENING = {
    Occasion.PAYMENT_WAITS: "Your bank wants you to confirm the payment. The items are set aside while it waits. "
    "If nobody confirms in time, the order is cancelled and you pay nothing. Confirmed it already? All is done.",
    Occasion.CONFIRMED: "Thank you. The items are set aside, and your card is charged when they leave us.",
    Occasion.COMPLETED: "The warehouse has sent it off, and your card was charged.",
    Occasion.CANCELLED: "Your order will not come, and you pay nothing: what was held or charged goes back.",
    Occasion.RETURN_REQUESTED: "These items come back to us. The refund takes a little longer than usual: we "
    "write again when the money is on its way.",
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
    Occasion.RETURN_REQUESTED: "These items come back to us. There was nothing to pay, so there is no refund.",
    Occasion.REFUNDED: "We took these items back. There was nothing to pay, so no money is on its way.",
}

WHY = {
    Reason.CUSTOMER_REQUEST: "You asked us to cancel it.",
    Reason.SHOP_REQUEST: "We had to cancel it.",
    Reason.OUT_OF_STOCK: "Another buyer was faster: not enough units are left.",
    Reason.PAYMENT_DECLINED: "The payment did not go through. Another card may work.",
    Reason.SHIPPING_FAILED: "The warehouse could not send it.",
    Reason.FULFILMENT_FAILED: "Something went wrong on our side. We are looking into it.",
}


INVITATION = {
    Occasion.PAYMENT_WAITS: "Confirm the payment",
    Occasion.COMPLETED: "Follow your parcel",
    Occasion.LINK: "Open your order",
}


@dataclass(frozen=True)
class Email:
    to: str
    subject: str
    text: str
    html: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Item:
    """A line of an email. `image` is the catalog's path. The reminder of a cart names no prices."""

    quantity: int
    name: str
    image: str
    amount: str | None = None

    @property
    def picture(self) -> str:
        """Return the path of the picture, for an SVG that of the rendition that `frontend/renditions.mjs` makes."""
        return re.sub(r"[.]svg$", ".png", self.image)


def compose(
    occasion: Occasion,
    order: Order,
    link: str,
    storefront_url: str,
    return_id: ReturnId | None = None,
    shipment: Shipment | None = None,
) -> Email:
    """Return the email of this occasion; `link` opens the order's page.

    It contains no text of the buyer before a payment of the order succeeded: until then, any visitor can have such an
    email sent to any address.
    """
    returned = order.return_of(return_id) if return_id else None
    title, paragraphs = _wording(occasion, order, returned)
    formats = Formats(order.shipping_address.country)
    total = formats.money(returned.refund if returned else order.total)
    items = _items(order, returned, formats)
    count = sum(item.quantity for item in items)
    text, html = render(
        "order",
        title=title,
        preheader=f"{count} {'item' if count == 1 else 'items'}, {total} in all",
        greeting=f"Hello {order.shipping_address.name}," if order.is_paid_for else "Hello,",
        paragraphs=paragraphs,
        number=number_of(order.id),
        placed_on=formats.day(order.placed_at),
        is_return=returned is not None,
        items=items,
        adjustments=_adjustments(order, returned, formats),
        total_label="Refund" if returned else "Total",
        total=total,
        address=address_lines(order.shipping_address) if order.is_paid_for and not returned else None,
        note=_note(occasion, returned),
        shipment=shipment,
        invitation=INVITATION.get(occasion, "See your order"),
        link=link,
        storefront_url=storefront_url,
    )
    return Email(to=order.email, subject=f"{title} – {shop().name}", text=text, html=html)


def _wording(occasion: Occasion, order: Order, returned: Return | None) -> tuple[str, list[str]]:
    """Return the title and the paragraphs."""
    if returned and returned.shortfall and not returned.refund.amount:
        return RETURN_ARRIVED, [NOTHING_REFUNDED]
    title, opening = SUBJECT[occasion], OPENING[occasion]
    if not order.total.amount:
        title, opening = SUBJECT_IF_FREE.get(occasion, title), OPENING_IF_FREE.get(occasion, opening)
    why = [WHY[order.reason]] if occasion == Occasion.CANCELLED and order.reason else []
    return title, [opening, *why]


def _note(occasion: Occasion, returned: Return | None) -> str | None:
    """Return where the document is that belongs to this occasion. It has no address that stays valid."""
    if occasion == Occasion.COMPLETED:
        return "Your invoice is on the order's page."
    is_refunded = occasion == Occasion.REFUNDED and returned and returned.refund.amount
    return "Your credit note is on the order's page." if is_refunded else None


def _items(order: Order, returned: Return | None, formats: Formats) -> list[Item]:
    quantities = returned.quantities if returned else order.quantities
    return [
        Item(quantities[line.sku], line.name, line.image, formats.money(line.unit_price.times(quantities[line.sku])))
        for line in order.lines
        if line.sku in quantities
    ]


def _adjustments(order: Order, returned: Return | None, formats: Formats) -> list[tuple[str, str]]:
    adjustments = order.adjustments_of(returned.id) if returned else order.adjustments
    return [(each.label, formats.amount(each.amount, order.total.currency)) for each in adjustments]


def cart_reminder(to: str, items: list[Item], storefront_url: str, token: str) -> Email:
    """Return the reminder of a cart; `token` ends the reminders.

    No prices: they may change before the cart is bought. The headers are those of RFC 8058, which lets a mail program
    unsubscribe with one request.
    """
    title = "Still in your cart"
    text, html = render(
        "cart",
        title=title,
        preheader=", ".join(item.name for item in items),
        greeting="Hello,",
        paragraphs=["These are still in your cart. Nothing is set aside for you until you order."],
        items=items,
        invitation="See your cart",
        link=f"{storefront_url}/cart",
        stop=f"{storefront_url}/unsubscribe#link={token}",
        storefront_url=storefront_url,
    )
    headers = {
        "List-Unsubscribe": f"<{storefront_url}/api/unsubscribe/{token}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    return Email(to=to, subject=f"{title} – {shop().name}", text=text, html=html, headers=headers)
