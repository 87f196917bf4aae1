"""Composition of the order updates: only their own functions import this."""

from functools import cache

from chalicelib import wiring
from chalicelib.order_updates.service import OrderUpdates
from chalicelib.order_updates.sockets import Sockets
from chalicelib.order_updates.store import ConnectionStore
from chalicelib.platform import aws
from chalicelib.platform.clock import utc_now
from chalicelib.platform.identity import identify
from chalicelib.platform.settings import settings


@cache
def order_updates() -> OrderUpdates:
    connections = ConnectionStore(aws.dynamodb(), settings().connections_table)
    sockets = Sockets(aws.websocket_management(settings().websocket_management_endpoint))
    return OrderUpdates(connections, sockets, wiring.orders(), identify, utc_now)
