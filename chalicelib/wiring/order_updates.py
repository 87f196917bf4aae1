"""Composition of the order updates: only their own functions import this."""

from datetime import timedelta
from functools import cache

from chalicelib import wiring
from chalicelib.events.stream import Rejections
from chalicelib.order_updates.service import OrderUpdates
from chalicelib.order_updates.sockets import Sockets
from chalicelib.order_updates.store import ConnectionStore
from chalicelib.platform import aws
from chalicelib.platform.client_address import network_of
from chalicelib.platform.clock import utc_now
from chalicelib.platform.identity import identify
from chalicelib.platform.rate_limit import RateLimit
from chalicelib.platform.settings import settings


@cache
def order_updates() -> OrderUpdates:
    connections = ConnectionStore(aws.dynamodb(), settings().connections_table)
    sockets = Sockets(aws.websocket_management(settings().websocket_management_endpoint))
    return OrderUpdates(
        connections, sockets, wiring.orders(), identify, utc_now, settings().storefront_url, _within_limit
    )


def unpushed_updates() -> Rejections:
    return Rejections(aws.sqs(), settings().unpushed_updates_queue_url)


def _within_limit(peer: str) -> bool:
    client = wiring.links().fingerprint(network_of(peer))
    limits = RateLimit(aws.dynamodb(), settings().effects_table, utc_now)
    return limits.take("live", client, settings().live_calls_per_client, timedelta(minutes=1))
