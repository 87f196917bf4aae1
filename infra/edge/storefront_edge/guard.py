"""Viewer request function for `/admin*`: only admins get the console's pages. Others are redirected to sign-in.

This keeps the pages out of sight; what protects the shop is that the API checks every call again.
"""

import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from .settings import Settings, settings
from .tokens import TokenRefused, verified_claims

COOKIE = "saga_admin"
GROUP = "admin"
HOME = "/admin"


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return answer(event["Records"][0]["cf"]["request"], settings(), time.time())


def answer(request: dict[str, Any], settings: Settings, now: float) -> dict[str, Any]:
    """Return the request unchanged, or a redirect to sign-in."""
    if not any(_is_admins(token, settings, now) for token in _tokens(request)):
        return _to_sign_in(request)
    return request | {"uri": _file(request["uri"])}


def _is_admins(token: str, settings: Settings, now: float) -> bool:
    try:
        claims = verified_claims(token, settings.token_keys, settings.token_issuer, settings.token_audience, now)
    except TokenRefused:
        return False
    groups = claims.get("cognito:groups")
    return isinstance(groups, list) and GROUP in groups


def _tokens(request: dict[str, Any]) -> Iterator[str]:
    for header in request["headers"].get("cookie", []):
        for pair in header["value"].split(";"):
            name, _, value = pair.strip().partition("=")
            if name == COOKIE:
                yield value


def _to_sign_in(request: dict[str, Any]) -> dict[str, Any]:
    """Return the redirect to sign-in. `next` is always a page of the console."""
    wanted = request["uri"] if _is_of_console(request["uri"]) else HOME
    if request["querystring"]:
        wanted += f"?{request['querystring']}"
    return {
        "status": "302",
        "statusDescription": "Found",
        "headers": {
            "location": [{"key": "Location", "value": f"/sign-in?next={quote(wanted, safe='')}"}],
            "cache-control": [{"key": "Cache-Control", "value": "no-store"}],
        },
    }


def _file(uri: str) -> str:
    """Return the file of a path; the same rule as in `viewer_request.js`."""
    if "." in uri.rpartition("/")[2]:
        return uri
    return "/admin/index.html" if _is_of_console(uri) else "/index.html"


def _is_of_console(uri: str) -> bool:
    return uri == HOME or uri.startswith(f"{HOME}/")
