"""Expansion: replaces ids by their objects for `expand[]`
(https://docs.stripe.com/api/expanding_objects)."""

from infra.stripe_sandbox.answers import invalid_request
from infra.stripe_sandbox.ledger import Books
from infra.stripe_sandbox.parameters import Raw, Reader, text

_DEEPEST = 4

_EXPANDABLE: dict[str, dict[str, str]] = {
    "payment_intent": {"latest_charge": "charge", "payment_method": "payment_method"},
    "charge": {"payment_intent": "payment_intent"},
    "refund": {"charge": "charge", "payment_intent": "payment_intent"},
    "dispute": {"charge": "charge", "payment_intent": "payment_intent"},
    "event": {},
    "webhook_endpoint": {},
    "payment_method": {},
}


def expansion_path(kind: str, listed: bool) -> Reader:
    """Parse a path such as `latest_charge.payment_intent`; in a list it starts with `data`."""

    def reader(value: Raw, name: str) -> list[str]:
        path = text(value, name)
        keys = path.split(".")
        if len(keys) > _DEEPEST:
            raise invalid_request(f"You cannot expand more than {_DEEPEST} levels of a property.")
        if (listed and keys.pop(0) != "data") or not _can_expand(kind, keys):
            raise invalid_request(f"This property cannot be expanded ({path}).")
        return keys

    return reader


def _can_expand(kind: str, keys: list[str]) -> bool:
    for key in keys:
        if key not in _EXPANDABLE[kind]:
            return False
        kind = _EXPANDABLE[kind][key]
    return True


def expand(books: Books, kind: str, body: dict, keys: list[str]) -> None:
    if body["object"] == "list":
        for item in body["data"]:
            expand(books, kind, item, keys)
        return
    if not keys or body[keys[0]] is None:
        return
    key, *deeper = keys
    target = _EXPANDABLE[kind][key]
    if isinstance(body[key], str):
        body[key] = books.find(target, body[key])
    expand(books, target, body[key], deeper)
