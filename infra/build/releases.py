"""Releases: what invokes the API's function or starts a workflow does so by an alias, which names a published version.

https://docs.aws.amazon.com/step-functions/latest/dg/concepts-cd-aliasing-versioning.html (workflows) and
https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/automating-updates-to-serverless-apps.html
(the function). A running execution keeps the definition that it began with: Step Functions API reference,
UpdateStateMachine and DeleteStateMachineVersion.
"""

import json
from typing import Any

Template = dict[str, Any]

ALIAS = "live"
MACHINE = "AWS::StepFunctions::StateMachine"
API_FUNCTION = "APIHandler"
PUBLISHED = f"{API_FUNCTION}Alias{ALIAS}"
"""Logical id of the alias that SAM generates: AWS SAM developer guide, generated CloudFormation resources."""
PERCENT, MINUTES = 10, 5


def workflow_releases(template: Template) -> Template:
    """Return a version and the alias `{workflow}Live` of each workflow."""
    machines = [name for name, each in template["Resources"].items() if each.get("Type") == MACHINE]
    versions = {f"{name}Version": _version(name) for name in machines}
    return versions | {f"{name}Live": _alias(name) for name in machines}


def invoked_by_alias(template: Template) -> Template:
    """Return the template with every integration of the API, and the permission for it, on the function's alias."""
    text = json.dumps(template)
    text = text.replace(f"functions/${{{API_FUNCTION}.Arn}}/", f"functions/${{{PUBLISHED}}}/")
    changed: Template = json.loads(text)
    for resource in changed["Resources"].values():
        if resource["Type"] == "AWS::Lambda::Permission" and resource["Properties"]["FunctionName"] == _ref():
            resource["Properties"]["FunctionName"] = {"Ref": PUBLISHED}
    return changed


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
