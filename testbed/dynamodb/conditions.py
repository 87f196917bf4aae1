"""Conditions and filters: compiled into closures of an item and the values of a request."""

import operator
from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache
from typing import Any

from lark import Token, Tree

from testbed.dynamodb.expressions import (
    COMPILED_AT_MOST,
    MISSING,
    Expression,
    Names,
    Operand,
    Scope,
    Values,
    lookup,
    parse,
)
from testbed.dynamodb.values import Item, kind_of, same

Test = Callable[[Item, Values], bool]
IN_LIMIT = 100
ORDERED = ("S", "N")
KIND_NAMES = {"S", "N", "B", "BOOL", "NULL", "M", "L", "SS", "NS", "BS"}
_COMPARATORS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


@lru_cache(COMPILED_AT_MOST)
def condition(slot: str, text: str, names: Names) -> Expression:
    """Return a condition, which tests an item. `slot` is the parameter of the request that holds it."""
    scope = Scope(slot, names)
    [tree] = parse("condition", text, slot).children
    return scope.compiled(text, test_of(tree, scope))


def test_of(tree: Any, scope: Scope) -> Test:
    return _TESTS[tree.data](tree, scope)


def _any_of(tree: Tree[Token], scope: Scope) -> Test:
    tests = [test_of(child, scope) for child in tree.children]

    def test(item: Item, values: Values) -> bool:
        for each in tests:  # noqa: SIM110 (a generator costs more than the test)
            if each(item, values):
                return True
        return False

    return test


def _all_of(tree: Tree[Token], scope: Scope) -> Test:
    tests = [test_of(child, scope) for child in tree.children]

    def test(item: Item, values: Values) -> bool:
        for each in tests:  # noqa: SIM110 (a generator costs more than the test)
            if not each(item, values):
                return False
        return True

    return test


def _negation(tree: Tree[Token], scope: Scope) -> Test:
    negated = test_of(tree.children[0], scope)
    return lambda item, values: not negated(item, values)


def _grouped(tree: Tree[Token], scope: Scope) -> Test:
    inner = tree.children[0]
    if isinstance(inner, Tree) and inner.data == "grouped":
        raise scope.refusal("The expression has redundant parentheses;")
    return test_of(inner, scope)


def operand_of(tree: Any, scope: Scope) -> Operand:
    if tree.data == "path":
        return lookup(scope.path(tree))
    if tree.data == "value":
        placeholder = scope.value(tree)
        return lambda item, values: values[placeholder]
    name = str(tree.children[0])
    if name != "size":
        _known(name, scope)
        wrong = "The function is not allowed to be used this way in an expression"
        raise scope.refusal(f"{wrong}; function: {name}")
    _, [argument] = scope.arguments(tree, 1)
    found = lookup(scope.path_of(argument, name))
    return lambda item, values: _length(found(item, values))


def _length(value: Any) -> Any:
    if value.__class__ is str:
        return Decimal(len(value.encode()))
    return Decimal(len(value)) if value.__class__ in (dict, list, set) else MISSING


def _comparison(tree: Tree[Token], scope: Scope) -> Test:
    left: Any
    right: Any
    left, comparator, right = tree.children
    _refuse_twice(left, right, str(comparator), scope)
    one, other = operand_of(left, scope), operand_of(right, scope)
    if comparator == "=":
        return lambda item, values: same(one(item, values), other(item, values))
    if comparator == "<>":
        return lambda item, values: not same(one(item, values), other(item, values))
    for operand in (left, right):
        scope.demand(operand, str(comparator), *ORDERED)
    compare = _COMPARATORS[str(comparator)]
    return lambda item, values: _holds(compare, one(item, values), other(item, values))


def _refuse_twice(left: Tree[Token], right: Tree[Token], what: str, scope: Scope) -> None:
    if left.data == right.data == "path" and scope.path(left) == scope.path(right):
        wrong = "The first operand must be distinct from the remaining operands for this operator or function"
        raise scope.refusal(f"{wrong}; operator: {what}, first operand: {list(scope.path(left))}")


def _holds(compare: Callable[[Any, Any], bool], one: Any, other: Any) -> bool:
    kind = one.__class__
    return kind is other.__class__ and (kind is str or kind is Decimal) and compare(one, other)


def _between(tree: Tree[Token], scope: Scope) -> Test:
    found, least, most = (operand_of(child, scope) for child in tree.children)
    low: Any
    high: Any
    _, low, high = tree.children
    for bound in (low, high):
        scope.demand(bound, "BETWEEN", *ORDERED)
    if low.data == high.data == "value":
        scope.checks.append(_bounds(str(low.children[0]), str(high.children[0]), scope))

    def test(item: Item, values: Values) -> bool:
        value = found(item, values)
        return _holds(operator.ge, value, least(item, values)) and _holds(operator.le, value, most(item, values))

    return test


def _bounds(low: str, high: str, scope: Scope) -> Callable[[Values], None]:
    def check(values: Values) -> None:
        if kind_of(values[low]) != kind_of(values[high]):
            raise scope.refusal("The BETWEEN operator requires same data type for lower and upper bounds")
        if values[low] > values[high]:
            wrong = "The BETWEEN operator requires upper bound to be greater than or equal to lower bound"
            raise scope.refusal(wrong)

    return check


def _is_in(tree: Tree[Token], scope: Scope) -> Test:
    found, *operands = [operand_of(child, scope) for child in tree.children]
    if len(operands) > IN_LIMIT:
        raise scope.refusal("Too many operands; operator: IN")

    def test(item: Item, values: Values) -> bool:
        value = found(item, values)
        return any(same(value, each(item, values)) for each in operands)

    return test


def _function(tree: Tree[Token], scope: Scope) -> Test:
    name = str(tree.children[0])
    _known(name, scope)
    if name == "size":
        wrong = "The function is not allowed to be used this way in an expression"
        raise scope.refusal(f"{wrong}; function: {name}")
    return _FUNCTIONS[name](tree, scope)


def _known(name: str, scope: Scope) -> None:
    if name != "size" and name not in _FUNCTIONS:
        raise scope.refusal(f"Invalid function name; function: {name}")


def _exists(tree: Tree[Token], scope: Scope) -> Test:
    name, [argument] = scope.arguments(tree, 1)
    found = lookup(scope.path_of(argument, name))
    return lambda item, values: found(item, values) is not MISSING


def _not_exists(tree: Tree[Token], scope: Scope) -> Test:
    name, [argument] = scope.arguments(tree, 1)
    found = lookup(scope.path_of(argument, name))
    return lambda item, values: found(item, values) is MISSING


def _has_type(tree: Tree[Token], scope: Scope) -> Test:
    name, [argument, kind] = scope.arguments(tree, 2)
    found, wanted = lookup(scope.path_of(argument, name)), operand_of(kind, scope)
    scope.demand(kind, name, "S")

    def check(values: Values) -> None:
        given = values[str(kind.children[0])]
        if given not in KIND_NAMES:
            raise scope.refusal(f"Invalid attribute type name found; type: {given}, valid types: {sorted(KIND_NAMES)}")

    scope.checks.append(check)

    def test(item: Item, values: Values) -> bool:
        value = found(item, values)
        return value is not MISSING and kind_of(value) == wanted(item, values)

    return test


def _begins_with(tree: Tree[Token], scope: Scope) -> Test:
    name, [argument, beginning] = scope.arguments(tree, 2)
    found, wanted = operand_of(argument, scope), operand_of(beginning, scope)
    scope.demand(beginning, name, "S")

    def test(item: Item, values: Values) -> bool:
        value, start = found(item, values), wanted(item, values)
        return value.__class__ is str and start.__class__ is str and value.startswith(start)

    return test


def _contains(tree: Tree[Token], scope: Scope) -> Test:
    name, [argument, part] = scope.arguments(tree, 2)
    _refuse_twice(argument, part, name, scope)
    found, wanted = operand_of(argument, scope), operand_of(part, scope)

    def test(item: Item, values: Values) -> bool:
        value, member = found(item, values), wanted(item, values)
        if value.__class__ is str:
            return member.__class__ is str and member in value
        if value.__class__ is set:
            return member.__class__ in (str, Decimal) and member in value
        return value.__class__ is list and any(same(each, member) for each in value)

    return test


_FUNCTIONS: dict[str, Callable[[Tree[Token], Scope], Test]] = {
    "attribute_exists": _exists,
    "attribute_not_exists": _not_exists,
    "attribute_type": _has_type,
    "begins_with": _begins_with,
    "contains": _contains,
}
_TESTS: dict[str, Callable[[Tree[Token], Scope], Test]] = {
    "any_of": _any_of,
    "all_of": _all_of,
    "negation": _negation,
    "grouped": _grouped,
    "comparison": _comparison,
    "between": _between,
    "is_in": _is_in,
    "function": _function,
}
