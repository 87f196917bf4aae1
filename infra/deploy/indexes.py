"""Index steps: adds the secondary indexes of a release to the deployed tables one at a time, before the release.

CloudFormation refuses an update that creates more than one index of a table, or creates one and deletes another
("AWS::DynamoDB::Table", "You can delete or add one global secondary index without interruption").
"""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

TABLE = "AWS::DynamoDB::Table"

Resource = dict[str, Any]


def steps(template: dict[str, Any], before: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the templates to be deployed in turn: the deployed one with a further index for each table that lacks some.

    The last index of a table is left to the release, unless the release deletes one.
    """
    tables = before.get("Resources", {})
    waiting = {
        name: missing
        for name, resource in template["Resources"].items()
        if resource["Type"] == TABLE and tables.get(name, {}).get("Type") == TABLE
        if (missing := _early(resource["Properties"], tables[name]["Properties"]))
    }
    step = deepcopy(before)
    while waiting:
        for name, missing in waiting.items():
            _add(step["Resources"][name]["Properties"], missing.pop(0), template["Resources"][name]["Properties"])
        waiting = {name: missing for name, missing in waiting.items() if missing}
        yield deepcopy(step)


def _early(wanted: Resource, deployed: Resource) -> list[Resource]:
    """Return the new indexes of a table that must not wait for the release."""
    new, old = _indexes(wanted), _indexes(deployed)
    added = [index for name, index in new.items() if name not in old]
    return added if old.keys() - new.keys() else added[:-1]


def _indexes(table: Resource) -> dict[str, Resource]:
    return {index["IndexName"]: index for index in table.get("GlobalSecondaryIndexes", [])}


def _add(table: Resource, index: Resource, wanted: Resource) -> None:
    """Add the index to the table, and the definitions of its keys."""
    table.setdefault("GlobalSecondaryIndexes", []).append(index)
    defined = {each["AttributeName"] for each in table["AttributeDefinitions"]}
    needed = {each["AttributeName"] for each in index["KeySchema"]} - defined
    table["AttributeDefinitions"] += [
        each for each in wanted["AttributeDefinitions"] if each["AttributeName"] in needed
    ]
