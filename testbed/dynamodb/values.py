"""Attribute values: checked copies of those that come in, copies of those that go out, their size and DynamoDB's JSON.

Stored values are never changed in place, so that items, images of the stream and snapshots can share them. They are of
the exact types str, Decimal, bool, NoneType, dict, list and set. Binary values are not simulated.
"""

import marshal
from collections.abc import Callable, Mapping, Set
from decimal import Decimal
from typing import Any

from boto3.dynamodb.types import DYNAMODB_CONTEXT, Binary
from botocore.exceptions import ParamValidationError

from testbed.dynamodb.errors import invalid, invalid_value

Item = dict[str, Any]

ITEM_LIMIT = 400 * 1024
DEEPEST = 32
"""Levels of a nested attribute: Amazon DynamoDB developer guide, "Quotas in Amazon DynamoDB"."""
_EXACT_INT = 10**37
KINDS = {str: "S", Decimal: "N", bool: "BOOL", type(None): "NULL", dict: "M", list: "L"}
TOO_DEEP = (
    "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported limit"
)


def take(given: Mapping[str, Any], level: int = 0) -> Item:
    """Return a checked copy of an item, or of a map that is a value at a level of it.

    Raises Refusal; TypeError for what boto3 cannot serialize, ParamValidationError for what botocore refuses.
    """
    level += 1
    if level > DEEPEST and given:
        raise invalid(TOO_DEEP)
    try:
        "".join(given)
    except TypeError:
        raise ParamValidationError(report=f"Invalid type for key of a map: {list(given)!r}") from None
    return {
        name: value if (kind := value.__class__) is str else _TAKERS.get(kind, _take_other)(value, level)
        for name, value in given.items()
    }


def take_value(value: Any, level: int = 1) -> Any:
    """Return a checked copy of an attribute's value at a level. Raises as `take`."""
    return value if value.__class__ is str else _TAKERS.get(value.__class__, _take_other)(value, level)


def _take_as_it_is(value: Any, level: int) -> Any:
    return value


def _take_int(value: int, level: int) -> Decimal:
    return Decimal(value) if -_EXACT_INT < value < _EXACT_INT else number_of(value)


def _take_decimal(value: Decimal, level: int) -> Decimal:
    return number_of(value)


def _take_list(given: list[Any] | tuple[Any, ...], level: int) -> list[Any]:
    level += 1
    if level > DEEPEST and given:
        raise invalid(TOO_DEEP)
    return [
        value if (kind := value.__class__) is str else _TAKERS.get(kind, _take_other)(value, level) for value in given
    ]


def _take_set(given: Set[Any], level: int) -> set[Any]:
    if not given:
        raise invalid_value("An number set  may not be empty")
    taken = {take_value(each, level) for each in given}
    if {value.__class__ for value in taken} not in ({str}, {Decimal}):
        raise TypeError(f'Unsupported type "{type(given)}" for value "{given}"')
    if "" in taken:
        raise invalid_value("An string set may not have a empty string as a member")
    return taken


def _take_other(value: Any, level: int) -> Any:
    """Return a copy of a value of a rarer type: a subclass, such as an enum, or one that is refused."""
    if isinstance(value, float):
        raise TypeError("Float types are not supported. Use Decimal types instead.")
    if isinstance(value, (int, Decimal)):
        return number_of(value)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, Mapping):
        return take(value, level)
    if isinstance(value, (list, tuple)):
        return _take_list(value, level)
    if isinstance(value, Set):
        return _take_set(value, level)
    if isinstance(value, (bytes, bytearray, Binary)):
        raise NotImplementedError("binary values are not simulated")
    raise TypeError(f'Unsupported type "{type(value)}" for value "{value}"')


_TAKERS: dict[type, Callable[[Any, int], Any]] = {
    bool: _take_as_it_is,
    type(None): _take_as_it_is,
    int: _take_int,
    Decimal: _take_decimal,
    dict: take,
    list: _take_list,
    set: _take_set,
}


def number_of(value: int | Decimal) -> Decimal:
    """Return the number as it is stored, without zeros at the end. Raises what boto3 raises."""
    number = DYNAMODB_CONTEXT.create_decimal(value)
    if not number.is_finite():
        raise TypeError("Infinity and NaN not supported")
    text = str(number)
    return number if "." not in text and "E" not in text else Decimal(f"{number.normalize():f}") + 0


def copied(item: Item) -> Item:
    """Return a copy of stored values for a caller, who may change it."""
    return {
        name: value if (kind := value.__class__) is str or kind is Decimal else _COPIES[kind](value)
        for name, value in item.items()
    }


def _copied_list(values: list[Any]) -> list[Any]:
    return [value if (kind := value.__class__) is str or kind is Decimal else _COPIES[kind](value) for value in values]


def copy_value(value: Any) -> Any:
    return _COPIES[value.__class__](value)


def _unchanged(value: Any) -> Any:
    return value


_COPIES: dict[type, Callable[[Any], Any]] = {
    dict: copied,
    list: _copied_list,
    set: set,
    **dict.fromkeys((str, Decimal, bool, type(None)), _unchanged),
}


def kind_of(value: Any) -> str:
    """Return DynamoDB's name of a stored value's type."""
    if value.__class__ is set:
        return "NS" if isinstance(next(iter(value)), Decimal) else "SS"
    return KINDS[value.__class__]


def same(one: Any, other: Any) -> bool:
    """Whether two stored values are equal: of the same type, at every level. Python's True equals 1."""
    kind = one.__class__
    if kind is not other.__class__:
        return False
    if kind is list:
        return len(one) == len(other) and all(map(same, one, other))
    if kind is dict:
        return one.keys() == other.keys() and all(same(value, other[name]) for name, value in one.items())
    return bool(one == other)


def bound_of(given: Any, taken: Any) -> int:
    """Return an upper bound of the size of a value, from what a caller gave and its checked copy.

    Python's own serialization is at least half as long, and takes a tenth of the time that counting takes.
    """
    try:
        return 2 * len(marshal.dumps(given, 2))
    except ValueError:
        return _size(taken)


def size_of(item: Item) -> int:
    """Return the bytes of an item: developer guide, "DynamoDB Item sizes and formats"."""
    return sum(len(name.encode()) + _size(value) for name, value in item.items())


def _size(value: Any) -> int:
    kind = value.__class__
    if kind is str:
        return len(value.encode())
    if kind is Decimal:
        digits = len(str(abs(value)).replace(".", "").strip("0"))
        return 1 + (digits + 1) // 2 + (value < 0)
    if kind is dict:
        return 3 + sum(1 + len(name.encode()) + _size(each) for name, each in value.items())
    if kind is list:
        return 3 + sum(1 + _size(each) for each in value)
    return sum(map(_size, value)) if kind is set else 1


def typed(item: Item) -> dict[str, Any]:
    """Return a stored item in DynamoDB's JSON, as boto3's TypeSerializer does; the members of sets in order."""
    return {name: _typed(value) for name, value in item.items()}


def _typed(value: Any) -> dict[str, Any]:
    kind = kind_of(value)
    if kind == "N":
        return {kind: str(value)}
    if kind == "M":
        return {kind: typed(value)}
    if kind == "L":
        return {kind: [_typed(each) for each in value]}
    if kind in ("SS", "NS"):
        return {kind: [str(each) for each in sorted(value)]}
    return {kind: True if value is None else value}
