"""WebSocket handshake: which site's page connects, and the order that its visitor proves to have access to.

A page can set only one header of a handshake, `Sec-WebSocket-Protocol`, so the proof is its second entry:
`order-updates.v1, <order id>.<token>`. A query string would be in logs.
"""

from collections.abc import Mapping

from pydantic import ValidationError

from chalicelib.order_updates.model import Subscribe
from chalicelib.platform.errors import Forbidden, TooMany, Unauthenticated
from chalicelib.platform.ids import OrderId

PROTOCOL = "order-updates.v1"


class OriginRefused(Forbidden):
    """Connect from a page of this shop."""


class ProofRequired(Unauthenticated):
    """Send `order-updates.v1` and an order's id and token as WebSocket subprotocols."""


class TooManyCalls(TooMany):
    """Too many connections or messages from this address. Wait a minute."""


def proof(headers: Mapping[str, str], origin: str) -> Subscribe:
    """Return the order and the token of a handshake from a page of `origin`. `headers` have names in lower case.

    Browsers send the page's origin, and no page can change it (RFC 6455, section 10.2).
    Raises OriginRefused, ProofRequired.
    """
    if headers.get("origin") != origin:
        raise OriginRefused
    entries = [entry.strip() for entry in headers.get("sec-websocket-protocol", "").split(",")]
    if len(entries) != 2 or entries[0] != PROTOCOL:
        raise ProofRequired
    order_id, _, token = entries[1].partition(".")
    try:
        return Subscribe(action="subscribe", order_id=OrderId(order_id), token=token)
    except ValidationError:
        raise ProofRequired from None
