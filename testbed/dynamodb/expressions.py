"""Expressions: parsed once by text and names, and what conditions, updates and projections share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from lark import Lark, Token, Tree, UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from testbed.dynamodb.errors import Refusal, invalid
from testbed.dynamodb.values import Item, kind_of

Values = Mapping[str, Any]
Operand = Callable[[Item, Values], Any]
DocumentPath = tuple[str | int, ...]
Names = tuple[tuple[str, str], ...]
"""Items of ExpressionAttributeNames, which can be a key of a cache."""

LONGEST = 4096
COMPILED_AT_MOST = 4096
NUMBER_ROOM = 24
"""Most bytes of a computed number, and of what a map or a list adds for a member."""
RESERVED = frozenset((Path(__file__).parent / "reserved_words.txt").read_text().split())
"""Developer guide, "Reserved words in DynamoDB"."""


class Missing:
    """Type of `MISSING`, the value of an attribute that an item lacks."""


MISSING = Missing()


@dataclass(frozen=True)
class Expression:
    """A compiled expression. `checks` refuse values whose types or bounds it cannot take.

    `uses` is the largest number of times that it uses one value, `copies` how often it stores a part of the item again,
    `room` what names and computed numbers can add to the size of an item.
    """

    text: str
    names: frozenset[str]
    values: frozenset[str]
    checks: tuple[Callable[[Values], None], ...]
    run: Callable[..., Any]
    paths: tuple[DocumentPath, ...] = ()
    uses: int = 1
    copies: int = 0
    room: int = 0


@cache
def _grammar() -> Lark:
    starts = ["condition", "update", "projection"]
    return Lark.open("expressions.lark", rel_to=__file__, parser="lalr", start=starts)


def parse(kind: str, text: str, slot: str) -> Tree[Token]:
    """Return the syntax tree of a condition, an update or a projection. `slot` is the name of its parameter."""
    if not text.strip():
        raise invalid(f"Invalid {slot}: The expression can not be empty;")
    if len(text.encode()) > LONGEST:
        raise invalid(f"Invalid {slot}: Expression size has exceeded the maximum allowed size;")
    try:
        return _grammar().parse(text, start=kind)
    except UnexpectedInput as error:
        raise _syntax_error(error, text, slot) from None


def _syntax_error(error: UnexpectedInput, text: str, slot: str) -> Refusal:
    if isinstance(error, UnexpectedCharacters):
        token = text[error.pos_in_stream or 0]
    elif isinstance(error, UnexpectedToken) and error.token.type != "$END":
        token = str(error.token)
    else:
        return invalid(f'Invalid {slot}: Syntax error; token: "<EOF>", near: "{text[-20:]}"')
    start = error.pos_in_stream or 0
    near = text[max(0, start - 10) : start + len(token) + 10]
    return invalid(f'Invalid {slot}: Syntax error; token: "{token}", near: "{near}"')


class Scope:
    """Names and values that one expression uses, gathered while it is compiled."""

    def __init__(self, slot: str, names: Names) -> None:
        self.slot = slot
        self._names = dict(names)
        self.names: set[str] = set()
        self.values: list[str] = []
        self.checks: list[Callable[[Values], None]] = []
        self.copies = 0

    def refusal(self, message: str) -> Refusal:
        return invalid(f"Invalid {self.slot}: {message}")

    def path(self, tree: Tree[Token]) -> DocumentPath:
        return tuple(self._element(token) for token in tree.children if isinstance(token, Token))

    def _element(self, token: Token) -> str | int:
        if token.type == "INDEX":
            return int(token)
        if token.type == "NAME":
            if token.upper() in RESERVED:
                raise self.refusal(f"Attribute name is a reserved keyword; reserved keyword: {token}")
            return str(token)
        self.names.add(str(token))
        if token not in self._names:
            unknown = "An expression attribute name used in the document path is not defined"
            raise self.refusal(f"{unknown}; attribute name: {token}")
        return self._names[token]

    def value(self, tree: Tree[Token]) -> str:
        """Return the placeholder of a value."""
        [placeholder] = map(str, tree.children)
        self.values.append(placeholder)
        return placeholder

    def demand(self, operand: Tree[Token], what: str, *kinds: str) -> None:
        """Demand that the operand has one of these types, if it is a value of the request."""
        if operand.data != "value":
            return
        [placeholder] = map(str, operand.children)

        def check(values: Values) -> None:
            kind = kind_of(values[placeholder])
            if kind not in kinds:
                wrong = "Incorrect operand type for operator or function; operator or function"
                raise self.refusal(f"{wrong}: {what}, operand type: {kind}")

        self.checks.append(check)

    def arguments(self, tree: Tree[Token], arity: int) -> tuple[str, list[Any]]:
        """Return the name and the arguments of a function."""
        name, *arguments = tree.children
        if len(arguments) != arity:
            wrong = "Incorrect number of operands for operator or function; operator or function"
            raise self.refusal(f"{wrong}: {name}, number of operands: {len(arguments)}")
        return str(name), arguments

    def path_of(self, tree: Tree[Token], function: str) -> DocumentPath:
        """Return the path that a function demands as its argument."""
        if tree.data != "path":
            wrong = "Operator or function requires a document path; operator or function"
            raise self.refusal(f"{wrong}: {function}")
        return self.path(tree)

    def compiled(self, text: str, run: Callable[..., Any], paths: tuple[DocumentPath, ...] = ()) -> Expression:
        uses = max(map(self.values.count, self.values), default=1)
        values = frozenset(self.values)
        room = sum(NUMBER_ROOM + len(str(path).encode()) for path in paths)
        checks = tuple(self.checks)
        return Expression(text, frozenset(self.names), values, checks, run, paths, uses, self.copies, room)

    def refuse_overlaps(self, paths: list[DocumentPath]) -> None:
        for number, later in enumerate(paths):
            for earlier in paths[:number]:
                shared = min(len(earlier), len(later))
                if earlier[:shared] == later[:shared]:
                    both = f"path one: {_shown(earlier)}, path two: {_shown(later)}"
                    overlap = "Two document paths overlap with each other; must remove or rewrite one of these paths"
                    raise self.refusal(f"{overlap}; {both}")


def _shown(path: DocumentPath) -> str:
    return "[" + ", ".join(f"[{part}]" if isinstance(part, int) else part for part in path) + "]"


def at(item: Item, path: DocumentPath) -> Any:
    """Return the value at a path of a stored item, or MISSING."""
    value: Any = item
    for part in path:
        if value.__class__ is dict:
            value = value.get(part, MISSING)
        elif value.__class__ is list and isinstance(part, int) and part < len(value):
            value = value[part]
        else:
            return MISSING
    return value


def lookup(path: DocumentPath) -> Operand:
    """Return the operand that reads a path."""
    if len(path) > 1:
        return lambda item, values: at(item, path)
    name = str(path[0])
    return lambda item, values: item.get(name, MISSING)
