"""Export of a customer's data: one JSON document with all that the shop stores under their id."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from chalicelib.accounts.address_books import AddressBooks
from chalicelib.cart.consent import ReminderConsent
from chalicelib.cart.service import Carts
from chalicelib.loyalty.service import Loyalty
from chalicelib.orders.service import Orders
from chalicelib.orders.views import OrderView, order_view
from chalicelib.payments.service import Payments
from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.clock import Clock, iso
from chalicelib.platform.identity import Caller
from chalicelib.platform.ids import CustomerId, Sku
from chalicelib.shipping.address import Address
from chalicelib.shipping.service import Shipping


class Profile(BaseModel):
    customer_id: CustomerId
    email: str


class AccountExport(BaseModel):
    exported_at: str
    profile: Profile
    addresses: list[Address]
    cart: Annotated[dict[Sku, int], Field(description="Units by SKU.")]
    cart_reminders: Annotated[bool, Field(description="Whether the customer consented to reminders of a cart.")]
    points: int
    orders: list[OrderView]
    next_cursor: str | None


@dataclass(frozen=True)
class AccountExporter:
    address_books: AddressBooks
    carts: Carts
    consent: ReminderConsent
    loyalty: Loyalty
    orders: Orders
    payments: Payments
    shipping: Shipping
    clock: Clock

    def of(self, customer_id: CustomerId, email: str, cursor: str | None) -> AccountExport:
        """Return the export with one part of the orders, newest first. Raises CursorInvalid."""
        orders, next_cursor = self.orders.part_of_customer(customer_id, cursor)
        ids = [order.id for order in orders]
        payments, shipments = self.payments.of_all(ids), self.shipping.of_all(ids)
        cart = self.carts.read(Caller(customer_id=customer_id), None)
        return AccountExport(
            exported_at=iso(self.clock()),
            profile=Profile(customer_id=customer_id, email=email),
            addresses=[each.address for each in self.address_books.of(customer_id).addresses],
            cart=cart.lines if cart else {},
            cart_reminders=self.consent.is_given(customer_id),
            points=self.loyalty.points_of(customer_id),
            orders=[
                order_view(order, payments.get(order.id), shipments.get(order.id), is_buyers=False) for order in orders
            ],
            next_cursor=next_cursor,
        )
