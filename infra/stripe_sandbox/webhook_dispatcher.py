"""Webhook dispatcher: delivers events to their endpoints at least once, in the background. No request waits for a
delivery, and the ledger is not locked during one."""

import logging
import socket
import threading
import time
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

from infra.stripe_sandbox import deliveries, webhooks
from infra.stripe_sandbox.deliveries import Delivery
from infra.stripe_sandbox.ledger import Closed, Ledger

_LOG = logging.getLogger(__name__)

_WORKERS = 8
_TIMEOUT = 10
_LARGEST_ANSWER = 1 << 16
_FAREWELL = 2  # seconds for the workers to stop once their connections are cut
_RECOVERY = 1  # seconds between attempts, so that a persistent error does not fill the log
_HEADERS = {
    "Content-Type": "application/json; charset=utf-8",
    "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
}


class WebhookDispatcher:
    def __init__(self, ledger: Ledger):
        self._ledger = ledger
        self._changed = threading.Condition()
        self._closing = False
        self._claimed: set[int] = set()
        self._connections: set[HTTPConnection] = set()
        self._workers = [threading.Thread(target=self._work, daemon=True) for _ in range(_WORKERS)]
        for worker in self._workers:
            worker.start()

    def wake(self) -> None:
        """Wake the dispatcher after a delivery was planned."""
        with self._changed:
            self._changed.notify()

    def close(self) -> None:
        """Stop the workers. An interrupted delivery stays due and is sent again after a restart."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
            for connection in self._connections:
                _cut(connection)
        deadline = time.monotonic() + _FAREWELL
        for worker in self._workers:
            worker.join(max(0, deadline - time.monotonic()))

    def _work(self) -> None:
        while not self._closing:
            try:
                self._deliver_batch(self._next_batch())
            except Closed:
                return
            except Exception:
                _LOG.exception("a delivery failed in the sandbox itself")
                time.sleep(_RECOVERY)

    def _deliver_batch(self, batch: list[int]) -> None:
        try:
            for sequence in batch:
                self._deliver(sequence)
        finally:
            with self._changed:
                self._claimed.difference_update(batch)

    def _next_batch(self) -> list[int]:
        """Wait for the next due deliveries and return them, or nothing at the stop.

        Each worker that leaves wakes the next one, so that one of them always waits for the right time."""
        with self._changed:
            while not self._closing:
                with self._ledger.transaction() as connection:
                    batch, due = deliveries.next_batch(connection, self._claimed)
                if batch and due is not None and due <= time.time():
                    self._claimed.update(batch)
                    self._changed.notify()
                    return batch
                self._changed.wait(max(0, due - time.time()) if batch and due is not None else None)
            return []

    def _deliver(self, sequence: int) -> None:
        with self._ledger.transaction() as connection:
            delivery = deliveries.load(connection, sequence)
        if delivery is None:
            return
        status = self._send(delivery)
        if status is None and self._closing:
            return
        with self._ledger.transaction() as connection:
            deliveries.record(connection, delivery, status)

    def _send(self, delivery: Delivery) -> int | None:
        """Return the HTTP status of the response, or None without one."""
        url = urlsplit(delivery.endpoint["url"])
        host = "127.0.0.1" if url.hostname == "127.0.0.1" else "localhost"
        connection = HTTPConnection(host, url.port or 80, timeout=_TIMEOUT)
        try:
            connection.connect()
            self._keep(connection)
            target = f"{url.path or '/'}{'?' if url.query else ''}{url.query}"
            headers = {**_HEADERS, "Host": url.netloc, "Stripe-Signature": _signature(delivery)}
            connection.request("POST", target, delivery.event.encode(), headers)
            response = connection.getresponse()
            response.read(_LARGEST_ANSWER)
            return response.status
        except (OSError, HTTPException):
            return None
        finally:
            self._drop(connection)

    def _keep(self, connection: HTTPConnection) -> None:
        with self._changed:
            if self._closing:
                raise ConnectionAbortedError("the sandbox closes")
            self._connections.add(connection)

    def _drop(self, connection: HTTPConnection) -> None:
        with self._changed:
            self._connections.discard(connection)
        connection.close()


def _cut(connection: HTTPConnection) -> None:
    with suppress(OSError, AttributeError):  # it may be closed already
        connection.sock.shutdown(socket.SHUT_RDWR)


def _signature(delivery: Delivery) -> str:
    is_wrong = delivery.mode.name == deliveries.WRONG_SIGNATURE
    secret = webhooks.new_secret() if is_wrong else delivery.endpoint["secret"]
    return webhooks.signature(secret, int(time.time() - delivery.signature_age), delivery.event)
