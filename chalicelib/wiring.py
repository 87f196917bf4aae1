"""The composition root: which real adapters each room works with. Built on first use, kept warm."""

from datetime import timedelta
from functools import cache

from chalicelib.cart.service import Carts
from chalicelib.cart.store import CartStore
from chalicelib.catalog.service import Catalog
from chalicelib.catalog.store import ProductStore
from chalicelib.fulfilment.start import Workflow
from chalicelib.inventory.service import Inventory
from chalicelib.inventory.store import InventoryStore
from chalicelib.notifications.service import Notifications
from chalicelib.orders.checkout import Checkout
from chalicelib.orders.service import Orders
from chalicelib.orders.store import OrderStore
from chalicelib.payments.findings import Findings
from chalicelib.payments.gateway import StripeGateway
from chalicelib.payments.service import Payments
from chalicelib.payments.store import PaymentStore
from chalicelib.payments.webhooks import Inbox
from chalicelib.platform import aws
from chalicelib.platform.clock import utc_now
from chalicelib.platform.once import Once
from chalicelib.platform.settings import settings
from chalicelib.shipping.service import Shipping
from chalicelib.shipping.store import ShipmentStore
from chalicelib.shipping.warehouse import WaitingTask, Warehouse


@cache
def catalog() -> Catalog:
    return Catalog(ProductStore(aws.dynamodb(), settings().products_table))


@cache
def carts() -> Carts:
    return Carts(CartStore(aws.dynamodb(), settings().carts_table), utc_now)


@cache
def checkout() -> Checkout:
    return Checkout(OrderStore(aws.dynamodb(), settings().orders_table), carts(), catalog(), utc_now)


@cache
def orders() -> Orders:
    return Orders(OrderStore(aws.dynamodb(), settings().orders_table), utc_now)


@cache
def inventory() -> Inventory:
    hold = timedelta(seconds=settings().reservation_seconds)
    return Inventory(InventoryStore(aws.dynamodb(), settings().inventory_table), utc_now, hold)


@cache
def payments() -> Payments:
    gateway = StripeGateway(aws.secret(settings().stripe_secret_parameter), settings().stripe_api_base)
    return Payments(PaymentStore(aws.dynamodb(), settings().payments_table), gateway)


@cache
def shipping() -> Shipping:
    return Shipping(
        ShipmentStore(aws.dynamodb(), settings().shipments_table),
        Warehouse(aws.client("sqs"), settings().warehouse_queue_url),
        WaitingTask(aws.client("stepfunctions")),
    )


@cache
def notifications() -> Notifications:
    return Notifications(once(), aws.client("ses"), settings().sender_email, settings().storefront_url)


@cache
def once() -> Once:
    return Once(aws.dynamodb(), settings().effects_table, utc_now)


@cache
def fulfilment_workflow() -> Workflow:
    return Workflow(aws.client("stepfunctions"), settings().fulfilment_machine_arn)


@cache
def undo_workflow() -> Workflow:
    return Workflow(aws.client("stepfunctions"), settings().undo_machine_arn)


@cache
def return_workflow() -> Workflow:
    return Workflow(aws.client("stepfunctions"), settings().return_machine_arn)


@cache
def stripe_inbox() -> Inbox:
    secret = aws.secret(settings().stripe_webhook_secret_parameter)
    return Inbox(aws.client("sqs"), settings().stripe_events_queue_url, secret)


@cache
def findings() -> Findings:
    return Findings(aws.client("events"), settings().event_bus, aws.client("s3"), settings().reports_bucket)
