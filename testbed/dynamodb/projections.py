"""Projections: which attributes, or parts of them, an answer holds."""

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from lark import Tree

from testbed.dynamodb.expressions import COMPILED_AT_MOST, DocumentPath, Expression, Names, Scope, parse
from testbed.dynamodb.values import Item, copy_value

Wanted = dict[str | int, "Wanted | None"]
"""Attributes, keys of a map or indexes of a list: each as a whole, or what of it."""


@lru_cache(COMPILED_AT_MOST)
def projection(slot: str, text: str, names: Names) -> Expression:
    """Return a projection, which makes a copy of the wanted parts of a stored item."""
    scope = Scope(slot, names)
    paths = [scope.path(tree) for tree in parse("projection", text, slot).children if isinstance(tree, Tree)]
    scope.refuse_overlaps(paths)
    return scope.compiled(text, part_of(paths), tuple(paths))


def part_of(paths: Iterable[DocumentPath]) -> Callable[[Item], Item]:
    """Return the function that copies the parts of an item at these paths."""
    wanted: Wanted = {}
    for path in paths:
        inside = wanted
        for part in path[:-1]:
            deeper = inside.setdefault(part, {})
            assert deeper is not None, "overlaps were refused"
            inside = deeper
        inside[path[-1]] = None
    return lambda item: _part(item, wanted)


def _part(value: Any, wanted: Wanted | None) -> Any:
    """Return a copy of a part, without what is missing. Of a list, the wanted members move together."""
    if wanted is None:
        return copy_value(value)
    if value.__class__ is list:
        members = [(value[index], wanted[index]) for index in _indexes(wanted, value)]
        return [_part(member, rest) for member, rest in members if rest is None or _part(member, rest)]
    if value.__class__ is not dict:
        return {}
    found = {name: _part(value[name], rest) for name, rest in wanted.items() if name in value}
    return {name: part for name, part in found.items() if wanted[name] is None or part}


def _indexes(wanted: Wanted, value: list[Any]) -> list[int]:
    return sorted(index for index in wanted if isinstance(index, int) and index < len(value))
