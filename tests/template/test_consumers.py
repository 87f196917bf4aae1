"""Consumers: each function whose consumer uses the idempotency store has the rights that the store needs."""

import ast
import json

import pytest

from infra.build.template import ROOT

NEEDED = {"dynamodb:GetItem", "dynamodb:UpdateItem"}
"""What `IdempotencyStore` calls on its table."""


def calls(tree):
    """Return what each function refers to: `wiring.idempotency()` and `idempotency()` are both `idempotency`."""
    return {
        function.name: {node.attr for node in ast.walk(function) if isinstance(node, ast.Attribute)}
        | {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
        for function in tree.body
        if isinstance(function, ast.FunctionDef)
    }


def composition():
    """Return the references of all functions of the composition root."""
    files = sorted((ROOT / "chalicelib" / "wiring").glob("*.py"))
    return {name: found for file in files for name, found in calls(ast.parse(file.read_text())).items()}


def uses_the_store(name, wired, seen=frozenset()):
    if name == "idempotency":
        return True
    return name in wired and name not in seen and any(uses_the_store(n, wired, seen | {name}) for n in wired[name])


def consumers():
    """Return the functions of app.py that build a consumer with the idempotency store."""
    built = calls(ast.parse((ROOT / "chalicelib" / "wiring" / "consumers.py").read_text())).keys()
    wired = composition()
    entries = calls(ast.parse((ROOT / "app.py").read_text()))
    return sorted(name for name, found in entries.items() if any(uses_the_store(n, wired) for n in found & built))


def missing_rights(policy):
    allowed = set()
    for statement in policy["Statement"]:
        if "EffectsTable" in json.dumps(statement["Resource"]):
            allowed |= {statement["Action"]} if isinstance(statement["Action"], str) else set(statement["Action"])
    return NEEDED - allowed


@pytest.mark.parametrize("name", consumers())
def test_consumer_with_the_idempotency_store_may_use_its_table(name):
    assert not missing_rights(json.loads((ROOT / ".chalice" / "policies" / f"{name}.json").read_text()))


def test_consumers_of_emails_are_found_and_a_policy_without_the_table_is_not_enough():
    assert {"send_confirmation", "send_notifications"} <= set(consumers())
    assert missing_rights(json.loads((ROOT / ".chalice" / "policies" / "count_sales.json").read_text())) == NEEDED
