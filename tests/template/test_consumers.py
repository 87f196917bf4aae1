"""Consumers: each has the rights that its idempotency store needs, and receives only the events that it understands."""

import ast
import json

import pytest

from infra.build.template import ROOT

from .template import of_type, referred

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


def patterns(template):
    """Return each rule of the shop's bus with its event pattern, which may be a text with parameters."""
    for name, rule in of_type(template, "AWS::Events::Rule").items():
        if "EventBusName" in rule and referred(rule["EventBusName"]) == "EventBus":
            pattern = rule["EventPattern"]
            text = pattern["Fn::Sub"] if "Fn::Sub" in pattern else json.dumps(pattern)
            yield name, rule, json.loads(text.replace("${LargeOrderAmount}", "1"))


def test_rule_of_shop_events_has_a_version_filter(template):
    """A new version of an event is published beside the old one; a consumer must not receive both."""
    found = {name: pattern.get("detail", {}).get("version") for name, _, pattern in patterns(template)}
    assert len(found) > 8
    assert {name: versions for name, versions in found.items() if versions != [1]} == {}


def test_rule_that_writes_to_people_has_a_filter_of_replays(template):
    """A topic remembers nothing, so a replayed event would be sent again. Amazon EventBridge user guide, "Replaying
    archived events": `replay-name`."""
    found = {
        name: pattern.get("replay-name")
        for name, rule, pattern in patterns(template)
        if any(referred(target["Arn"]) == "StaffTopic" for target in rule["Targets"])
    }
    assert found == {name: [{"exists": False}] for name in ("LargeOrdersRule", "CustomsRule")}
