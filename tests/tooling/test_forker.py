"""Forker: loads the functions' code with what `make up` installs, which is less than what the tests do."""

import re
import subprocess
import sys
from importlib import metadata

from packaging.requirements import Requirement

from infra.build.template import ROOT

LOAD = """
import sys
from importlib.abc import MetaPathFinder

hidden = set(sys.argv[1].split(","))

class NotInstalled(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in hidden:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, NotInstalled())
from infra.local import forker
variables = {"_HANDLER": "app.app", "AWS_DEFAULT_REGION": "eu-west-1", "PATH": ""}
forker._load_libraries()
forker._load_code(forker.ForkRequest(None, [], variables, sys.argv[2]), "")
print(sum(name.startswith("chalicelib.") for name in sys.modules), "chalicelib.analytics.report_pdf" in sys.modules)
"""


def named_in(file):
    """Return the names of the requirements of a file and of those that it includes."""
    names = set()
    for line in (ROOT / file).read_text().splitlines():
        if included := re.match(r"-r (\S+)", line):
            names |= named_in(included[1])
        elif line and line[0] not in "#-":
            names.add(Requirement(line).name)
    return names


def brought_by(names):
    """Return these distributions and all that they require, by normalized names."""
    found, waiting = set(), list(names)
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if name in found:
            continue
        found.add(name)
        try:
            required = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue
        for each in map(Requirement, required):
            if each.marker is None or each.marker.evaluate({"extra": ""}):
                waiting.append(each.name)
    return found


def test_forker_loads_all_code_without_the_libraries_of_tests():
    kept = brought_by(named_in("requirements-local.txt"))
    hidden = {
        module
        for module, distributions in metadata.packages_distributions().items()
        if not {re.sub(r"[-_.]+", "-", each).lower() for each in distributions} & kept
    }
    assert {"matplotlib", "sqlalchemy", "pytest"} <= hidden
    command = [sys.executable, "-c", LOAD, ",".join(hidden), str(ROOT)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    loaded, has_plots = run.stdout.split()
    assert int(loaded) > 100
    assert has_plots == "False"
