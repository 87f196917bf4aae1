"""Client address: the peer that the last trusted proxy saw. Nothing that a caller can write is trusted.

`X-Forwarded-For` grows at its right end. API Gateway appends the peer that connected to it; CloudFront appended the
viewer before that ("Request and response behavior for custom origins", section "Client IP addresses", CloudFront
developer guide). Entries further left are the caller's own text. The viewer's entry is trusted only in a request with
our distribution's secret header, which CloudFront sets over any value of the viewer ("Add custom headers to origin
requests", same guide): a caller may connect to the API directly, or through another distribution.
"""

import hmac
import ipaddress
from collections.abc import Mapping

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.platform.links import edge_mark
from chalicelib.platform.log import log
from chalicelib.platform.parameters import Parameter

EDGE_MARK = "X-Edge-Mark"


def client_network(headers: Mapping[str, str], peer: str, keys: Parameter) -> str:
    """Return the caller's address, of IPv6 its /64: that is what one subscriber is given.

    `headers` have names in lower case; `peer` is what API Gateway reports where nothing was forwarded.
    """
    hops = [hop.strip() for hop in headers.get("x-forwarded-for", "").split(",") if hop.strip()] or [peer]
    came_by_our_edge = len(hops) > 1 and _is_our_edge(headers.get(EDGE_MARK.lower(), ""), keys)
    return _network(hops[-2] if came_by_our_edge else hops[-1])


def _is_our_edge(mark: str, keys: Parameter) -> bool:
    """Where the keys cannot be read the peer counts: stricter, and never a failure."""
    if not mark:
        return False
    try:
        known = [edge_mark(key) for key in keys().split()]
    except (ClientError, BotoCoreError):
        log.warning("edge mark not checked")
        return False
    return any(hmac.compare_digest(mark.encode(), each.encode()) for each in known)


def _network(hop: str) -> str:
    try:
        address = ipaddress.ip_address(hop)
    except ValueError:
        return hop[:45]
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network((address, 64), strict=False))
