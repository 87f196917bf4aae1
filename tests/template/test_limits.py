"""Limits that AWS enforces at deployment and the emulator does not, computed with realistic physical names."""

import json
import re
from typing import Any

from .template import Template, of_type, referred

REGION, ACCOUNT = "ap-southeast-2", "123456789012"
"""A region with one of the longest names."""
INLINE_LIMIT = 10_240
"""All inline policies of a role, white space excluded:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""
MANAGED_LIMIT, MANAGED_PER_ROLE = 6_144, 10

KIND_OF_ARN = {
    "AWS::DynamoDB::Table": "dynamodb:{r}:{a}:table/{n}",
    "AWS::SQS::Queue": "sqs:{r}:{a}:{n}",
    "AWS::SNS::Topic": "sns:{r}:{a}:{n}",
    "AWS::S3::Bucket": "s3:::{n}",
    "AWS::Events::EventBus": "events:{r}:{a}:event-bus/{n}",
    "AWS::StepFunctions::StateMachine": "states:{r}:{a}:stateMachine:{n}",
    "AWS::Serverless::Function": "lambda:{r}:{a}:function:{n}",
}


class Physical:
    """Resolve a template's intrinsic functions as CloudFormation would for a stack `storefront-{stage}`."""

    def __init__(self, template: Template, stage: str) -> None:
        self._template = template
        self._pseudo = {
            "AWS::Partition": "aws",
            "AWS::Region": REGION,
            "AWS::AccountId": ACCOUNT,
            "AWS::StackName": f"storefront-{stage}",
            "AWS::StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/storefront-{stage}/{'0' * 36}",
        }

    def resolved(self, value: Any) -> Any:
        match value:
            case {"Ref": name}:
                return self._named(name)
            case {"Fn::GetAtt": [name, attribute]}:
                return self._attribute(name, attribute)
            case {"Fn::Sub": str(text)}:
                return re.sub(r"\$\{([\w:.]+)\}", lambda match: self._substituted(match[1]), text)
            case dict():
                return {key: self.resolved(each) for key, each in value.items()}
            case list():
                return [self.resolved(each) for each in value]
        return value

    def _substituted(self, name: str) -> str:
        resource, _, attribute = name.partition(".")
        return self._attribute(resource, attribute) if attribute else self._named(name)

    def _named(self, name: str) -> str:
        if name in self._pseudo:
            return self._pseudo[name]
        if name in self._template.get("Parameters", {}):
            return str(self._template["Parameters"][name].get("Default", "x" * 40))
        resource = self._template["Resources"][name]
        if resource["Type"] in ("AWS::StepFunctions::StateMachine", "AWS::SNS::Topic"):
            return self._attribute(name, "Arn")
        given = next((v for k, v in resource.get("Properties", {}).items() if k in ("Name", "QueueName")), None)
        # CloudFormation appends a random suffix of 12 characters and cuts names to 64.
        return self.resolved(given) if given else f"{self._pseudo['AWS::StackName']}-{name}"[:51] + "-ABCDEFGHIJKL"

    def _attribute(self, name: str, attribute: str) -> str:
        resource = self._template["Resources"][name]
        form = KIND_OF_ARN.get(resource["Type"])
        if form is None or attribute not in ("Arn", "StreamArn"):
            return f"{name}-{attribute}" + "x" * 12
        own = resource.get("Properties", {})
        given = own.get("StateMachineName") or own.get("Name") or own.get("FunctionName")
        physical = self.resolved(given) if given else f"{self._pseudo['AWS::StackName']}-{name}"[:51] + "-ABCDEFGHIJKL"
        arn = "arn:aws:" + form.format(r=REGION, a=ACCOUNT, n=physical)
        return arn if attribute == "Arn" else f"{arn}/stream/2026-01-01T00:00:00.000"


def _size(document: Any) -> int:
    return len(json.dumps(document, separators=(",", ":")))


def test_inline_policies_of_each_role_fit_into_aws_limit(template, stage):
    physical = Physical(template, stage)
    documents: dict[str, list[Any]] = {
        name: [policy["PolicyDocument"] for policy in role.get("Policies", [])]
        for name, role in of_type(template, "AWS::IAM::Role").items()
    }
    for policy in of_type(template, "AWS::IAM::Policy").values():
        for role in policy["Roles"]:
            documents[referred(role)].append(policy["PolicyDocument"])
    sizes = {role: sum(_size(physical.resolved(each)) for each in found) for role, found in documents.items()}
    assert {role: size for role, size in sizes.items() if size > INLINE_LIMIT} == {}


def test_managed_policies_fit_into_aws_limits(template, stage):
    physical = Physical(template, stage)
    policies = of_type(template, "AWS::IAM::ManagedPolicy")
    sizes = {name: _size(physical.resolved(policy["PolicyDocument"])) for name, policy in policies.items()}
    assert {name: size for name, size in sizes.items() if size > MANAGED_LIMIT} == {}
    roles = [referred(role) for policy in policies.values() for role in policy["Roles"]]
    assert {role: roles.count(role) for role in roles if roles.count(role) > MANAGED_PER_ROLE} == {}
