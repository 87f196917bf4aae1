"""Releases: what invokes the API's function or a step of the saga, or starts a workflow, does so by an alias.

An alias names a published version:

https://docs.aws.amazon.com/step-functions/latest/dg/concepts-cd-aliasing-versioning.html (workflows) and
https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/automating-updates-to-serverless-apps.html
(the functions). A running execution keeps the definition that it began with: Step Functions API reference,
UpdateStateMachine and DeleteStateMachineVersion.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

Template = dict[str, Any]

ALIAS = "live"
MACHINE = "AWS::StepFunctions::StateMachine"
API_FUNCTION = "APIHandler"
SAGA = "OrderFulfilment"
PERCENT, MINUTES = 10, 5


def workflow_releases(template: Template) -> Template:
    """Return a version and the alias `{workflow}Live` of each Standard workflow.

    An Express workflow is called by StartSyncExecution, whose API reference names no alias, unlike StartExecution's.
    """
    machines = [name for name, each in template["Resources"].items() if is_standard(each)]
    versions = {f"{name}Version": _version(name) for name in machines}
    return versions | {f"{name}Live": _alias(name) for name in machines}


def is_standard(resource: Template) -> bool:
    return resource.get("Type") == MACHINE and resource["Properties"].get("StateMachineType") == "STANDARD"


def published(function: str) -> str:
    """Return the logical id of the alias that SAM generates: AWS SAM developer guide, "Generated resources"."""
    return f"{function}Alias{ALIAS}"


def step_releases(template: Template) -> Template:
    """Return the alias and the start of each function that an order needs on its way forward."""
    steps = {
        "AutoPublishAlias": ALIAS,
        "VersionDeletionPolicy": "Delete",
        "SnapStart": {"ApplyOn": {"Fn::If": ["StepsHaveSnapshots", "PublishedVersions", "None"]}},
        "ProvisionedConcurrencyConfig": {
            "Fn::If": [
                "StepsAreProvisioned",
                {"ProvisionedConcurrentExecutions": {"Ref": "StepEnvironments"}},
                {"Ref": "AWS::NoValue"},
            ]
        },
    }
    return {name: {"Properties": dict(steps)} for name in steps_forward(template)}


def steps_forward(template: Template) -> list[str]:
    """Return the functions of the saga's states that follow one another if nothing fails."""
    saga = template["Resources"][SAGA]["Properties"]
    definition = json.loads(re.sub(r'": \$\{\w+\}', '": 0', saga["DefinitionString"]))
    targets = saga["DefinitionSubstitutions"]
    called = re.findall(r"\$\{(\w+)\}", json.dumps(list(_calls(definition))))
    return list(dict.fromkeys(targets[name]["Fn::GetAtt"][0] for name in called if "Fn::GetAtt" in targets[name]))


def _calls(definition: Template) -> Iterator[Any]:
    """Yield what the states on the way forward call."""
    ahead, found = [definition["StartAt"]], set()
    while ahead:
        name = ahead.pop(0)
        if name not in found:
            found.add(name)
            state = definition["States"][name]
            yield state.get("Resource"), state.get("Arguments")
            for branch in state.get("Branches", []):
                yield from _calls(branch)
            edges = (state, *state.get("Choices", []))
            ahead += [edge[key] for edge in edges for key in ("Next", "Default") if key in edge]


def invoked_by_alias(template: Template) -> Template:
    """Return the template with every integration of the API, and the permission for it, on the function's alias, and
    with workflows that call the aliases of steps and may call nothing else of them."""
    text = json.dumps(template)
    text = text.replace(f"functions/${{{API_FUNCTION}.Arn}}/", f"functions/${{{published(API_FUNCTION)}}}/")
    changed: Template = json.loads(text)
    resources = changed["Resources"]
    for resource in resources.values():
        if resource["Type"] == "AWS::Lambda::Permission" and resource["Properties"]["FunctionName"] == _ref():
            resource["Properties"]["FunctionName"] = {"Ref": published(API_FUNCTION)}
    steps = {name for name, each in resources.items() if "AutoPublishAlias" in each.get("Properties", {})}
    for machine in [each["Properties"] for each in resources.values() if each["Type"] == MACHINE]:
        role = resources[machine["RoleArn"]["Fn::GetAtt"][0]]["Properties"]
        machine["DefinitionSubstitutions"] = _by_alias(machine["DefinitionSubstitutions"], steps)
        role["Policies"] = _by_alias(role["Policies"], steps)
    return changed


def _by_alias(value: Any, functions: set[str]) -> Any:
    """Return a part of a template with the aliases of these functions in place of the functions."""
    match value:
        case {"Fn::GetAtt": [str(name), "Arn"]} if name in functions:
            return {"Ref": published(name)}
        case dict():
            return {key: _by_alias(each, functions) for key, each in value.items()}
        case list():
            return [_by_alias(each, functions) for each in value]
    return value


def _ref() -> Template:
    return {"Ref": API_FUNCTION}


def _version(machine: str) -> Template:
    """A version is replaced when the workflow's revision changes; its running executions continue."""
    return {
        "Type": "AWS::StepFunctions::StateMachineVersion",
        "Properties": {
            "StateMachineArn": {"Ref": machine},
            "StateMachineRevisionId": {"Fn::GetAtt": [machine, "StateMachineRevisionId"]},
        },
    }


def _alias(machine: str) -> Template:
    """It watches its own workflow only: another's alarm would be a circular reference, by way of the API."""
    version, alarms = f"{machine}Version", [{"Ref": f"{machine}Alarm"}]
    gradual = {"Type": "CANARY", "Percentage": PERCENT, "Interval": MINUTES, "Alarms": alarms}
    target = {"StateMachineVersionArn": {"Ref": version}}
    preference = {"Fn::If": ["IsCanary", target | gradual, target | {"Type": "ALL_AT_ONCE"}]}
    return {
        "Type": "AWS::StepFunctions::StateMachineAlias",
        "Properties": {"Name": ALIAS, "DeploymentPreference": preference},
    }
