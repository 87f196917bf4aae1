"""Log groups: one for each function, with the stage's retention.

A group has a name of its own, and the function is created after it. Under the default name, `/aws/lambda/<function>`,
a function that runs early would create the group itself, without retention, and CloudFormation's creation would fail.
"""

import json
from pathlib import Path
from typing import Any

Template = dict[str, Any]
FUNCTION = "AWS::Serverless::Function"
PLATFORM_LINES = {
    "LogFormat": {"Fn::If": ["LogsEachInvocation", "Text", "JSON"]},
    "SystemLogLevel": {"Fn::If": ["LogsEachInvocation", {"Ref": "AWS::NoValue"}, "WARN"]},
}
"""Lambda's own lines about an invocation. With WARN there are none about one that succeeds, and a report of each that
fails: AWS Lambda developer guide, "Log-level filtering", system log level event mapping. Levels need the format JSON,
which leaves the shop's own lines as they are."""


def log_groups(template: Template, chalice: Path) -> Template:
    """Return the log group of each function, and each function's setting. `chalice` is Chalice's config file."""
    found: Template = {}
    for name in functions(template, chalice):
        found[f"{name}Logs"] = {
            "Type": "AWS::Logs::LogGroup",
            "Properties": {
                "LogGroupName": {"Fn::Sub": f"/aws/lambda/${{AWS::StackName}}-{name}-function"},
                "RetentionInDays": {"Ref": "LogRetentionDays"},
            },
        }
        found[name] = {"Properties": {"LoggingConfig": {"LogGroup": {"Ref": f"{name}Logs"}, **PLATFORM_LINES}}}
    return found


def functions(template: Template, chalice: Path) -> list[str]:
    """Return the logical ids of all functions: Chalice's, under its names for them, and our own.

    A variant of one of them has its role and log group, and is left out.
    """
    found = {name: each for name, each in template["Resources"].items() if each.get("Type") == FUNCTION}
    ours = [name for name, each in found.items() if "VariantOf" not in each.get("Metadata", {})]
    named = json.loads(chalice.read_text())["lambda_functions"]
    return ["APIHandler", *(_logical_id(name) for name in named), *ours]


def _logical_id(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_"))
