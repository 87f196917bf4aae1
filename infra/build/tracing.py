"""Tracing: the permission of each function and workflow to write its segments to X-Ray.

The policies are attached by the roles themselves: Lambda and Step Functions refuse to create a traced function or
workflow whose role does not have them yet. No resource can be named: X-Ray's actions accept only `*`.
https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsx-ray.html
"""

from pathlib import Path
from typing import Any

from infra.build.logs import functions

Template = dict[str, Any]
WRITE = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
SAMPLE = ["xray:GetSamplingRules", "xray:GetSamplingTargets"]
"""Step Functions asks for the sampling rules with the workflow's role:
https://docs.aws.amazon.com/step-functions/latest/dg/xray-iam.html"""
MACHINE = "AWS::StepFunctions::StateMachine"


def traced(template: Template, chalice: Path) -> Template:
    """Return the two policies, the roles that have them, and the workflows' setting. `chalice` is Chalice's config."""
    machines = {name: each for name, each in template["Resources"].items() if each.get("Type") == MACHINE}
    found = [(name, template["Resources"].get(name, {})) for name in functions(template, chalice)]
    roles = {_role(each, name): "TraceFunction" for name, each in found if _is_traced(each)}
    roles |= {each["Properties"]["RoleArn"]["Fn::GetAtt"][0]: "TraceWorkflow" for each in machines.values()}
    return {
        "TraceFunction": _policy("Write the trace segments of a function.", WRITE),
        "TraceWorkflow": _policy("Write the trace segments of a workflow.", WRITE + SAMPLE),
        **{role: {"Properties": {"ManagedPolicyArns": [{"Ref": policy}]}} for role, policy in roles.items()},
        **{name: {"Properties": {"TracingConfiguration": {"Enabled": True}}} for name in machines},
    }


def _is_traced(function: Template) -> bool:
    return bool(function.get("Properties", {}).get("Tracing") != "PassThrough")


def _role(function: Template, name: str) -> str:
    """Return the logical id of a function's role: its own, or the one that Chalice names after the function."""
    role = function.get("Properties", {}).get("Role")
    return role["Fn::GetAtt"][0] if role else "ApiHandlerRole" if name == "APIHandler" else f"{name}Role"


def _policy(description: str, actions: list[str]) -> Template:
    statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    return {
        "Type": "AWS::IAM::ManagedPolicy",
        "Properties": {"Description": description, "PolicyDocument": document},
    }
