"""A Stripe account as a deployment sees it: its name, and its webhook endpoints at public addresses.

The payment sandbox delivers webhooks to this machine only, so it refuses the addresses of a deployed stage.
"""

import itertools
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl


class StripeAccount:
    """`endpoints` are the registered webhook endpoints, by id."""

    def __init__(self) -> None:
        self.endpoints: dict[str, dict[str, Any]] = {}
        self._ids = itertools.count(1)

    def answer(self, method: str, path: str, form: dict[str, str]) -> Any:
        if path == "/v1/account":
            return {"id": "acct_1", "object": "account", "country": "DE", "charges_enabled": True}
        endpoint = path.removeprefix("/v1/webhook_endpoints").strip("/")
        if method == "GET":
            return {"object": "list", "has_more": False, "data": [*self.endpoints.values()]}
        if method == "DELETE":
            del self.endpoints[endpoint]
            return {"id": endpoint, "deleted": True}
        if not endpoint:
            endpoint = f"we_{next(self._ids)}"
            metadata = {"deployment": form["metadata[deployment]"]}
            self.endpoints[endpoint] = {"id": endpoint, "object": "webhook_endpoint", "metadata": metadata}
            self.endpoints[endpoint] |= {"url": form["url"]}
            return self.endpoints[endpoint] | {"secret": "whsec_1"}
        return self.endpoints[endpoint]


@contextmanager
def served(account: StripeAccount) -> Iterator[str]:
    """Serve the account on loopback; yield its address."""

    class Handler(BaseHTTPRequestHandler):
        def _respond(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            path = self.path.partition("?")[0]
            content = json.dumps(account.answer(self.command, path, dict(parse_qsl(body)))).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_DELETE = _respond

        def log_message(self, *arguments: Any) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
