"""Boundaries of the rooms of `chalicelib/`: a room uses another one's service or model, never its store or routes."""

import ast

import pytest

from infra.build.template import ROOT

ROOMS = sorted(path.parent for path in (ROOT / "chalicelib").glob("*/__init__.py") if path.parent.name != "wiring")
"""`wiring` and `api.py` join the rooms, so they import everything."""


def imported(path, tree=None):
    """Yield the modules that a file imports."""
    for node in ast.walk(tree or ast.parse(path.read_text())):
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


def imported_at_run_time(path):
    """Yield the modules that a file imports outside of `if TYPE_CHECKING`."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            node.body = [ast.Pass()]
    yield from imported(path, tree)


def test_modules_import_no_development_dependency_at_run_time():
    """The functions' packages hold neither the stubs of boto3 nor the modules that only mypy reads."""
    files = [ROOT / "app.py", *(ROOT / "chalicelib").rglob("*.py")]
    found = {
        f"{path.name}: {name}"
        for path in files
        for name in imported_at_run_time(path)
        if name.startswith("types_boto3") or (ROOT / f"{name.replace('.', '/')}.pyi").exists()
    }
    assert found == set()


def test_no_module_waits_for_a_function_except_for_an_operators_question():
    """The console's audit and reports: an operator waits, nothing is changed, and nothing follows from a failure. A
    permission does not say whether the caller waits; the call does: AWS Lambda API reference, "Invoke"."""
    waiting = set()
    for path in (ROOT / "chalicelib").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "invoke":
                given = {each.arg: ast.unparse(each.value) for each in node.keywords}
                if given.get("InvocationType") != "'Event'":
                    waiting.add(path.relative_to(ROOT / "chalicelib").as_posix())
    assert waiting == {"console/auditor.py", "reporting/client.py"}


def test_composition_root_is_imported_by_entry_points_and_routes_only():
    root = ROOT / "chalicelib"
    importers = {
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        if not path.is_relative_to(root / "wiring") and not path.name.endswith("routes.py")
        if any(name.split(".")[:2] == ["chalicelib", "wiring"] for name in imported(path))
    }
    assert importers == set()


def imported_when_loaded(path):
    """Yield the modules that a file imports as soon as it is imported itself."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        is_type_check = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        if isinstance(node, ast.FunctionDef) or is_type_check:
            node.body = [ast.Pass()]
    yield from imported(path, tree)


def test_shop_without_reporting_loads_no_database_library():
    """Only `reporting/sql` imports them, and only functions that are called import that."""
    libraries = {"sqlalchemy", "psycopg", "alembic"}
    sql = ROOT / "chalicelib" / "reporting" / "sql"
    loading = {
        f"{path.name}: {name}"
        for path in [ROOT / "app.py", *(ROOT / "chalicelib").rglob("*.py")]
        if not path.is_relative_to(sql)
        for name in imported_when_loaded(path)
        if name.split(".")[0] in libraries or name.startswith("chalicelib.reporting.sql")
    }
    assert loading == set()
