"""Protections in Python code that are no conditions of writes: keys, leases, handlers of errors, retries, guards."""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from testbed.mutation.mutant import Kind, Mutant, Mutation
from testbed.mutation.syntax import Module, brief, calls, expression, name_of


@dataclass(frozen=True)
class Vocabulary:
    """How an application names its protections."""

    keyed: frozenset[str]
    """Functions whose first argument is the key of an effect."""
    effects: frozenset[str]
    """Functions that have an effect once for each of their argument `key` or `name`."""
    keys: frozenset[str]
    """Names of such arguments."""
    items: frozenset[str]
    """Names of items of a request that are deterministic keys."""
    conditional: frozenset[str]
    """Arguments that make a call conditional."""
    leases: frozenset[str]
    """Functions on a lease: as a statement or as a context manager."""
    retries: frozenset[str]
    """Iterators over attempts, whose first argument is their number."""
    state: frozenset[str]
    """Names of what has happened already: of attributes, variables and constants."""
    invalid: frozenset[str]
    """Errors that say that something cannot be read, which is no matter of repetition."""
    notes: frozenset[str]
    """Functions that note a failure, so that the next attempt is made in another way."""


def protections(module: Module, words: Vocabulary, decides: bool) -> Iterator[Mutation]:
    """Yield a mutation for each protection. `decides`: whether the module decides by states and errors."""
    for node in module.all(ast.AST):
        match node:
            case ast.Call():
                yield from _of_call(module, node, words)
            case ast.Dict():
                for key, value in zip(node.keys, node.values, strict=True):
                    is_sent = not isinstance(module.parent(node), ast.Assign)
                    if is_sent and isinstance(key, ast.Constant) and key.value in words.items:
                        yield _random(module, value, str(key.value))
            case ast.With() if any(calls(each.context_expr, name) for each in node.items for name in words.leases):
                edit = partial(module.replace, node, *node.body)
                yield _mutation(module, node, Kind.LEASE, brief(node.items[0].context_expr), edit)
            case ast.Expr() if any(calls(node.value, name) for name in words.leases) and _is_on_lease(node.value):
                yield _mutation(module, node, Kind.LEASE, brief(node.value), partial(module.remove, node))
            case ast.ExceptHandler() if decides:
                yield from _of_handler(module, node, words)
            case ast.If() if decides and _is_guard(module, node, words):
                text = f"if {brief(node.test)}: {brief(node.body[0], 40)}"
                edit = partial(module.replace, node.test, ast.Constant(False))
                yield _mutation(module, node, Kind.GUARD, text, edit, brief(node.test))


def _of_call(module: Module, node: ast.Call, words: Vocabulary) -> Iterator[Mutation]:
    function = name_of(node.func)
    if function in words.keyed and node.args and not isinstance(node.args[0], ast.Name):
        yield _random(module, node.args[0], function)
    if function in words.retries and node.args:
        edit = partial(module.replace, node.args[0], ast.Constant(1))
        yield _mutation(module, node, Kind.RETRY, f"{brief(node)} → 1 attempt", edit, brief(node))
    if function == "suppress" and module.is_in_function(node):
        edit = partial(setattr, node, "args", [])
        yield _mutation(module, node, Kind.DEDUP, brief(node), edit)
    for keyword in node.keywords:
        if keyword.arg in words.conditional:
            edit = partial(node.keywords.remove, keyword)
            yield _mutation(module, node, Kind.CONDITION, f"{function} {keyword.arg}", edit)
    if function in words.effects:
        for argument in node.args:
            name = name_of(argument.func if isinstance(argument, ast.Call) else argument)
            if name in words.keys and not isinstance(argument, ast.Attribute):
                yield _random(module, argument, function)
        for keyword in node.keywords:
            if keyword.arg in words.keys:
                yield _random(module, keyword.value, function)


def _random(module: Module, key: ast.expr, label: str) -> Mutation:
    """Return the mutation that makes a key another one each time. A key that is None stays so."""

    def edit() -> None:
        random = "(lambda key: key and f'{key}~{__import__(\"uuid\").uuid4().hex[:8]}')"
        module.replace(key, expression(f"{random}({ast.unparse(key)})"))

    return _mutation(module, key, Kind.KEY, f"{label}: {brief(key)} → random", edit, f"{label} {brief(key)}")


def _is_on_lease(call: ast.AST) -> bool:
    return isinstance(call, ast.Call) and any("lease" in name_of(each) for each in call.args)


def _of_handler(module: Module, node: ast.ExceptHandler, words: Vocabulary) -> Iterator[Mutation]:
    """Yield the mutation that raises what a handler handles, unless the handler only translates it."""
    errors = [name_of(each) for each in _elements(node.type)]
    if set(errors) & words.invalid or isinstance(node.body[0], ast.Raise) or not module.is_in_function(node):
        return
    kind = Kind.CATCH if errors == ["Exception"] else Kind.DEDUP
    if isinstance(node.body[-1], ast.Raise) and len(node.body) > 1 and not isinstance(node.body[0], ast.If):
        if not any(calls(each, name) for each in ast.walk(node) for name in words.notes):
            return
        kind = Kind.RETRY

    def edit() -> None:
        node.body = [ast.Raise()]

    text = f"except {', '.join(errors)}: {brief(node.body[0], 50)}"
    yield _mutation(module, node, kind, text, edit, f"except {', '.join(errors)}")


def _elements(node: ast.expr | None) -> list[ast.expr]:
    if isinstance(node, ast.Tuple):
        return [each.value if isinstance(each, ast.Starred) else each for each in node.elts]
    return [node] if node is not None else []


def _is_guard(module: Module, node: ast.If, words: Vocabulary) -> bool:
    """Return whether an `if` ends a function, or an attempt, because of what has happened already."""
    is_end = len(node.body) == 1 and isinstance(node.body[0], (ast.Raise, ast.Return, ast.Continue))
    if not is_end or node.orelse:
        return False
    names = {name_of(each) for each in ast.walk(node.test)}
    return bool(names & words.state)


def _mutation(
    module: Module, node: ast.AST, kind: Kind, text: str, edit: Callable[[], object], label: str | None = None
) -> Mutation:
    name = f"{module.file}:{module.scope(node)}:{kind}:{label or text}"
    return Mutation(Mutant(name, kind, module.file, getattr(node, "lineno", 0), text), edit)
