"""Cursors of lists: a place in one list, which the client hands back unread."""

import base64
import json
from typing import Any

from chalicelib.platform import strict_json
from chalicelib.platform.errors import CursorInvalid


def encoded(key: dict[str, Any] | None) -> str | None:
    """Return the cursor for DynamoDB's last evaluated key, None at the end of a list."""
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode() if key else None


def decoded(cursor: str, fixed: dict[str, str], *names: str) -> dict[str, str]:
    """Return the key of a cursor: these fixed attributes, which identify the list, and names with any text.

    Raises CursorInvalid for a cursor of any other list.
    """
    try:
        key: dict[str, str] = strict_json.parse(base64.urlsafe_b64decode(cursor.encode("ascii")))
        is_ours = set(key) == {*fixed, *names} and all(isinstance(v, str) and v for v in key.values())
        is_ours = is_ours and all(key[name] == value for name, value in fixed.items())
    except (ValueError, TypeError):
        is_ours = False
    if not is_ours:
        raise CursorInvalid
    return key
