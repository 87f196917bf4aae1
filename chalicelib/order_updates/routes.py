"""What API Gateway calls: a connection opens, says something, or closes."""

from typing import Any

from chalicelib.wiring import order_updates as wiring


def handle(event: dict[str, Any]) -> dict[str, Any]:
    """By the kind of event and not by its route, which a client's message may name."""
    context = event["requestContext"]
    match context["eventType"]:
        case "CONNECT":
            wiring.order_updates().connected(context["connectionId"])
        case "DISCONNECT":
            wiring.order_updates().disconnected(context["connectionId"])
        case _:
            wiring.order_updates().received(context["connectionId"], event.get("body") or "")
    return {"statusCode": 200}
