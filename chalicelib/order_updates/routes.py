"""What API Gateway calls: a connection opens, sends a message, or closes."""

from collections.abc import Mapping
from typing import Any

from chalicelib.order_updates.handshake import PROTOCOL
from chalicelib.platform.errors import Refusal, Unavailable
from chalicelib.platform.log import log
from chalicelib.platform.problems import status_of
from chalicelib.wiring import order_updates as wiring

OPENED = {"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": PROTOCOL}}
"""A browser closes a connection whose handshake names none of its protocols ("Set up a WebSocket API that requires a
WebSocket subprotocol", API Gateway developer guide)."""


def handle(event: dict[str, Any]) -> dict[str, Any]:
    """By the kind of event and not by its route, which a client's message may name."""
    context = event["requestContext"]
    peer = context["identity"]["sourceIp"]
    match context["eventType"]:
        case "CONNECT":
            return _connected(context["connectionId"], event.get("headers") or {}, peer)
        case "DISCONNECT":
            wiring.order_updates().disconnected(context["connectionId"])
        case _:
            wiring.order_updates().received(context["connectionId"], event.get("body") or "", peer)
    return {"statusCode": 200}


def _connected(connection_id: str, headers: Mapping[str, str], peer: str) -> dict[str, Any]:
    """Another status than 200 refuses the handshake."""
    lower = {name.lower(): value for name, value in headers.items()}
    try:
        wiring.order_updates().connected(connection_id, lower, peer)
    except Refusal as refusal:
        log.info("connection refused", extra={"code": refusal.code})
        return {"statusCode": int(status_of(refusal))}
    except Unavailable:
        log.exception("dependency unavailable")
        return {"statusCode": 503}
    return OPENED
