"""Package sizes: what each function of a packaged template loads, beside one zip with all libraries."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from rich.table import Table

from infra.build.layers import LAYERS, archive_of
from infra.commands.output import PlainConsole

Parts = tuple[str, ...]
"""Names of a function's zips: its code first, then its layers."""


def print_sizes(console: PlainConsole, template: Path) -> None:
    """Print how many functions load which zips, in megabytes as they are uploaded."""
    folder = template.parent
    whole = _size(folder, (_code(template), *map(archive_of, LAYERS)))
    table = Table("functions", "code and layers", "MB", "of all libraries")
    for parts, functions in sorted(parts_of_functions(template).items(), key=lambda each: _size(folder, each[0])):
        size = _size(folder, parts)
        table.add_row(str(functions), " + ".join(parts), f"{size / 1e6:.2f}", f"{size / whole:.0%}")
    console.print(table)


def parts_of_functions(template: Path) -> Counter[Parts]:
    """Return how many functions load the same zips."""
    return Counter(
        (Path(function["CodeUri"]).name, *(archive_of(layer["Ref"]) for layer in function.get("Layers", [])))
        for function in _functions(template)
    )


def _functions(template: Path) -> list[dict[str, Any]]:
    """Return the properties of the functions that are zips."""
    resources = json.loads(template.read_text())["Resources"].values()
    functions = [each["Properties"] for each in resources if each["Type"] == "AWS::Serverless::Function"]
    return [each for each in functions if "CodeUri" in each]


def _code(template: Path) -> str:
    """Return the zip of most functions: the shop's own code."""
    return Counter(Path(function["CodeUri"]).name for function in _functions(template)).most_common(1)[0][0]


def _size(folder: Path, parts: Parts) -> int:
    return sum((folder / part).stat().st_size for part in parts)
