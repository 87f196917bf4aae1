"""Protections of the shop, and how a process comes to lack one of them."""

import ast
import json
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from testbed import coverage
from testbed.mutation import Mutant, Mutation
from testbed.mutation.code import Vocabulary, protections
from testbed.mutation.conditions import conditions, constants_of
from testbed.mutation.definitions import of_template, of_workflow
from testbed.mutation.mutant import with_unique_ids
from testbed.mutation.patching import Functions, functions_below, give
from testbed.mutation.syntax import Module

ROOT = Path(__file__).resolve().parents[2]
STAGE = "local"
LEFT_OUT = {"reporting", "console", "recommendations", "pricing", "accounts", "order_updates", "wiring"}
"""Rooms that show, or that the order's life does not depend on."""
DECIDES = {
    "fulfilment", "payments", "inventory", "shipping", "orders", "events", "billing", "loyalty", "analytics",
    "notifications", "cart", "dead_letters",
}  # fmt: skip
"""Rooms that decide by states and errors."""
PLATFORM = {"answers.py", "counters.py", "documents.py", "dynamo.py", "idempotency.py", "sqs_batch.py", "workflows.py"}
"""Modules of the platform that do."""
EDGES = ("routes.py", "views.py", "address.py", "countries.py", "quote.py")
"""Modules that parse and show."""
WORDS = Vocabulary(
    keyed=frozenset({"run_once", "acquire"}),
    effects=frozenset(
        {"create", "confirm", "capture", "cancel", "refund", "act", "new_event", "start_execution", "_payment"}
    ),
    keys=frozenset({"key", "name"}),
    items=frozenset({"idempotency_key", "MessageDeduplicationId"}),
    conditional=frozenset({"IfNoneMatch"}),
    leases=frozenset({"released_on_error", "release", "mark_done"}),
    retries=frozenset({"retry_on_conflict"}),
    state=frozenset(
        {
            "ENDED", "SETTLED", "OVER", "_is_due", "before", "begun", "booked", "cancellation", "dispatched_at", "done",
            "earlier", "erased_at", "expected", "failed", "is_cancellable", "is_over", "is_requested", "is_returnable",
            "known", "lease", "noted", "recall_outcome", "record", "refused", "status", "task_tokens", "was_there",
        }
    ),
    invalid=frozenset(
        {
            "CursorInvalid", "InvalidRequestError", "APIError", "AuthenticationError", "NumberParseException",
            "SignatureInvalid", "TooManyNames", "TypeError", "UnknownLocaleError", "ValidationError", "ValueError",
        }
    ),
    notes=frozenset({"note_failure"}),
)  # fmt: skip


def mutations() -> Iterator[Mutation]:
    """Yield all protections with the edits that remove them."""
    yield from with_unique_ids(_of_code())
    yield from with_unique_ids(_of_workflows())
    yield from with_unique_ids(_of_template())


@cache
def mutants() -> dict[str, Mutant]:
    """Return all mutants by id."""
    return {each.mutant.id: each.mutant for each in mutations()}


def sources() -> list[str]:
    """Return the files of code whose protections are looked for."""
    paths = sorted((ROOT / "chalicelib").rglob("*.py"))
    files = (path.relative_to(ROOT) for path in paths if not set(path.relative_to(ROOT).parts) & LEFT_OUT)
    return [str(file) for file in files if file.name != "examples.py"]


def _of_code() -> Iterator[Mutation]:
    for file in sources():
        yield from _of_module(_module(file))


def _module(file: str) -> Module:
    return Module((ROOT / file).read_text(), file)


def _of_module(module: Module) -> Iterator[Mutation]:
    room, name = Path(module.file).parts[1], Path(module.file).name
    yield from conditions(module, _constants(module.file))
    decides = name in PLATFORM if room == "platform" else room in DECIDES and not name.endswith(EDGES)
    yield from protections(module, WORDS, decides)


@cache
def _constants(file: str) -> dict[str, str]:
    """Return the texts of a module's constants, those it imports from the shop included."""
    tree = ast.parse((ROOT / file).read_text())
    imported: dict[str, str] = {}
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("chalicelib."):
            source = f"{str(node.module).replace('.', '/')}.py"
            if (ROOT / source).exists():
                others = _constants(source)
                imported |= {each.asname or each.name: others[each.name] for each in node.names if each.name in others}
    return constants_of(tree, imported)


def _of_workflows() -> Iterator[Mutation]:
    from infra.build.template import workflow

    for path in sorted((ROOT / "statemachine").glob("*.asl.yaml")):
        yield from _of_workflow(path, workflow(path))


def _of_workflow(path: Path, definition: dict[str, Any]) -> Iterator[Mutation]:
    """Yield the protections of a workflow; those of states that it takes over are the other workflow's."""
    text = path.read_text().splitlines()
    lines = {line.strip().rstrip(":"): number for number, line in enumerate(text, 1) if line.rstrip().endswith(":")}
    yield from of_workflow(definition, set(lines), str(path.relative_to(ROOT)), lines)


def _of_template() -> Iterator[Mutation]:
    from infra.build.template import merged_template

    yield from of_template(merged_template(STAGE), _line_of)


@cache
def _lines() -> dict[str, tuple[str, int]]:
    found = {}
    for path in sorted((ROOT / "infra" / "template").glob("*.yaml")):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if line.startswith("  ") and line[2:3].isalpha() and line.endswith(":"):
                found[line.strip(" :")] = (str(path.relative_to(ROOT)), number)
    return found


def _line_of(resource: str) -> tuple[str, int]:
    return _lines().get(resource, ("infra/build/derived.py", 1))


@cache
def warm() -> Functions:
    """Import the shop and simulate an order, so that a process that is forked begins at once. Return its functions."""
    from testbed.shop.application import Shop
    from testbed.simulation import Case, simulate

    simulate(Shop(), Case.of(0, 5))
    for file in sources():
        # Some are imported only when they are needed.
        import_module(file.removesuffix(".py").removesuffix("/__init__").replace("/", "."))
    return functions_below(str(ROOT / "chalicelib"))


def remove(mutant: Mutant) -> None:
    """Let this process lack a protection. Call `warm` before, in the process from which this one is forked.

    Raises NotRemoved if there is no such protection any more, or nothing that could lack it.
    """
    # Edges that a mutant takes do not count as covered.
    os.environ.pop(coverage.FOLDER, None)
    if mutant.file.startswith("chalicelib/"):
        module = _module(mutant.file)
        _apply(with_unique_ids(_of_module(module)), mutant)
        if not give(warm(), module.code(str(ROOT / mutant.file))):
            raise NotRemoved(mutant.id)
    elif mutant.file.startswith("statemachine/"):
        _change_workflow(mutant)
    else:
        _change_template(mutant)


class NotRemoved(Exception):
    """The protection was not found, or is in no function that is loaded."""


def _apply(found: Iterator[Mutation], mutant: Mutant) -> None:
    for mutation in list(found):
        if mutation.mutant.id == mutant.id:
            mutation.edit()
            return
    raise NotRemoved(mutant.id)


def _change_workflow(mutant: Mutant) -> None:
    from infra.build import template

    original: Callable[[Path], dict[str, Any]] = template.workflow

    def workflow(path: Path) -> dict[str, Any]:
        definition = original(path)
        if path.name == Path(mutant.file).name:
            # Anchors make parts of a definition one object.
            definition = json.loads(json.dumps(definition))
            _apply(with_unique_ids(_of_workflow(path, definition)), mutant)
        return definition

    template.workflow = workflow
    _read_again()


def _change_template(mutant: Mutant) -> None:
    """Change the merged template, and the packaged ones, which hold the same resources."""
    from infra.build import package, template

    module: Any = template
    built, packaged = template._built, package.package_each_stage

    def changed(text: str) -> str:
        merged = json.loads(text)
        with suppress(NotRemoved):  # not in this stage
            _apply(with_unique_ids(of_template(merged, _line_of)), mutant)
        return json.dumps(merged)

    def package_each_stage(out: Path) -> dict[str, Path]:
        module._built = built
        paths = packaged(out)
        module._built = lambda stage: changed(built(stage))
        for path in paths.values():
            path.write_text(changed(path.read_text()))
        return paths

    module._built = lambda stage: changed(built(stage))
    package.package_each_stage = package_each_stage
    _read_again()


def _read_again() -> None:
    """Let the simulator read workflows and template again."""
    from testbed.shop import world

    for each in (world.template, world.workflows, world.operated_parts, world.handlers):
        each.cache_clear()
