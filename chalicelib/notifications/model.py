"""The emails as texts: pure functions of an order."""

from dataclasses import dataclass
from enum import StrEnum
from html import escape

from chalicelib.orders.model import Order, Reason
from chalicelib.platform.money import Money

SHOP = "Saga Supply"


class Occasion(StrEnum):
    CONFIRMED = "confirmed"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


SUBJECT = {
    Occasion.CONFIRMED: "We have your order",
    Occasion.COMPLETED: "Your order is on its way",
    Occasion.CANCELLED: "Your order was cancelled",
}

OPENING = {
    Occasion.CONFIRMED: "Thank you. The pieces are set aside, and your card is charged when they leave us.",
    Occasion.COMPLETED: "The warehouse has sent it off, and your card was charged.",
    Occasion.CANCELLED: "We could not complete your order, and you pay nothing: what was held or charged goes back.",
}

WHY = {
    Reason.OUT_OF_STOCK: "Somebody else was faster: there are not enough pieces left.",
    Reason.PAYMENT_DECLINED: "Your card was declined. Another card may work.",
    Reason.SHIPPING_FAILED: "The warehouse could not send it.",
    Reason.FULFILMENT_FAILED: "Something went wrong on our side. We are looking into it.",
}


@dataclass(frozen=True)
class Email:
    to: str
    subject: str
    text: str
    html: str


def compose(occasion: Occasion, order: Order, storefront_url: str) -> Email:
    paragraphs = [OPENING[occasion]]
    if order.reason:
        paragraphs.append(WHY[order.reason])
    lines = [f"{line.quantity} × {line.name}  {_readable(line.total)}" for line in order.lines]
    lines.append(f"Total  {_readable(order.total)}")
    greeting = f"Hello {order.shipping_address.name},"
    link = f"{storefront_url}/orders/{order.id}"
    return Email(
        to=order.email,
        subject=f"{SUBJECT[occasion]} – {SHOP}",
        text="\n\n".join([greeting, *paragraphs, "\n".join(lines), link, SHOP]),
        html=_html(greeting, paragraphs, lines, link),
    )


def _html(greeting: str, paragraphs: list[str], lines: list[str], link: str) -> str:
    texts = "".join(f"<p>{escape(text)}</p>" for text in [greeting, *paragraphs])
    rows = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return (
        f'<div style="font:16px/1.5 Georgia,serif;max-width:36em">{texts}<ul>{rows}</ul>'
        f'<p><a href="{escape(link)}">See your order</a></p><p>{SHOP}</p></div>'
    )


def _readable(money: Money) -> str:
    return f"{money.amount // 100}.{money.amount % 100:02} {money.currency}"
