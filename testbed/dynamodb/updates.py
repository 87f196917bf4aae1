"""Updates: compiled into a function that returns the changed item and leaves the stored one as it is."""

from collections.abc import Callable
from decimal import Decimal, DecimalException
from functools import lru_cache
from typing import Any

from boto3.dynamodb.types import DYNAMODB_CONTEXT
from lark import Token, Tree

from testbed.dynamodb.errors import Refusal, invalid
from testbed.dynamodb.expressions import (
    COMPILED_AT_MOST,
    MISSING,
    DocumentPath,
    Expression,
    Names,
    Operand,
    Scope,
    Values,
    at,
    lookup,
    parse,
)
from testbed.dynamodb.values import Item, copy_value, number_of

SLOT = "UpdateExpression"
NOT_FOUND = "The provided expression refers to an attribute that does not exist in the item"
WRONG_TYPE = "An operand in the update expression has an incorrect data type"
WRONG_PATH = "The document path provided in the update expression is invalid for update"
OVERFLOW = "Number overflow. Attempting to store a number with magnitude larger than supported range"
REMOVED = object()
Action = tuple[DocumentPath, Operand]
"""A path, and the operand that returns its new value or REMOVED."""


@lru_cache(COMPILED_AT_MOST)
def update(text: str, names: Names) -> Expression:
    """Return an update: `run(item, values)` returns the changed item. Both share what it does not change."""
    scope = Scope(SLOT, names)
    clauses: dict[str, list[Action]] = {}
    for clause in parse("update", text, SLOT).children:
        assert isinstance(clause, Tree)
        if clause.data in clauses:
            raise scope.refusal(f'The "{clause.data.upper()}" section can only be used once in an update expression;')
        clauses[clause.data] = [_ACTIONS[clause.data](action, scope) for action in clause.children]
    actions = [action for listed in clauses.values() for action in listed]
    scope.refuse_overlaps([path for path, _ in actions])
    ordered = sorted(actions, key=_in_order)
    is_flat = all(len(path) == 1 for path, _ in actions)
    run = _flat(ordered) if is_flat else _nested(ordered)
    return scope.compiled(text, run, tuple(path for path, _ in actions))


def _in_order(action: Action) -> tuple[bool, int]:
    """Members of a list are removed last, and from its end, so that every index means the list as it was."""
    path, operand = action
    is_removed = operand is _removed and isinstance(path[-1], int)
    return is_removed, -int(path[-1]) if is_removed else 0


def _flat(actions: list[Action]) -> Callable[[Item, Values], Item]:
    named = [(str(path[0]), operand) for path, operand in actions]

    def run(item: Item, values: Values) -> Item:
        changed = dict(item)
        for name, operand in named:
            value = operand(item, values)
            if value is REMOVED:
                changed.pop(name, None)
            else:
                changed[name] = value
        return changed

    return run


def _nested(actions: list[Action]) -> Callable[[Item, Values], Item]:
    tops = {str(path[0]) for path, _ in actions if len(path) > 1}

    def run(item: Item, values: Values) -> Item:
        changed = dict(item)
        for name in tops & changed.keys():
            changed[name] = copy_value(changed[name])
        for path, value in [(path, operand(item, values)) for path, operand in actions]:
            _change(changed, path, value)
        return changed

    return run


def _change(item: Item, path: DocumentPath, value: Any) -> None:
    holder, last = at(item, path[:-1]), path[-1]
    if holder.__class__ is dict and isinstance(last, str):
        if value is REMOVED:
            holder.pop(last, None)
        else:
            holder[last] = value
    elif holder.__class__ is list and isinstance(last, int):
        if value is REMOVED:
            del holder[last : last + 1]
        else:
            holder[last : last + 1] = [value]
    else:
        raise invalid(WRONG_PATH)


def _removed(item: Item, values: Values) -> Any:
    return REMOVED


def _set(tree: Any, scope: Scope) -> Action:
    path, _, operand = tree.children
    if operand.data != "arithmetic":
        scope.copies += len(list(operand.find_data("path")))
    return scope.path(path), _operand(operand, scope)


def _remove(tree: Any, scope: Scope) -> Action:
    return scope.path(tree), _removed


def _operand(tree: Any, scope: Scope) -> Operand:
    if tree.data == "path":
        return _existing(scope.path(tree))
    if tree.data == "value":
        placeholder = scope.value(tree)
        return lambda item, values: values[placeholder]
    if tree.data == "arithmetic":
        return _arithmetic(tree, scope)
    name = str(tree.children[0])
    if name not in ("if_not_exists", "list_append"):
        raise scope.refusal(f"Invalid function name; function: {name}")
    _, [one, other] = scope.arguments(tree, 2)
    return _if_not_exists(one, other, scope) if name == "if_not_exists" else _list_append(one, other, scope)


def _existing(path: DocumentPath) -> Operand:
    found = lookup(path)

    def operand(item: Item, values: Values) -> Any:
        value = found(item, values)
        if value is MISSING:
            raise invalid(NOT_FOUND)
        return value

    return operand


def _if_not_exists(path: Tree[Token], other: Tree[Token], scope: Scope) -> Operand:
    found, default = lookup(scope.path_of(path, "if_not_exists")), _operand(other, scope)

    def operand(item: Item, values: Values) -> Any:
        value = found(item, values)
        return default(item, values) if value is MISSING else value

    return operand


def _list_append(one: Tree[Token], other: Tree[Token], scope: Scope) -> Operand:
    for operand in (one, other):
        scope.demand(operand, "list_append", "L")
    first, second = _operand(one, scope), _operand(other, scope)

    def operand_(item: Item, values: Values) -> Any:
        start, end = first(item, values), second(item, values)
        if start.__class__ is not list or end.__class__ is not list:
            raise invalid(WRONG_TYPE)
        return start + end

    return operand_


def _arithmetic(tree: Tree[Token], scope: Scope) -> Operand:
    one: Any
    other: Any
    one, sign, other = tree.children
    for operand in (one, other):
        scope.demand(operand, str(sign), "N")
    left, right = _operand(one, scope), _operand(other, scope)
    compute = DYNAMODB_CONTEXT.add if sign == "+" else DYNAMODB_CONTEXT.subtract
    return lambda item, values: _computed(compute, left(item, values), right(item, values))


def _computed(compute: Callable[[Decimal, Decimal], Decimal], one: Any, other: Any) -> Decimal:
    if one.__class__ is not Decimal or other.__class__ is not Decimal:
        raise invalid(WRONG_TYPE)
    try:
        return number_of(compute(one, other))
    except DecimalException:
        raise invalid(OVERFLOW) from None


def _add(tree: Any, scope: Scope) -> Action:
    path, placeholder, found = _change_of(tree, scope, "ADD", "N", "SS", "NS")

    def operand(item: Item, values: Values) -> Any:
        old, added = found(item, values), values[placeholder]
        if old is MISSING:
            return added
        if old.__class__ is not added.__class__:
            raise invalid(WRONG_TYPE)
        return _computed(DYNAMODB_CONTEXT.add, old, added) if added.__class__ is Decimal else _joined(old, added)

    return path, operand


def _joined(one: set[Any], other: set[Any]) -> set[Any]:
    _demand_same_members(one, other)
    return one | other


def _demand_same_members(one: set[Any], other: set[Any]) -> None:
    if next(iter(one)).__class__ is not next(iter(other)).__class__:
        raise invalid(WRONG_TYPE)


def _delete(tree: Any, scope: Scope) -> Action:
    path, placeholder, found = _change_of(tree, scope, "DELETE", "SS", "NS")

    def operand(item: Item, values: Values) -> Any:
        old, deleted = found(item, values), values[placeholder]
        if old is MISSING:
            return REMOVED
        if old.__class__ is not set:
            raise invalid(WRONG_TYPE)
        _demand_same_members(old, deleted)
        return old - deleted or REMOVED

    return path, operand


def _change_of(tree: Any, scope: Scope, what: str, *kinds: str) -> tuple[DocumentPath, str, Operand]:
    path_of, value = tree.children
    path = scope.path(path_of)
    scope.demand(value, what, *kinds)
    return path, scope.value(value), lookup(path)


_ACTIONS: dict[str, Callable[[Any, Scope], Action]] = {"set": _set, "remove": _remove, "add": _add, "delete": _delete}


def key_changed(name: str) -> Refusal:
    """Return the refusal of an update that names a key attribute, even if its value stays."""
    text = f"Cannot update attribute {name}. This attribute is part of the key"
    return invalid(f"One or more parameter values were invalid: {text}")
