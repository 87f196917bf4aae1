"""Composition root: which real adapters each room works with. Built on first use, kept for warm invocations.

Each function imports what it builds, so that an entry point loads only the rooms that it uses.
"""

from __future__ import annotations

from datetime import timedelta
from email.utils import formataddr
from functools import cache
from typing import TYPE_CHECKING, Any, overload

from chalicelib.platform import aws
from chalicelib.platform.clock import utc_now
from chalicelib.platform.settings import settings

if TYPE_CHECKING:
    from chalicelib.accounts.address_books import AddressBooks
    from chalicelib.accounts.service import Accounts
    from chalicelib.analytics.service import Analytics
    from chalicelib.billing.service import Billing
    from chalicelib.cart.consent import ReminderConsent
    from chalicelib.cart.service import Carts
    from chalicelib.catalog.model import Product
    from chalicelib.catalog.service import Catalog
    from chalicelib.events.contracts import Variant
    from chalicelib.events.fan_in import FanIn
    from chalicelib.events.outbox import Outbox
    from chalicelib.events.publisher import EventPublisher
    from chalicelib.events.stream import Rejections
    from chalicelib.inventory.service import Inventory
    from chalicelib.loyalty.service import Loyalty
    from chalicelib.notifications.limits import MailLimits
    from chalicelib.notifications.service import Notifications
    from chalicelib.orders.checkout import Checkout
    from chalicelib.orders.link_requests import LinkRequests
    from chalicelib.orders.service import Orders
    from chalicelib.payments.reconciliation_report import ReconciliationReport
    from chalicelib.payments.service import Payments
    from chalicelib.payments.webhooks import WebhookReceiver
    from chalicelib.platform.answers import Answers
    from chalicelib.platform.counters import CounterTable
    from chalicelib.platform.documents import Documents
    from chalicelib.platform.dynamo import First, Read, Second, Third
    from chalicelib.platform.http import Call
    from chalicelib.platform.idempotency import IdempotencyStore
    from chalicelib.platform.ids import Sku
    from chalicelib.platform.links import Links
    from chalicelib.platform.workflows import Workflow
    from chalicelib.recommendations.service import Recommendations
    from chalicelib.shipping.service import Shipping
    from chalicelib.shipping.warehouse import WaitingTask


@overload
def read_together(first: Read[First], second: Read[Second], /) -> tuple[First, Second]: ...
@overload
def read_together(first: Read[First], second: Read[Second], third: Read[Third], /) -> tuple[First, Second, Third]: ...
def read_together(*reads: Read[Any]) -> tuple[Any, ...]:
    """Make the reads of several rooms in one request: see `chalicelib.platform.dynamo.read_together`."""
    from chalicelib.platform import dynamo

    return dynamo.read_together(aws.dynamodb(), *reads)


@cache
def accounts() -> Accounts:
    from chalicelib.accounts.app_client import AppClient
    from chalicelib.accounts.service import Accounts

    cognito = aws.cognito()
    return Accounts(cognito, AppClient(cognito, settings().user_pool_id, settings().user_pool_client_id))


@cache
def address_books() -> AddressBooks:
    from chalicelib.accounts.address_books import AddressBooks
    from chalicelib.accounts.address_store import AddressBookStore

    return AddressBooks(AddressBookStore(aws.dynamodb(), settings().carts_table))


@cache
def catalog() -> Catalog:
    from chalicelib.catalog.service import Catalog
    from chalicelib.catalog.store import ProductStore

    return Catalog(ProductStore(aws.dynamodb(), settings().products_table, settings().search_table))


@cache
def carts() -> Carts:
    from chalicelib.cart.service import Carts
    from chalicelib.cart.store import CartStore

    return Carts(CartStore(aws.dynamodb(), settings().carts_table), utc_now)


def offered(skus: list[Sku]) -> tuple[dict[Sku, Product], dict[Sku, int]]:
    """Return the products and the available units of the SKUs that have any, by sku.

    They are read in one request, and the further shards of split stocks in another one.
    """
    from chalicelib.catalog.model import is_sku

    # A longer text may be no key: "Quotas", DynamoDB developer guide.
    possible = [sku for sku in skus if is_sku(sku)]
    products, stocks = read_together(catalog().reading(possible), inventory().reading(possible))
    return products, inventory().available_of(stocks)


@cache
def reminder_consent() -> ReminderConsent:
    from chalicelib.cart.consent import ReminderConsent

    return ReminderConsent(aws.dynamodb(), settings().carts_table, utc_now)


@cache
def checkout() -> Checkout:
    from chalicelib.orders.checkout import Checkout
    from chalicelib.orders.store import OrderStore

    return Checkout(OrderStore(aws.dynamodb(), settings().orders_table), carts(), catalog(), utc_now)


@cache
def orders() -> Orders:
    from chalicelib.orders.service import Orders
    from chalicelib.orders.store import OrderStore

    return Orders(OrderStore(aws.dynamodb(), settings().orders_table), utc_now, links())


@cache
def links() -> Links:
    from chalicelib.platform.links import Links

    return Links(aws.parameter(settings().link_keys_parameter), utc_now)


@cache
def link_requests() -> LinkRequests:
    from chalicelib.orders.link_requests import LinkRequests

    return LinkRequests(links(), publisher().publish, utc_now)


def client_of(call: Call) -> str:
    """Return a keyed fingerprint of the address that a call came from."""
    from chalicelib.platform.client_address import client_network

    return links().fingerprint(client_network(call.headers, call.peer, settings().edge_mark_digests.split()))


def variant_of(call: Call) -> Variant | None:
    """Return the variant of the experiment that the buyer saw."""
    from chalicelib.analytics.experiment import variant_of
    from chalicelib.platform.headers import VARIANT

    return variant_of(call.headers.get(VARIANT.lower()))


@cache
def mail_limits() -> MailLimits:
    from chalicelib.notifications.limits import MailLimits
    from chalicelib.platform.rate_limit import RateLimit

    limits = RateLimit(aws.dynamodb(), settings().effects_table, utc_now)
    return MailLimits(limits, settings().mails_per_recipient, settings().mails_per_client)


@cache
def inventory() -> Inventory:
    from chalicelib.inventory.service import Inventory
    from chalicelib.inventory.store import InventoryStore

    hold = timedelta(seconds=settings().reservation_seconds)
    return Inventory(InventoryStore(aws.dynamodb(), settings().inventory_table), utc_now, hold)


@cache
def payments() -> Payments:
    from chalicelib.payments.confirmation import Confirmation
    from chalicelib.payments.service import Payments
    from chalicelib.payments.store import PaymentStore
    from chalicelib.payments.stripe_provider import StripeProvider

    key, deployment = aws.parameter(settings().stripe_secret_parameter), settings().deployment
    provider = StripeProvider(key, settings().stripe_api_base, deployment)
    confirmation = Confirmation(settings().storefront_url, timedelta(seconds=settings().buyer_confirmation_seconds))
    return Payments(PaymentStore(aws.dynamodb(), settings().payments_table), provider, confirmation, deployment)


@cache
def shipping() -> Shipping:
    from chalicelib.shipping.service import Limits, Shipping
    from chalicelib.shipping.store import ShipmentStore
    from chalicelib.shipping.warehouse import Warehouse

    limits = Limits(
        silence=timedelta(seconds=settings().warehouse_heartbeat_seconds),
        dispatch=timedelta(seconds=settings().warehouse_timeout_seconds),
    )
    return Shipping(
        ShipmentStore(aws.dynamodb(), settings().shipments_table),
        Warehouse(aws.sqs(), settings().warehouse_queue_url, settings().warehouse_replies_queue_url),
        waiting_task(),
        utc_now,
        limits,
    )


@cache
def waiting_task() -> WaitingTask:
    from chalicelib.shipping.warehouse import WaitingTask

    return WaitingTask(aws.stepfunctions())


@cache
def notifications() -> Notifications:
    from chalicelib.notifications.service import Notifications
    from chalicelib.notifications.ses import SesSender

    sender = SesSender(aws.ses(), _sender(), settings().mail_settings)
    return Notifications(idempotency(), sender, mail_limits(), links(), settings().storefront_url)


def _sender() -> str:
    """The `From` header: the shop's name, and the address that this deployment sends from."""
    from chalicelib.platform.shop import shop

    return formataddr((shop().sender_name, settings().sender_email))


@cache
def _insights_table() -> CounterTable:
    from chalicelib.platform.counters import CounterTable

    return CounterTable(aws.dynamodb(), settings().insights_table)


@cache
def fan_in() -> FanIn:
    from chalicelib.events.fan_in import FanIn

    return FanIn(_insights_table(), utc_now)


@cache
def analytics() -> Analytics:
    from chalicelib.analytics.service import Analytics
    from chalicelib.analytics.store import AnalyticsStore
    from chalicelib.platform.shop import shop

    return Analytics(AnalyticsStore(_insights_table()), fan_in(), utc_now, shop().day_of)


@cache
def loyalty() -> Loyalty:
    from chalicelib.loyalty.service import Loyalty
    from chalicelib.loyalty.store import PointsStore

    return Loyalty(PointsStore(_insights_table()), fan_in())


@cache
def recommendations() -> Recommendations:
    from chalicelib.recommendations.service import Recommendations
    from chalicelib.recommendations.store import AffinityStore

    return Recommendations(AffinityStore(_insights_table()), fan_in())


def outbox(table: str) -> Outbox:
    from chalicelib.events.outbox import Outbox

    return Outbox(aws.dynamodb(), table, utc_now)


def outboxes() -> list[Outbox]:
    return [outbox(table) for table in (settings().orders_table, settings().insights_table)]


@cache
def documents() -> Documents:
    """For buyers."""
    from chalicelib.platform.documents import Documents

    return Documents(aws.s3_for_addresses(), settings().documents_bucket)


@cache
def billing() -> Billing:
    from chalicelib.billing.service import Billing
    from chalicelib.billing.store import BillingStore
    from chalicelib.platform.shop import shop

    return Billing(BillingStore(aws.dynamodb(), settings().billing_table), documents(), shop(), utc_now)


@cache
def reports() -> Documents:
    """For the shop's people."""
    from chalicelib.platform.documents import Documents

    return Documents(aws.s3(), settings().reports_bucket)


@cache
def publisher() -> EventPublisher:
    from chalicelib.events.publisher import EventPublisher

    return EventPublisher(aws.events(), settings().event_bus)


def unrelayed_events() -> Rejections:
    from chalicelib.events.stream import Rejections

    return Rejections(aws.sqs(), settings().unrelayed_events_queue_url)


@cache
def idempotency() -> IdempotencyStore:
    from chalicelib.platform.idempotency import IdempotencyStore

    lease = timedelta(seconds=settings().lease_seconds)
    return IdempotencyStore(aws.dynamodb(), settings().effects_table, utc_now, lease)


@cache
def answers() -> Answers:
    from chalicelib.platform.answers import Answers

    return Answers(aws.dynamodb(), settings().effects_table, utc_now)


@cache
def fulfilment_workflow() -> Workflow:
    from chalicelib.platform.workflows import Workflow

    return Workflow(aws.stepfunctions(), settings().fulfilment_machine_arn)


@cache
def compensation_workflow() -> Workflow:
    from chalicelib.platform.workflows import Workflow

    return Workflow(aws.stepfunctions(), settings().undo_machine_arn)


@cache
def return_workflow() -> Workflow:
    from chalicelib.platform.workflows import Workflow

    return Workflow(aws.stepfunctions(), settings().return_machine_arn)


@cache
def stripe_inbox() -> WebhookReceiver:
    from chalicelib.payments.webhooks import WebhookReceiver

    secret = aws.parameter(settings().stripe_webhook_secret_parameter)
    return WebhookReceiver(aws.sqs(), settings().stripe_events_queue_url, secret)


@cache
def reconciliation_report() -> ReconciliationReport:
    from chalicelib.payments.reconciliation_report import ReconciliationReport

    return ReconciliationReport(publisher(), aws.s3(), settings().reports_bucket)
