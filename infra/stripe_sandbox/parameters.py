"""Form parameters: parses bracketed names into typed values. A request that fails here has had no effect, so its
answer is not stored under the idempotency key."""

import re
from collections.abc import Callable, Iterable
from typing import cast
from urllib.parse import parse_qsl

from infra.stripe_sandbox.answers import Refusal, invalid_request
from infra.stripe_sandbox.money import CURRENCIES

Pairs = list[tuple[str, str]]
Raw = str | dict
Reader = Callable[[Raw, str], object]
Shape = dict[str, Reader]

_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_KEY = re.compile(r"\[([^\[\]]*)\]")
_INTEGER = re.compile(r"-?[0-9]{1,18}")
_NUMBER = re.compile(r"[0-9]{1,6}(\.[0-9]{1,9})?")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_DEEPEST = 5
_LONGEST = 3600
_MOST_FIELDS = 1000


def decode(encoded: str) -> Pairs:
    try:
        return parse_qsl(encoded, keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)
    except ValueError as problem:
        message = f"Invalid request: the parameters cannot be decoded: {problem}"
        raise invalid_request(message) from None


def nest(pairs: Pairs) -> dict:
    """Parse `a[b]=1` to {"a": {"b": "1"}}, and both `a[]=x` and `a[0]=x` to {"a": {"0": "x"}}."""
    tree: dict = {}
    for name, value in pairs:
        match = _NAME.fullmatch(name)
        if match is None:
            raise unknown(name)
        _place(tree, [match[1], *_KEY.findall(match[2])], value, name)
    return tree


def _place(branch: dict, keys: list[str], value: str, name: str) -> None:
    if len(keys) > _DEEPEST:
        raise unknown(name)
    for key in keys[:-1]:
        branch = branch.setdefault(key or str(len(branch)), {})
        if not isinstance(branch, dict):
            raise invalid_request("Invalid object", param=name)
    branch[keys[-1] or str(len(branch))] = value


def read(raw: dict, shape: Shape, required: Iterable[str] = (), within: str = "") -> dict:
    for name in raw:
        if name not in shape:
            raise unknown(_qualified(name, within))
    for name in required:
        if name not in raw:
            raise missing(_qualified(name, within))
    return {name: shape[name](value, _qualified(name, within)) for name, value in raw.items()}


def _qualified(name: str, within: str) -> str:
    return f"{within}[{name}]" if within else name


def unknown(name: str) -> Refusal:
    return invalid_request(f"Received unknown parameter: {name}", "parameter_unknown", param=name)


def missing(name: str) -> Refusal:
    return invalid_request(f"Missing required param: {name}.", "parameter_missing", param=name)


def optional_text(value: Raw, name: str) -> str | None:
    """Return the text, or None for an empty value, which unsets the parameter."""
    if not isinstance(value, str):
        raise invalid_request("Invalid string", param=name)
    return value or None


def text(value: Raw, name: str) -> str:
    given = optional_text(value, name)
    if given is None:
        message = (
            f"You passed an empty string for '{name}'. We assume empty values are an attempt to "
            f"unset a parameter; however '{name}' cannot be unset. You should remove '{name}' from "
            "your request or supply a non-empty value."
        )
        raise invalid_request(message, "parameter_invalid_empty", param=name)
    return given


def email(value: Raw, name: str) -> str | None:
    address = optional_text(value, name)
    if address is not None and not _EMAIL.fullmatch(address):
        raise invalid_request(f"Invalid email address: {address}", "email_invalid", param=name)
    return address


def currency(value: Raw, name: str) -> str:
    code = text(value, name).lower()
    if code not in CURRENCIES:
        message = f"Invalid currency: {code}. Stripe currently supports these currencies: {', '.join(CURRENCIES)}"
        raise invalid_request(message, param=name)
    return code


def boolean(value: Raw, name: str) -> bool:
    given = text(value, name)
    if given not in ("true", "false"):
        raise invalid_request(f"Invalid boolean: {given}", param=name)
    return given == "true"


def integer(minimum: int | None = None, maximum: int | None = None) -> Reader:
    def reader(value: Raw, name: str) -> int:
        number = _whole_number(text(value, name), name)
        if minimum is not None and number < minimum:
            raise _invalid_integer(f"This value must be greater than or equal to {minimum}.", name)
        if maximum is not None and number > maximum:
            raise _invalid_integer(f"This value must be less than or equal to {maximum}.", name)
        return number

    return reader


def _whole_number(given: str, name: str) -> int:
    if not _INTEGER.fullmatch(given):
        raise _invalid_integer(f"Invalid integer: {given[:40]}", name)
    return int(given)


def _invalid_integer(message: str, name: str) -> Refusal:
    return invalid_request(message, "parameter_invalid_integer", param=name)


def seconds(value: Raw, name: str) -> float:
    given = text(value, name)
    if not _NUMBER.fullmatch(given) or float(given) > _LONGEST:
        raise invalid_request(f"Invalid {name}: must be a number from 0 to {_LONGEST}.", param=name)
    return float(given)


def probability(value: Raw, name: str) -> float:
    given = text(value, name)
    if not _NUMBER.fullmatch(given) or float(given) > 1:
        raise invalid_request(f"Invalid {name}: must be a number from 0 to 1.", param=name)
    return float(given)


def one_of(*choices: str) -> Reader:
    *others, last = choices
    listed = f"{', '.join(others)}, or {last}" if others else last

    def reader(value: Raw, name: str) -> str:
        given = text(value, name)
        if given not in choices:
            raise invalid_request(f"Invalid {name}: must be one of {listed}", param=name)
        return given

    return reader


def array(item: Reader) -> Reader:
    def reader(value: Raw, name: str) -> list:
        if not isinstance(value, dict):
            raise invalid_request("Invalid array", param=name)
        return [item(element, f"{name}[{index}]") for index, element in value.items()]

    return reader


def fields(shape: Shape, required: Iterable[str] = ()) -> Reader:
    def reader(value: Raw, name: str) -> dict:
        if not isinstance(value, dict):
            raise invalid_request("Invalid object", param=name)
        return read(value, shape, required, within=name)

    return reader


def time_range(value: Raw, name: str) -> dict[str, int]:
    """Parse `created=5` or `created[gte]=5`, in Unix seconds."""
    if isinstance(value, str):
        return {"eq": cast(int, integer()(value, name))}
    return cast(dict[str, int], fields(dict.fromkeys(("gt", "gte", "lt", "lte"), integer()))(value, name))


def metadata(value: Raw, name: str) -> dict[str, str] | None:
    """Return the changes to merge: an empty value unsets its key, and empty metadata unsets all keys."""
    if value == "":
        return None
    if not isinstance(value, dict):
        raise invalid_request("Invalid object", param=name)
    for key, content in value.items():
        _check_metadata(key, content, _qualified(key, name))
    return value


def _check_metadata(key: str, content: Raw, name: str) -> None:
    if not isinstance(content, str):
        raise invalid_request("Invalid string", param=name)
    for what, given, longest in (("keys", key, 40), ("values", content, 500)):
        if len(given) > longest:
            message = (
                f"Metadata {what} can have up to {longest} characters, "
                f"but you passed in one that is {len(given)} characters."
            )
            raise invalid_request(message, param=name)


def merged_metadata(current: dict, changes: dict | None) -> dict:
    if changes is None:
        return {}
    return {key: value for key, value in {**current, **changes}.items() if value != ""}
