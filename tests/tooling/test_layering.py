"""Layers: which folder of `infra/` may import which, and what the test bed knows of the shop."""

import ast

import pytest

from infra.build.template import ROOT

INFRA = ROOT / "infra"
ALLOWED = {
    "build": set(),
    "seed": set(),
    "simulator": set(),
    "edge": set(),
    "stripe_sandbox": set(),
    "deploy": {"build", "seed"},
    "audit": {"deploy"},
    "local": {"build", "deploy", "seed"},
    "cost": {"build"},
    "capacity": {"build", "cost"},
    "commands": {"build", "seed", "deploy", "local", "audit", "capacity", "cost"},
    "lint": {"build"},
}
"""By folder: those that it may import."""
STANDALONE = ("edge", "simulator", "stripe_sandbox")
"""Folders that import nothing of the shop: they run alone, or are packaged alone."""


def imports(source):
    """The modules that a source imports."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level < 2, "an import from above hides its folder"
            if node.level == 0:
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


def edges():
    """Pairs of folders, the first of which imports the second."""
    found = set()
    for path in INFRA.rglob("*.py"):
        folder = path.relative_to(INFRA).parts[0]
        if path.parent == INFRA or "node_modules" in path.parts:
            continue
        for name in imports(path.read_text()):
            if name.startswith("infra."):
                found.add((folder, name.split(".")[1]))
    return {(folder, other) for folder, other in found if folder != other}


def test_infra_folders_import_only_lower_layers():
    allowed = {(folder, other) for folder, others in ALLOWED.items() for other in others}
    print(f"{len(edges())} edges between folders of infra")
    assert edges() == allowed


@pytest.mark.parametrize("folder", STANDALONE)
def test_standalone_folder_imports_nothing_of_the_shop(folder):
    sources = [path.read_text() for path in (INFRA / folder).rglob("*.py")]
    names = {name.split(".")[0] for source in sources for name in imports(source) if not own(name, folder)}
    assert sources and not names & {"chalicelib", "app", "infra"}


def test_test_bed_knows_the_shop_through_its_adapter_only():
    sources = [
        path for path in (ROOT / "testbed").rglob("*.py") if "shop" not in path.relative_to(ROOT).with_suffix("").parts
    ]
    names = {name.split(".")[0] for path in sources for name in imports(path.read_text())}
    assert "testbed" in names | {path.parent.name for path in sources}
    assert not names & {"app", "chalicelib", "infra", "tests"}


def own(name, folder):
    """Whether a module belongs to the folder itself."""
    return name.startswith(f"infra.{folder}.")
