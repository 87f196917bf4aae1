"""Conditions of writes to DynamoDB: finds their parts in a module, and makes one of them always true.

A part stays in the expression, because DynamoDB refuses values that no expression uses: it becomes `(part OR
attribute_not_exists(never_written))`.
"""

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial

from testbed.mutation.mutant import Kind, Mutant, Mutation
from testbed.mutation.syntax import Module, expression

Constants = Mapping[str, str]
"""Texts of a module's constants by name, with those that it imports."""
TRUE = "attribute_not_exists(never_written)"
IS_CONDITION = re.compile(r"attribute_(?:not_)?exists\(|[\w#.)}] *(?:=|<=|>=|<>|<|>) *:\w|contains\(|size\(")
IS_UPDATE = re.compile(r"\b(?:SET|ADD|REMOVE|DELETE)\b|if_not_exists|,")
IN_PARENTHESES = re.compile(r"\([^()]*\)")
LEASES = re.compile(r"lease|attempts")
KEYS = re.compile(r"\bdone\b|fingerprint")
VERSIONS = re.compile(r"version|:before|_read\b|UNCHANGED|AS_READ|AS_KNOWN|STILL_SO|:expected|received = ")
SINK = "ConditionExpression"


def conditions(module: Module, constants: Constants) -> Iterator[Mutation]:
    """Yield a mutation for each part of each use of a condition."""
    for node in module.all(ast.expr):
        if not module.is_in_function(node):
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and is_condition(constants.get(node.id, "")):
            yield from _parts(module, node, constants[node.id], node.id)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and _is_written(module, node):
            if is_condition(node.value):
                yield from _parts(module, node, node.value, "")
        elif isinstance(node, ast.JoinedStr) and is_condition(_shape(node)) and not _is_listed(module, node):
            yield _mutation(module, node, ast.unparse(node)[2:-1], "", partial(_joined, module, node))
    for keyword in module.all(ast.keyword):
        if keyword.arg == SINK and _builds_conditions(module) and not isinstance(keyword.value, ast.Constant):
            text = ast.unparse(keyword.value)
            yield _mutation(module, keyword.value, text, "", partial(_either, keyword), Kind.VERSION)


def is_condition(text: str) -> bool:
    """Return whether a text is a condition of DynamoDB, and no update or other text."""
    flat = text
    while (flatter := IN_PARENTHESES.sub("()", flat)) != flat:
        flat = flatter
    return bool(IS_CONDITION.search(text)) and not IS_UPDATE.search(flat)


def parts_of(condition: str) -> list[str]:
    """Return the parts that `AND` joins outside of parentheses; one if there is an `OR` outside."""
    found, depth, part = [], 0, ""
    for word in re.split(r"( AND | OR |[()])", condition):
        depth += (word == "(") - (word == ")")
        if depth == 0 and word == " OR ":
            return [condition]
        if depth == 0 and word == " AND ":
            found.append(part)
            part = ""
        else:
            part += word
    return [*found, part]


def constants_of(tree: ast.Module, imported: Constants) -> dict[str, str]:
    """Return the texts that a module assigns to names, those it imports included."""
    found = dict(imported)
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            text = _text(statement.value, found)
            if text is not None:
                found[statement.targets[0].id] = text
    return found


def _text(node: ast.expr, known: Constants) -> str | None:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        parts = [_text(each.value if isinstance(each, ast.FormattedValue) else each, known) for each in node.values]
        return None if None in parts else "".join(part or "" for part in parts)
    return known.get(node.id) if isinstance(node, ast.Name) else None


def _parts(module: Module, node: ast.expr, condition: str, name: str) -> Iterator[Mutation]:
    parts = parts_of(condition)
    for number, part in enumerate(parts):
        others = [f"({part} OR {TRUE})" if number == n else each for n, each in enumerate(parts)]
        new = ast.Constant(" AND ".join(others))
        label = f"{name} {part}" if name and len(parts) > 1 else name or part
        is_default = isinstance(module.parent(node), ast.arguments)
        edit = partial(_default, module, node, new) if is_default else partial(module.replace, node, new)
        yield _mutation(module, node, part, label, edit)


def _default(module: Module, node: ast.expr, new: ast.Constant) -> None:
    """Let a function begin by replacing the default value of an argument, which is no part of its code."""
    arguments, function, *_ = module.around(node)
    assert isinstance(arguments, ast.arguments) and isinstance(function, ast.FunctionDef)
    positional = [*arguments.posonlyargs, *arguments.args]
    name = positional[arguments.defaults.index(node) - len(arguments.defaults)].arg
    function.body[:0] = ast.parse(f"if {name} == {ast.unparse(node)}: {name} = {new.value!r}").body


def _mutation(
    module: Module, node: ast.expr, text: str, label: str, edit: Callable[[], None], kind: Kind | None = None
) -> Mutation:
    kind = kind or kind_of(f"{label} {text}")
    mutant = Mutant(
        id=f"{module.file}:{module.scope(node)}:{kind}:{label or text}",
        kind=kind,
        file=module.file,
        line=node.lineno,
        text=f"{label.split(' ')[0]}: {text}" if label and label != text else text,
    )
    return Mutation(mutant, edit)


def kind_of(text: str) -> Kind:
    """Return the kind of a condition's part by what it looks at."""
    for pattern, kind in ((LEASES, Kind.LEASE), (KEYS, Kind.KEY), (VERSIONS, Kind.VERSION)):
        if pattern.search(text):
            return kind
    return Kind.CONDITION


def _joined(module: Module, node: ast.JoinedStr) -> None:
    module.replace(node, ast.JoinedStr([ast.Constant("("), *node.values, ast.Constant(f" OR {TRUE})")]))


def _either(keyword: ast.keyword) -> None:
    true = expression("__import__('boto3').dynamodb.conditions.Attr('never_written').not_exists()")
    keyword.value = ast.BinOp(keyword.value, ast.BitOr(), true)


def _shape(node: ast.JoinedStr) -> str:
    """Return a formatted text with a name in place of each value. One that holds a condition's name is no literal."""
    return "".join(str(each.value) if isinstance(each, ast.Constant) else "_" for each in node.values)


def _is_written(module: Module, node: ast.Constant) -> bool:
    """Return whether a text stands where it can become a condition, rather than in a docstring or a formatted text."""
    parent = module.parent(node)
    return not isinstance(parent, (ast.Expr, ast.JoinedStr, ast.Compare)) and not (
        isinstance(parent, ast.keyword) and str(parent.arg).endswith("Expression") and parent.arg != SINK
    )


def _is_listed(module: Module, node: ast.JoinedStr) -> bool:
    """Return whether it is one of several assignments of an update."""
    return isinstance(module.parent(node), (ast.GeneratorExp, ast.ListComp))


def _builds_conditions(module: Module) -> bool:
    """Return whether a module makes conditions of `Attr`, which are no texts."""
    return any(alias.name == "Attr" for node in module.all(ast.ImportFrom) for alias in node.names)
