"""The composition root: which real adapters each room works with. Built on first use, kept warm."""

from datetime import timedelta
from email.utils import formataddr
from functools import cache

from chalicelib.accounts.service import Accounts
from chalicelib.billing.service import Billing
from chalicelib.billing.store import BillingStore
from chalicelib.cart.consent import ReminderConsent
from chalicelib.cart.service import Carts
from chalicelib.cart.store import CartStore
from chalicelib.catalog.service import Catalog
from chalicelib.catalog.store import ProductStore
from chalicelib.console.auditor import Auditor
from chalicelib.console.logs import Logs
from chalicelib.console.stack import Meters, Stack
from chalicelib.dead_letters.model import Parts
from chalicelib.dead_letters.queue import DeadLetterQueue
from chalicelib.dead_letters.replays import Replays
from chalicelib.events import bus
from chalicelib.events.envelope import Envelope
from chalicelib.events.outbox import Outbox
from chalicelib.insights.service import Insights
from chalicelib.insights.store import InsightsStore
from chalicelib.inventory.service import Inventory
from chalicelib.inventory.store import InventoryStore
from chalicelib.notifications.limits import MailLimits
from chalicelib.notifications.service import Notifications
from chalicelib.notifications.ses import SesSender
from chalicelib.order_updates.service import Live
from chalicelib.order_updates.sockets import Sockets
from chalicelib.order_updates.store import ConnectionStore
from chalicelib.orders.checkout import Checkout
from chalicelib.orders.link_requests import LinkRequests
from chalicelib.orders.service import Orders
from chalicelib.orders.store import OrderStore
from chalicelib.payments.confirmation import Confirmation
from chalicelib.payments.reconciliation_report import ReconciliationReport
from chalicelib.payments.service import Payments
from chalicelib.payments.store import PaymentStore
from chalicelib.payments.stripe_provider import StripeProvider
from chalicelib.payments.webhooks import WebhookReceiver
from chalicelib.platform import aws
from chalicelib.platform.answers import Answers
from chalicelib.platform.client_address import client_network
from chalicelib.platform.clock import utc_now
from chalicelib.platform.documents import Documents
from chalicelib.platform.http import Call
from chalicelib.platform.idempotency import IdempotencyStore
from chalicelib.platform.identity import identify
from chalicelib.platform.links import Links
from chalicelib.platform.rate_limit import RateLimit
from chalicelib.platform.settings import settings
from chalicelib.platform.shop import shop
from chalicelib.platform.workflows import Workflow
from chalicelib.product_import.files import ImportFiles
from chalicelib.product_import.service import Imports
from chalicelib.product_import.splitting import RowsQueue, Splitter
from chalicelib.product_import.store import ImportStore
from chalicelib.product_import.writing import Writer
from chalicelib.shipping.service import Limits, Shipping
from chalicelib.shipping.store import ShipmentStore
from chalicelib.shipping.warehouse import WaitingTask, Warehouse


@cache
def accounts() -> Accounts:
    return Accounts(aws.client("cognito-idp"), settings().user_pool_client_id)


@cache
def catalog() -> Catalog:
    return Catalog(ProductStore(aws.dynamodb(), settings().products_table))


@cache
def carts() -> Carts:
    return Carts(CartStore(aws.dynamodb(), settings().carts_table), utc_now)


@cache
def reminder_consent() -> ReminderConsent:
    return ReminderConsent(aws.dynamodb(), settings().carts_table, utc_now)


@cache
def checkout() -> Checkout:
    return Checkout(OrderStore(aws.dynamodb(), settings().orders_table), carts(), catalog(), utc_now)


@cache
def orders() -> Orders:
    return Orders(OrderStore(aws.dynamodb(), settings().orders_table), utc_now, links())


@cache
def links() -> Links:
    return Links(aws.parameter(settings().link_keys_parameter), utc_now)


@cache
def link_requests() -> LinkRequests:
    return LinkRequests(links(), _publish, utc_now)


def client_of(call: Call) -> str:
    """Return a keyed fingerprint of the address that a call came from."""
    keys = aws.parameter(settings().link_keys_parameter)
    return links().fingerprint(client_network(call.headers, call.peer, keys))


@cache
def mail_limits() -> MailLimits:
    limits = RateLimit(aws.dynamodb(), settings().effects_table, utc_now)
    return MailLimits(limits, settings().mails_per_recipient, settings().mails_per_client)


@cache
def inventory() -> Inventory:
    hold = timedelta(seconds=settings().reservation_seconds)
    return Inventory(InventoryStore(aws.dynamodb(), settings().inventory_table), utc_now, hold)


@cache
def payments() -> Payments:
    key, deployment = aws.parameter(settings().stripe_secret_parameter), settings().deployment
    provider = StripeProvider(key, settings().stripe_api_base, deployment)
    confirmation = Confirmation(settings().storefront_url, timedelta(seconds=settings().buyer_confirmation_seconds))
    return Payments(PaymentStore(aws.dynamodb(), settings().payments_table), provider, confirmation, deployment)


@cache
def shipping() -> Shipping:
    limits = Limits(
        silence=timedelta(seconds=settings().warehouse_heartbeat_seconds),
        dispatch=timedelta(seconds=settings().warehouse_timeout_seconds),
    )
    return Shipping(
        ShipmentStore(aws.dynamodb(), settings().shipments_table),
        Warehouse(aws.client("sqs"), settings().warehouse_queue_url, settings().warehouse_replies_queue_url),
        waiting_task(),
        utc_now,
        limits,
    )


@cache
def waiting_task() -> WaitingTask:
    return WaitingTask(aws.client("stepfunctions"))


@cache
def notifications() -> Notifications:
    return Notifications(
        idempotency(), SesSender(aws.ses(), _sender()), mail_limits(), links(), settings().storefront_url
    )


def _sender() -> str:
    """The `From` header: the shop's name, and the address that this deployment sends from."""
    return formataddr((shop().sender_name, settings().sender_email))


@cache
def insights() -> Insights:
    return Insights(InsightsStore(aws.dynamodb(), settings().insights_table), utc_now, shop().day_of)


def outbox(table: str) -> Outbox:
    return Outbox(aws.dynamodb(), table, utc_now)


def outboxes() -> list[Outbox]:
    return [outbox(table) for table in (settings().orders_table, settings().insights_table)]


@cache
def documents() -> Documents:
    """For buyers."""
    return Documents(aws.s3_for_addresses(), settings().documents_bucket)


@cache
def billing() -> Billing:
    return Billing(BillingStore(aws.dynamodb(), settings().billing_table), documents(), shop(), utc_now)


@cache
def reports() -> Documents:
    """For the shop's people."""
    return Documents(aws.client("s3"), settings().reports_bucket)


@cache
def auditor() -> Auditor:
    return Auditor(aws.lambda_for_long_calls(), settings().auditor_function)


@cache
def live() -> Live:
    connections = ConnectionStore(aws.dynamodb(), settings().connections_table)
    sockets = Sockets(aws.client("apigatewaymanagementapi", settings().websocket_management_endpoint))
    return Live(connections, sockets, orders(), identify, utc_now)


def _import_store() -> ImportStore:
    return ImportStore(aws.dynamodb(), settings().imports_table, utc_now)


def _import_files() -> ImportFiles:
    return ImportFiles(aws.s3_for_addresses(), settings().imports_bucket)


@cache
def imports() -> Imports:
    return Imports(_import_store(), _import_files(), utc_now)


@cache
def import_splitter() -> Splitter:
    queue = RowsQueue(aws.client("sqs"), settings().import_rows_queue_url)
    return Splitter(_import_store(), _import_files(), queue, utc_now)


@cache
def import_writer() -> Writer:
    return Writer(_import_store(), _import_files(), catalog(), inventory(), _publish, utc_now)


def _publish(event: Envelope) -> None:
    bus.publish([event], aws.client("events"), settings().event_bus)


@cache
def idempotency() -> IdempotencyStore:
    return IdempotencyStore(aws.dynamodb(), settings().effects_table, utc_now)


@cache
def answers() -> Answers:
    return Answers(aws.dynamodb(), settings().effects_table, utc_now)


@cache
def fulfilment_workflow() -> Workflow:
    return Workflow(aws.client("stepfunctions"), settings().fulfilment_machine_arn)


@cache
def undo_workflow() -> Workflow:
    return Workflow(aws.client("stepfunctions"), settings().undo_machine_arn)


@cache
def return_workflow() -> Workflow:
    return Workflow(aws.client("stepfunctions"), settings().return_machine_arn)


def operated() -> Parts:
    """Read anew every five minutes."""
    return Parts.model_validate_json(aws.parameter(settings().operated_parts_parameter)())


@cache
def stack() -> Stack:
    return Stack(aws.client("cloudformation"), settings().stack_name)


@cache
def meters() -> Meters:
    return Meters(aws.client("cloudwatch"), utc_now)


@cache
def function_logs() -> Logs:
    return Logs(aws.client("logs"), settings().log_group_prefix)


@cache
def dead_letters() -> DeadLetterQueue:
    return DeadLetterQueue(aws.client("sqs"))


@cache
def replays() -> Replays:
    return Replays(aws.client("events"), settings().event_archive_arn, settings().event_bus_arn)


@cache
def stripe_inbox() -> WebhookReceiver:
    secret = aws.parameter(settings().stripe_webhook_secret_parameter)
    return WebhookReceiver(aws.client("sqs"), settings().stripe_events_queue_url, secret)


@cache
def reconciliation_report() -> ReconciliationReport:
    return ReconciliationReport(aws.client("events"), settings().event_bus, aws.client("s3"), settings().reports_bucket)
