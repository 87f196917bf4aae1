"""Strict rules: each has a source and a name of its own."""

from pathlib import Path

from infra.local import strict


def test_each_rule_is_registered_once_under_the_name_of_its_module():
    folder = Path(strict.__file__).parent
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__", "rule"}

    assert sorted(rule.name.replace("-", "_") for rule in strict.RULES) == sorted(modules)
    assert all(rule.source for rule in strict.RULES)
