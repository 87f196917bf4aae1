"""HTTP server: serves Stripe's API below /v1, the control API below /admin, the ledger at /ledger, a page with all
payments at /, the 3-D Secure challenges, and /health."""

import json
import logging
import re
import socket
import sys
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

from infra.stripe_sandbox import audit, page
from infra.stripe_sandbox.admission import Request, secret_key
from infra.stripe_sandbox.answers import (
    Answer,
    Refusal,
    Silence,
    internal_error,
    invalid_request,
    unrecognized_url,
)
from infra.stripe_sandbox.challenge import Challenges, Page
from infra.stripe_sandbox.control_api import ControlApi
from infra.stripe_sandbox.events import Journal
from infra.stripe_sandbox.faults import Faults
from infra.stripe_sandbox.ids import account_of
from infra.stripe_sandbox.intents import CHALLENGE
from infra.stripe_sandbox.ledger import Closed, Ledger
from infra.stripe_sandbox.parameters import decode, nest, optional_text, time_range
from infra.stripe_sandbox.sandbox import Sandbox
from infra.stripe_sandbox.webhook_dispatcher import WebhookDispatcher

_LOG = logging.getLogger(__name__)

_LARGEST_BODY = 1 << 20
_POLL = 0.05  # seconds between checks whether to stop
_PAYMENTS_ON_PAGE = 200
_LENGTH = re.compile(r"[0-9]{1,9}")
_ON_THIS_MACHINE = re.compile(r"https?://(localhost|127\.0\.0\.1|[\w.-]+\.localhost)(:\d+)?")
_LINE_BREAK = re.compile(r"[\r\n]+\s*")

_JSON = {"Content-Type": "application/json"}
_HTML = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
}


class Server:
    """A running sandbox at `url`."""

    def __init__(self, port: int, state_path: str):
        self._http = _HttpServer(port)
        self._ledger = self._http.ledger = Ledger(state_path)
        self._courier = WebhookDispatcher(self._ledger)
        journal = Journal(self._ledger, self._courier.wake)
        self._http.faults = Faults()
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self._http.sandbox = Sandbox(self._ledger, journal, self._http.faults, self.url)
        self._http.control_api = ControlApi(journal, self._http.faults)
        self._http.challenges = Challenges(self._ledger, journal, self.url)
        threading.Thread(target=self._http.serve_forever, args=(_POLL,), daemon=True).start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._http.sandbox.close()
        self._http.hang_up()
        self._courier.close()
        self._ledger.close()


def serve(port: int, state_path: str) -> Server:
    """Start a sandbox on 127.0.0.1 and return it; port 0 selects a free port."""
    return Server(port, state_path)


class _HttpServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    ledger: Ledger
    faults: Faults
    sandbox: Sandbox
    control_api: ControlApi
    challenges: Challenges

    def __init__(self, port: int):
        self._connections: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """Close kept-alive connections, which would otherwise outlive the server."""
        for connection in list(self._connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # the client has closed it already

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            _LOG.exception("connection from %s failed", client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _HttpServer

    def do_GET(self) -> None:
        try:
            request = self._read()
            if request.path == "/":
                self._send(200, _HTML, self._overview())
            elif request.path.startswith(CHALLENGE):
                self._send_page(self.server.challenges.answer(request))
            else:
                self._send_json(self._answer(request))
        except Refusal as refusal:
            self._send_json(refusal.answer)
        except (Silence, Closed):
            self.close_connection = True
        except ConnectionError:
            raise
        except Exception:
            _LOG.exception("%s %s failed", self.command, self.path)
            self._send_json(internal_error())

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

    def do_OPTIONS(self) -> None:
        """Respond to a browser's CORS preflight request for the control API."""
        self._send(204, {"Access-Control-Allow-Methods": "GET, POST, DELETE"}, "")

    def log_message(self, *_: Any) -> None:
        """Write no access log: the ledger has the effects of all requests."""

    def _answer(self, request: Request) -> Answer:
        if request.path.startswith("/v1/"):
            return self.server.sandbox.answer(request)
        if request.path.startswith("/admin/"):
            return self.server.control_api.answer(request)
        if request.path == "/ledger":
            return Answer(200, {"payments": self._ledger(request)})
        if request.path == "/health":
            return Answer(200, {"status": "ok"})
        raise unrecognized_url(request.method, request.path)

    def _overview(self) -> str:
        newest = audit.payments(self.server.ledger, limit=_PAYMENTS_ON_PAGE)
        modes = audit.unusual_modes(self.server.ledger)
        return page.render(newest, _PAYMENTS_ON_PAGE, self.server.faults.active(), modes)

    def _ledger(self, request: Request) -> list[dict]:
        """Return the payments of all accounts, of `?account=acct_…` or of the secret key's account.

        `created` filters them as in Stripe's lists."""
        given = nest(decode(request.query))
        account = optional_text(given.get("account", ""), "account")
        if "Authorization" in request.headers:
            account = account_of(secret_key(request.headers))
        created = time_range(given["created"], "created") if "created" in given else {}
        return audit.payments(self.server.ledger, account, created)

    def _read(self) -> Request:
        path, _, query = self.path.partition("?")
        return Request(self.command, path, query, cast(Mapping[str, str], self.headers), self._read_body())

    def _read_body(self) -> bytes:
        length = self.headers.get("Content-Length", "0")
        readable = _LENGTH.fullmatch(length) and int(length) <= _LARGEST_BODY
        if not readable or "Transfer-Encoding" in self.headers:
            self.close_connection = True  # the start of the next request is unknown
            raise invalid_request(f"Invalid request: a body needs a Content-Length of at most {_LARGEST_BODY}.")
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            raise ConnectionAbortedError("the client left in the middle of its request")
        return body

    def _for_pages_of_this_machine(self) -> dict[str, str]:
        """Allow pages of this machine, such as the shop's console, to read responses of the control API."""
        origin = self.headers.get("Origin", "")
        if not (self.path.startswith("/admin/") and _ON_THIS_MACHINE.fullmatch(origin)):
            return {}
        return {
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Allow-Headers": "Authorization, Content-Type",
            "Vary": "Origin",
        }

    def _send_page(self, page: Page) -> None:
        self._send(page.status, {**_HTML, **({"Location": page.location} if page.location else {})}, page.html)

    def _send_json(self, answer: Answer) -> None:
        self._send(answer.status, {**_JSON, **answer.headers}, json.dumps(answer.body))

    def _send(self, status: int, headers: dict[str, str], content: str) -> None:
        body = content.encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, _LINE_BREAK.sub(" ", value))
        self.send_header("Content-Length", str(len(body)))
        for name, value in self._for_pages_of_this_machine().items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
