"""Boundaries of the rooms of `chalicelib/`: a room uses another one's service or model, never its store or routes."""

import ast

import pytest

from infra.build.template import ROOT

ROOMS = sorted(path.parent for path in (ROOT / "chalicelib").glob("*/__init__.py") if path.parent.name != "wiring")
"""`wiring` and `api.py` join the rooms, so they import everything."""


def imported(path):
    """Yield the modules that a file imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_room_imports_no_store_or_routes_of_another_room(room):
    foreign = {
        f"{path.name}: {name}"
        for path in room.rglob("*.py")
        for name in imported(path)
        if name.startswith("chalicelib.") and name.split(".")[1] != room.name
        if name.split(".")[2:3] and name.split(".")[2].endswith(("store", "routes"))
    }
    assert foreign == set()


def test_only_entry_points_and_routes_import_the_composition_root():
    root = ROOT / "chalicelib"
    importers = {
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        if not path.is_relative_to(root / "wiring") and not path.name.endswith("routes.py")
        if any(name.split(".")[:2] == ["chalicelib", "wiring"] for name in imported(path))
    }
    assert importers == set()
