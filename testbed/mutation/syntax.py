"""Syntax: a module's tree that knows where each node stands, so that it can be replaced."""

import ast
from collections.abc import Iterator
from typing import Any, TypeVar

Node = TypeVar("Node", bound=ast.AST)
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class Module:
    """A module's source. `file` is its path below the project's folder."""

    def __init__(self, source: str, file: str) -> None:
        self.file = file
        self.tree = ast.parse(source)
        self._places: dict[ast.AST, tuple[ast.AST, str, int | None]] = {}
        for parent in ast.walk(self.tree):
            for name, value in ast.iter_fields(parent):
                if isinstance(value, ast.AST):
                    self._places[value] = (parent, name, None)
                elif isinstance(value, list):
                    self._places |= {
                        each: (parent, name, index) for index, each in enumerate(value) if isinstance(each, ast.AST)
                    }

    def all(self, kind: type[Node]) -> Iterator[Node]:
        """Yield the nodes of a kind, in the order of their lines."""
        found = [node for node in ast.walk(self.tree) if isinstance(node, kind)]
        yield from sorted(found, key=lambda node: (getattr(node, "lineno", 0), getattr(node, "col_offset", 0)))

    def parent(self, node: ast.AST) -> ast.AST | None:
        return self._places[node][0] if node in self._places else None

    def around(self, node: ast.AST) -> Iterator[ast.AST]:
        """Yield the nodes around a node, from the inside to the outside."""
        while (above := self.parent(node)) is not None:
            yield above
            node = above

    def scope(self, node: ast.AST) -> str:
        """Return the class and function that a node is in, empty for the module."""
        names = [each.name for each in self.around(node) if isinstance(each, SCOPES)]
        return ".".join(reversed(names))

    def is_in_function(self, node: ast.AST) -> bool:
        return any(isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef)) for each in self.around(node))

    def replace(self, node: ast.AST, *new: ast.AST) -> None:
        """Put one node, or in a list of statements several, in a node's place."""
        parent, name, index = self._places[node]
        if index is None:
            setattr(parent, name, new[0])
        else:
            siblings: list[Any] = getattr(parent, name)
            siblings[index : index + 1] = new

    def remove(self, statement: ast.stmt) -> None:
        self.replace(statement, ast.Pass())

    def code(self, path: str) -> Any:
        """Return the compiled module as it is now; `path` is its file's full name."""
        return compile(ast.fix_missing_locations(self.tree), path, "exec", dont_inherit=True)


def expression(source: str) -> ast.expr:
    return ast.parse(source, mode="eval").body


def calls(node: ast.AST, name: str) -> bool:
    """Return whether a node is a call of a function or method of this name."""
    return isinstance(node, ast.Call) and name_of(node.func) == name


def name_of(node: ast.AST) -> str:
    """Return the last part of a name, empty for what is none."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def brief(node: ast.AST, most: int = 70) -> str:
    text = ast.unparse(node)
    return text if len(text) <= most else f"{text[: most - 1]}…"
