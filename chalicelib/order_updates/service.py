"""Order updates over WebSocket: subscribe connections to orders, and push each change to them."""

import uuid
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from chalicelib.order_updates.handshake import TooManyCalls, proof
from chalicelib.order_updates.model import Subscribe, TooManySubscriptions, Update, current, parsed, problem
from chalicelib.order_updates.sockets import Sockets
from chalicelib.order_updates.store import ConnectionStore
from chalicelib.orders.service import Orders
from chalicelib.platform.clock import Clock
from chalicelib.platform.errors import Refusal, Unavailable
from chalicelib.platform.identity import Caller
from chalicelib.platform.ids import OrderId
from chalicelib.platform.log import log
from chalicelib.platform.problems import UNAVAILABLE

KEPT = timedelta(hours=2, minutes=10)
"""API Gateway ends every connection after two hours."""

READS_AT_ONCE = 8
"""As many as the connections that a client of AWS keeps open: its default is ten."""


class OrderUpdates:
    def __init__(
        self,
        connections: ConnectionStore,
        sockets: Sockets,
        orders: Orders,
        identify: Callable[[Mapping[str, str]], Caller],
        clock: Clock,
        origin: str,
        allows: Callable[[str], bool],
    ) -> None:
        """`origin` is the storefront's; `allows` counts a call of a client address and checks its limit."""
        self._connections = connections
        self._sockets = sockets
        self._orders = orders
        self._identify = identify
        self._clock = clock
        self._origin = origin
        self._allows = allows

    def connected(self, connection_id: str, headers: Mapping[str, str], peer: str) -> None:
        """Accept a connection from one of our pages, whose visitor has access to an order.

        Raises OriginRefused, ProofRequired, TooManyCalls, and what `Orders.get_for` raises.
        """
        proven = proof(headers, self._origin)
        if not self._allows(peer):
            raise TooManyCalls
        self._check_access(proven)
        self._connections.open(connection_id, self._expiry())

    def disconnected(self, connection_id: str) -> None:
        self._connections.forget(connection_id)

    def received(self, connection_id: str, text: str, peer: str) -> None:
        """Answer a client's message, or end the connection of one that sends too many. Its content is never logged."""
        if not self._allows(peer):
            log.info("connection ended", extra={"code": TooManyCalls().code})
            self._sockets.close(connection_id)
            self._connections.forget(connection_id)
            return
        if not self._sockets.send(connection_id, self._answer(connection_id, text)):
            self._connections.forget(connection_id)

    def watchers(self, order_ids: Iterable[OrderId]) -> dict[OrderId, list[str]]:
        """Return the connections that watch each of these orders, read at the same time.

        Who subscribes later is answered with the order's state, which has every change that was made until then.
        """
        now = int(self._clock().timestamp())
        known = list(order_ids)
        if len(known) < 2:
            return {order_id: self._connections.watchers(order_id, now) for order_id in known}
        with ThreadPoolExecutor(READS_AT_ONCE) as pool:
            found = pool.map(lambda order_id: self._connections.watchers(order_id, now), known)
            return dict(zip(known, found, strict=True))

    def push(self, update: Update, watchers: list[str]) -> None:
        """Send a change to these connections, and delete those that have closed."""
        gone = [each for each in watchers if not self._sockets.send(each, update.model_dump())]
        for connection_id in gone:
            self._connections.forget(connection_id, update.order_id)
        about = {"order_id": update.order_id, "version": update.version, "status": update.status}
        log.info("update pushed", extra=about | {"connections": len(watchers) - len(gone)})

    def _answer(self, connection_id: str, text: str) -> dict[str, Any]:
        try:
            return self._subscribed(connection_id, text).model_dump()
        except Refusal as refusal:
            return problem(refusal.code, refusal.detail)
        except Unavailable:
            log.exception("dependency unavailable")
            return problem("service_unavailable", UNAVAILABLE)
        except Exception:
            incident = uuid.uuid4().hex[:12]
            log.exception("unexpected failure", extra={"incident": incident})
            return problem("internal_error", f"An unexpected error occurred. Quote {incident}.")

    def _subscribed(self, connection_id: str, text: str) -> Update:
        """Subscribe, then return the order's state: a change is in that state or is pushed, never missed.

        Raises what `parsed` and `Orders.get_for` raise, and TooManySubscriptions.
        """
        message = parsed(text)
        self._check_access(message)
        if not self._connections.subscribe(connection_id, message.order_id, self._expiry()):
            raise TooManySubscriptions
        return current(self._orders.get(message.order_id))

    def _check_access(self, message: Subscribe) -> None:
        headers, order_token = message.credentials
        self._orders.get_for(self._identify(headers), order_token, message.order_id)

    def _expiry(self) -> int:
        return int((self._clock() + KEPT).timestamp())
