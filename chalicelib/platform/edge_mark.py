"""Edge mark: the secret header by which the API recognizes requests that came through our distribution.

CloudFront sets the header over any value of the viewer ("Add custom headers to origin requests", CloudFront developer
guide). The API knows SHA-256 digests only, which are no secrets: of the current mark, and of the previous one, which
CloudFront's locations send until a rotation has reached them all.
"""

import hmac
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from typing import Any

from chalice import Response

from chalicelib.platform.errors import Forbidden
from chalicelib.platform.problems import refused
from chalicelib.platform.settings import settings

EDGE_MARK = "X-Edge-Mark"

DIRECT = ("/health", "/partner", "/webhooks/stripe")
"""The beginnings of paths that are called directly too: the gateway checks a partner's key, and Stripe signs."""


class DirectCallRefused(Forbidden):
    """Call the API at the storefront's address, below /api."""


def is_marked(headers: Mapping[str, str], digests: Iterable[str]) -> bool:
    """Return whether a request came through our distribution. `headers` have names in lower case."""
    digest = digest_of(headers.get(EDGE_MARK.lower(), ""))
    return any([hmac.compare_digest(digest, each) for each in digests])


def digest_of(mark: str) -> str:
    return sha256(mark.encode(errors="replace")).hexdigest()


def through_the_distribution(request: Any, answer: Callable[[Any], Response]) -> Response:
    """Chalice middleware: where the stage asks for it, refuse what did not come through our distribution."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    is_accepted = (
        not settings().require_edge_mark
        or is_direct(request.context["resourcePath"])
        or is_marked(headers, settings().edge_mark_digests.split())
    )
    return answer(request) if is_accepted else refused(DirectCallRefused())


def is_direct(path: str) -> bool:
    return any(path == start or path.startswith(f"{start}/") for start in DIRECT)
