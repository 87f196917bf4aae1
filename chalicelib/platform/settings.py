"""Settings of a deployed function, from its environment: one frozen object, read on first use."""

import os
from functools import cache

from pydantic import ConfigDict

from chalicelib.platform.base_model import BaseModel


class Settings(BaseModel):
    """Each field is an environment variable of the same name in upper case, set by the template.

    The defaults stand for what only some functions are given.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    stage: str
    aws_region: str
    deployment: str
    """Account, region and stack: marks what is ours at a provider that others use too."""
    products_table: str
    search_table: str
    carts_table: str
    orders_table: str
    inventory_table: str
    payments_table: str
    shipments_table: str
    effects_table: str
    lease_seconds: int = 30
    """How long the lease on an idempotency key lasts: longer than the function's timeout."""
    event_bus: str
    user_pool_id: str
    user_pool_client_id: str
    identity_endpoint: str
    """Where the user pool publishes its keys, without a trailing slash."""
    sender_email: str
    mail_settings: str
    """Name of the SES configuration set, which suppresses addresses that bounced or complained."""
    stripe_secret_parameter: str
    stripe_api_base: str = ""
    """Empty means Stripe itself."""
    link_keys_parameter: str
    edge_mark_digests: str = ""
    """SHA-256 digests of the distribution's current and previous mark, separated by a space."""
    require_edge_mark: bool = False
    """Whether the API refuses requests that did not come through the distribution."""
    api_cache: bool = False
    """Whether API Gateway caches the responses of catalog reads."""
    notifications_queue_url: str = ""
    email_delay_seconds: int = 0
    """How old an event must be whose email is needed only if nothing follows meanwhile."""
    mails_per_recipient: int = 0
    mails_per_client: int = 0
    """Within an hour, of emails that strangers can cause."""
    reservation_seconds: int
    order_deadline_seconds: int
    """An order that has not ended by then is overdue."""
    storefront_url: str = ""
    buyer_confirmation_seconds: int = 0
    """How long a buyer has to confirm a payment, where the bank wants it."""
    fulfilment_machine_arn: str = ""
    undo_machine_arn: str = ""
    return_machine_arn: str = ""
    warehouse_queue_url: str = ""
    warehouse_replies_queue_url: str = ""
    warehouse_heartbeat_seconds: int = 0
    """The warehouse must show a sign of life at least this often."""
    warehouse_timeout_seconds: int = 0
    """The warehouse must dispatch so long after it accepted a request."""
    stripe_events_queue_url: str = ""
    unrelayed_events_queue_url: str = ""
    unpushed_updates_queue_url: str = ""
    """Failure destinations of the two readers of the outbox's stream."""
    stripe_webhook_secret_parameter: str = ""
    connections_table: str = ""
    websocket_management_endpoint: str = ""
    """Where messages to open WebSocket connections are posted."""
    live_calls_per_client: int = 0
    """WebSocket connections and messages of one client address, within a minute."""
    reports_bucket: str = ""
    report_as_pdf: bool = False
    """Whether reports are drawn as PDF too, for which only a container image has the library."""
    imports_table: str = ""
    imports_bucket: str = ""
    import_rows_queue_url: str = ""
    import_small_machine_arn: str = ""
    import_large_machine_arn: str = ""
    import_queued_rows: int = 100_000
    """Files of more rows are imported by the workflow of large files."""
    operated_parts_parameter: str = ""
    """Name of the parameter that lists the queues and rules an admin may operate."""
    stack_name: str = ""
    log_group_prefix: str = ""
    """Of the log groups of all our functions."""
    event_bus_arn: str = ""
    event_archive_arn: str = ""
    event_archive_days: int = 0
    """So long the bus' archive keeps events."""
    insights_table: str = ""
    documents_bucket: str = ""
    billing_table: str = ""
    abandoned_cart_hours: int = 0
    """So long must a cart be untouched before its owner is reminded of it."""
    auditor_function: str = ""
    """Empty where the stage has no lab."""
    run_reports_bucket: str = ""
    """Empty where the stage has no lab."""
    reports_function: str = ""
    """Empty where the shop has no reporting database."""
    reconcile_repairs: bool = False
    """Whether reconciliation may let holds go and refund, or only report."""

    @property
    def token_issuer(self) -> str:
        return f"https://cognito-idp.{self.aws_region}.amazonaws.com/{self.user_pool_id}"


@cache
def settings() -> Settings:
    """Raises pydantic.ValidationError that names every variable that is missing."""
    return Settings.model_validate({name.lower(): value for name, value in os.environ.items()})
