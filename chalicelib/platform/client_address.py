"""Client address: the peer that the last trusted proxy saw. Nothing that a caller can write is trusted.

`X-Forwarded-For` grows at its right end. API Gateway appends the peer that connected to it; CloudFront appended the
viewer before that ("Request and response behavior for custom origins", section "Client IP addresses", CloudFront
developer guide). Entries further left are the caller's own text. The viewer's entry is trusted only in a request with
our distribution's mark (`edge_mark.py`): a caller may connect to the API directly, or through another distribution.
"""

import ipaddress
from collections.abc import Iterable, Mapping

from chalicelib.platform.edge_mark import is_marked


def client_network(headers: Mapping[str, str], peer: str, digests: Iterable[str]) -> str:
    """Return the caller's address, of IPv6 its /64: that is what one subscriber is given.

    `headers` have names in lower case; `peer` is what API Gateway reports where nothing was forwarded; `digests` are
    those of the edge mark.
    """
    hops = [hop.strip() for hop in headers.get("x-forwarded-for", "").split(",") if hop.strip()] or [peer]
    came_by_our_edge = len(hops) > 1 and is_marked(headers, digests)
    return network_of(hops[-2] if came_by_our_edge else hops[-1])


def network_of(hop: str) -> str:
    """Return an IPv4 address, or the /64 of an IPv6 address."""
    try:
        address = ipaddress.ip_address(hop)
    except ValueError:
        return hop[:45]
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network((address, 64), strict=False))
