"""Strict JSON parser: one reading of each document, and nothing in it that DynamoDB cannot store.

`json.loads` keeps the last of two equal keys, reads `NaN` and `Infinity`, and accepts half of a surrogate pair. Other
readers of the same bytes decide otherwise, so that a price of 500 for one could be 5 for the next.
"""

import json
from collections.abc import Iterator
from typing import Any

NUMBER_LIMIT = 10**38
"""DynamoDB keeps 38 significant digits. A number of this size or larger has no use in a shop."""

KEY_SHOWN = 100
"""Characters of a repeated key that an error message quotes."""


class JsonRefused(ValueError):
    """The text is not JSON (RFC 8259)."""


class JsonKeyRepeated(JsonRefused):
    """An object contains the same key twice."""


class JsonValueRefused(JsonRefused):
    """A value cannot be stored. `path` names it, with dots between keys and positions."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.path = path
        self.message = message


def parse(text: str | bytes) -> Any:
    """Return the value that `text` describes; bytes are UTF-8. Raises a kind of JsonRefused."""
    try:
        decoded = text.decode() if isinstance(text, bytes) else text
        parsed = json.loads(decoded, object_pairs_hook=_object, parse_constant=_refuse_constant)
        for path, message in _faults(parsed, ""):
            raise JsonValueRefused(path, message)
    except JsonRefused:
        raise
    except (ValueError, RecursionError):
        raise JsonRefused("not JSON") from None
    return parsed


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise JsonKeyRepeated(f"The key {key[:KEY_SHOWN]!a} must be given at most once.")
        found[key] = value
    return found


def _refuse_constant(name: str) -> Any:
    raise JsonRefused(f"{name} is not JSON")


def _faults(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Yield the place of each value that cannot be stored, with the reason."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _faults(key, path)
            yield from _faults(each, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for position, each in enumerate(value):
            yield from _faults(each, f"{path}.{position}" if path else str(position))
    elif isinstance(value, str) and not _is_unicode(value):
        yield path, "Must not contain half of a surrogate pair."
    elif isinstance(value, int | float) and not -NUMBER_LIMIT < value < NUMBER_LIMIT:
        yield path, "Must be a number of at most 38 digits."


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
