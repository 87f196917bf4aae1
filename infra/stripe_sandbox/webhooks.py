"""Webhook endpoints: validates their URLs and event types and signs their events
(https://docs.stripe.com/webhooks). They must be on this machine."""

import hashlib
import hmac
import re
from urllib.parse import urlsplit

from infra.stripe_sandbox.answers import invalid_request
from infra.stripe_sandbox.ids import new_id, random_text
from infra.stripe_sandbox.ledger import Books
from infra.stripe_sandbox.parameters import Raw, merged_metadata, text

ALL_EVENTS = "*"

_PLAIN_URL = re.compile(r"http://[^@/?#]+([/?][!-~]*)?")
_EVENT_TYPE = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)+")
_EDITABLE = ("description", "enabled_events", "url")


def loopback_url(value: Raw, name: str) -> str:
    url = text(value, name)
    if not _is_loopback(url):
        raise invalid_request(
            f"Invalid URL: {url[:200]}. The sandbox only sends to this machine: http://127.0.0.1, "
            "http://localhost or http://<name>.localhost, with any port and path.",
            "url_invalid",
            param=name,
        )
    return url


def _is_loopback(url: str) -> bool:
    try:
        parts = urlsplit(url)
        usable = parts.port != 0
    except ValueError:
        return False
    host = parts.hostname or ""
    near = host in ("127.0.0.1", "localhost") or host.endswith(".localhost")
    return usable and near and parts.scheme == "http" and bool(_PLAIN_URL.fullmatch(url))


def event_type(value: Raw, name: str) -> str:
    given = text(value, name)
    if given != ALL_EVENTS and not _EVENT_TYPE.fullmatch(given):
        raise invalid_request(f"Invalid {name}: {given[:200]} is not a type of event.", param=name)
    return given


def new(parameters: dict, now: int) -> dict:
    return {
        "id": new_id("we"),
        "object": "webhook_endpoint",
        "api_version": parameters.get("api_version"),
        "application": None,
        "created": now,
        "description": parameters.get("description"),
        "enabled_events": parameters["enabled_events"],
        "livemode": False,
        "metadata": merged_metadata({}, parameters.get("metadata", {})),
        "secret": new_secret(),
        "status": "enabled",
        "url": parameters["url"],
    }


def new_secret() -> str:
    return f"whsec_{random_text(32)}"


def update(endpoint: dict, parameters: dict) -> dict:
    changes = {name: parameters[name] for name in _EDITABLE if name in parameters}
    if "disabled" in parameters:
        changes["status"] = "disabled" if parameters["disabled"] else "enabled"
    metadata = merged_metadata(endpoint["metadata"], parameters.get("metadata", {}))
    return {**endpoint, **changes, "metadata": metadata}


def without_secret(endpoint: dict) -> dict:
    """Return the endpoint with its secret, which is shown only when it is created."""
    return {name: value for name, value in endpoint.items() if name != "secret"}


def listeners(books: Books, kind: str) -> list[dict]:
    """Return the enabled endpoints that subscribe to events of this type."""
    wanted = {kind, ALL_EVENTS}
    return [
        endpoint
        for endpoint in books.page("webhook_endpoint", {})
        if endpoint["status"] == "enabled" and not wanted.isdisjoint(endpoint["enabled_events"])
    ]


def signature(secret: str, moment: int, body: str) -> str:
    """Return the Stripe-Signature header."""
    digest = hmac.new(secret.encode(), f"{moment}.{body}".encode(), hashlib.sha256).hexdigest()
    return f"t={moment},v1={digest}"
