"""Test builders: create orders, carts, products and others with defaults for all that a test does not state."""

from datetime import UTC, datetime, timedelta
from typing import Any

from chalicelib.cart.model import Cart
from chalicelib.catalog.model import Product, ProductDetails
from chalicelib.events.contracts import Variant
from chalicelib.events.envelope import Envelope, new_event_id
from chalicelib.orders.checkout import CheckoutRequest
from chalicelib.orders.model import Order, OrderLine, Reason, Status
from chalicelib.orders.placing import placed
from chalicelib.platform.money import Money
from chalicelib.pricing.model import Adjustment
from chalicelib.shipping.address import Address
from chalicelib.shipping.model import Parcel, WarehouseReply

NOW = datetime(2030, 5, 17, 12, 0, tzinfo=UTC)

HAPPY_PATH = (Status.PLACED, Status.RESERVED, Status.AUTHORIZED, Status.SHIPPING, Status.COMPLETED)
TO_THE_BUYER = (Status.PLACED, Status.RESERVED, Status.ACTION_REQUIRED)


PHONE = "+442079306000"


class TestClock:
    """A clock that moves only when a test moves it."""

    __test__ = False

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def passes(self, **span: float) -> None:
        self.now += timedelta(**span)


def euros(amount: int) -> Money:
    """Return the money of `amount` minor units."""
    return Money(amount=amount, currency="EUR")


def an_address(name: str = "Ada Lovelace") -> Address:
    return Address(
        name=name, line1="St James's Square 12", city="London", postal_code="SW1Y 4LB", country="GB", phone=PHONE
    )


def a_line(sku: str = "MUG-01", quantity: int = 2, price: int = 1250, name: str = "Camp mug") -> OrderLine:
    return OrderLine(sku=sku, name=name, image="/images/mug.webp", quantity=quantity, unit_price=euros(price))


def an_order(
    order_id: str = "ord_1",
    *,
    customer_id: str | None = "ada",
    token: str | None = None,
    name: str = "Ada Lovelace",
    lines: list[OrderLine] | None = None,
    adjustments: tuple[Adjustment, ...] = (),
    at: datetime = NOW,
    variant: Variant | None = None,
    payment_method: str = "pm_card_visa",
    email: str = "ada@example.com",
    client: str | None = None,
) -> Order:
    return placed(
        order_id=order_id,
        customer_id=customer_id,
        token=token,
        email=email,
        client=client,
        shipping_address=an_address(name),
        payment_method=payment_method,
        lines=lines or [a_line()],
        adjustments=adjustments,
        at=at,
        variant=variant,
    )


def an_order_in(status: Status, order_id: str = "ord_1", **facts: Any) -> Order:
    """Its way there is the happy path, or the shortest that leads to ACTION_REQUIRED; a cancelled one was cancelled
    right after it was placed, and a returned one came back whole."""
    order = an_order(order_id, **facts)
    if status == Status.CANCELLED:
        return order.advanced(status, NOW, Reason.OUT_OF_STOCK)
    for step in (TO_THE_BUYER if status in TO_THE_BUYER else HAPPY_PATH)[1:]:
        if order.status != status:
            order = order.advanced(step, NOW)
    if status == Status.RETURNED:
        return order.return_requested("ret_1", None, NOW).return_settled("ret_1", order.total.amount, NOW)
    return order


def a_dispatched_order(order_id: str = "ord_1") -> Order:
    return an_order_in(Status.SHIPPING, order_id).dispatched(NOW)


def as_read(order: Order) -> Order:
    """Return the order as a store returns it, after its event was published."""
    return order.model_copy(update={"pending_event": None})


def a_checkout_request(**changes: object) -> CheckoutRequest:
    usual = {
        "email": "ada@example.com",
        "shipping_address": an_address().model_dump(),
        "payment_method": "pm_card_visa",
    }
    return CheckoutRequest.model_validate(usual | changes)


def a_name(cart: Cart) -> str:
    """Return the name of any product that is put into a cart."""
    return "Enamel mug"


def a_cart(lines: dict[str, int] | None = None, cart_id: str = "customer#ada", version: int = 0) -> Cart:
    return Cart(cart_id, lines or {}, version, NOW + timedelta(days=30))


def product_details(**changes: object) -> ProductDetails:
    usual = {
        "name": "Camp mug",
        "description": "Enamel, for the fire.",
        "price": euros(1250),
        "category": "camp",
        "image": "/images/mug.webp",
    }
    return ProductDetails.model_validate(usual | changes)


def a_product(sku: str = "MUG-01", **changes: object) -> Product:
    return Product(sku=sku, **product_details(**changes).model_dump())


def an_event(number: int = 1) -> Envelope:
    return Envelope(
        id=new_event_id(),
        type="OrderPlaced",
        version=1,
        time="2030-05-17T12:00:00.000Z",
        source="storefront.orders",
        correlation_id=f"ord_{number}",
        causation_id=None,
        data={
            "order_id": f"ord_{number}",
            "status": "PLACED",
            "reason": None,
            "total": {"amount": 1250 * number, "currency": "EUR"},
            "country": "GB",
            "is_guest": False,
            "lines": [{"sku": "MUG-01", "quantity": number, "unit_price": 1250}],
        },
    )


def a_parcel(order_id: str = "ord_1") -> Parcel:
    return Parcel(order_id=order_id, quantities={"MUG-01": 2}, **an_address().model_dump())


def a_reply(outcome: str, order_id: str = "ord_1", **facts: str) -> WarehouseReply:
    return WarehouseReply.model_validate({"order_id": order_id, "outcome": outcome} | facts)


def a_record(message_id: str, body: str, queue: str = "replies", **attributes: str) -> dict[str, Any]:
    """Return a message as Lambda passes it to a queue's consumer."""
    usual = {"SentTimestamp": "1905249600000", "ApproximateReceiveCount": "1"}
    return {
        "messageId": message_id,
        "body": body,
        "attributes": usual | attributes,
        "eventSourceARN": f"arn:aws:sqs:eu-west-1:000000000000:{queue}",
    }
