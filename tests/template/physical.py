"""What CloudFormation makes of a template: the resources after the SAM transform, and realistic physical names."""

import json
import re
from typing import Any

from infra.deploy.artifacts import ARCHIVES

from .template import Template

REGION, ACCOUNT = "ap-southeast-2", "123456789012"
"""A region with one of the longest names."""
SUFFIX = "-ABCDEFGHIJKL"
"""CloudFormation appends 12 random characters, and cuts the name to 64 characters before."""
LONGEST_PARAMETER = "x" * 40

KIND_OF_ARN = {
    "AWS::DynamoDB::Table": "dynamodb:{r}:{a}:table/{n}",
    "AWS::SQS::Queue": "sqs:{r}:{a}:{n}",
    "AWS::SNS::Topic": "sns:{r}:{a}:{n}",
    "AWS::S3::Bucket": "s3:::{n}",
    "AWS::Events::EventBus": "events:{r}:{a}:event-bus/{n}",
    "AWS::Events::Rule": "events:{r}:{a}:rule/{n}",
    "AWS::StepFunctions::StateMachine": "states:{r}:{a}:stateMachine:{n}",
    "AWS::Serverless::Function": "lambda:{r}:{a}:function:{n}",
    "AWS::Lambda::Function": "lambda:{r}:{a}:function:{n}",
    "AWS::Logs::LogGroup": "logs:{r}:{a}:log-group:{n}:*",
}
NAME_PROPERTIES = ("Name", "QueueName", "TableName", "FunctionName", "StateMachineName", "LogGroupName", "BucketName")
REF_IS_ARN = ("AWS::StepFunctions::StateMachine", "AWS::SNS::Topic")
REF_IS_URL = ("AWS::SQS::Queue",)


class _NoManagedPolicies:
    def load(self) -> dict[str, str]:
        return {}


def transformed(template: Template) -> Template:
    """Return the template as CloudFormation sees it: https://docs.aws.amazon.com/serverless-application-model"""
    copy = json.loads(json.dumps(template))
    for resource in copy["Resources"].values():
        if resource["Type"] in ARCHIVES and "ImageUri" not in resource["Properties"]:
            resource["Properties"][ARCHIVES[resource["Type"]]] = "s3://bucket/" + "0" * 64
    from samtranslator.translator.transform import transform  # only some of a run's workers need it

    result: Template = transform(copy, {}, _NoManagedPolicies())
    return result


AUTO_PUBLISHED = re.compile(r"(\w+)Alias(live)")
"""The logical id that SAM gives the alias of a function with `AutoPublishAlias: live`. Its `Ref` is the alias' ARN."""


class Physical:
    """Resolve a template's intrinsic functions as CloudFormation would for a stack `storefront-{stage}`."""

    def __init__(self, template: Template, stage: str) -> None:
        self._template = template
        self.stack = f"storefront-{stage}"
        self._pseudo = {
            "AWS::Partition": "aws",
            "AWS::Region": REGION,
            "AWS::AccountId": ACCOUNT,
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::StackName": self.stack,
            "AWS::StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{self.stack}/{'0' * 36}",
        }

    def resolved(self, value: Any) -> Any:
        match value:
            case {"Ref": name}:
                return self.named(name)
            case {"Fn::GetAtt": [name, attribute]}:
                return self._attribute(name, attribute)
            case {"Fn::Sub": [str(text), dict(values)]}:
                return self._filled(text, {name: str(self.resolved(each)) for name, each in values.items()})
            case {"Fn::Sub": str(text)}:
                return self._filled(text, {})
            case {"Fn::Select": [int(place), parts]}:
                return self.resolved(parts)[place]
            case {"Fn::Split": [separator, whole]}:
                return self.resolved(whole).split(separator)
            case {"Fn::Join": [separator, parts]}:
                return separator.join(map(str, self.resolved(parts)))
            case {"Fn::If": [_, yes, no]}:
                return max(self.resolved(yes), self.resolved(no), key=lambda each: len(json.dumps(each)))
            case dict():
                return {key: self.resolved(each) for key, each in value.items()}
            case list():
                return [self.resolved(each) for each in value]
        return value

    def named(self, name: str) -> Any:
        """Return what `Ref` returns."""
        if name in self._pseudo:
            return self._pseudo[name]
        if name == "AWS::NoValue":
            return None
        if name in self._template.get("Parameters", {}):
            return str(self._template["Parameters"][name].get("Default") or LONGEST_PARAMETER)
        if alias := AUTO_PUBLISHED.fullmatch(name):
            return f"{self._attribute(alias[1], 'Arn')}:{alias[2]}"
        kind = self._template["Resources"][name]["Type"]
        if kind in REF_IS_ARN:
            return self._attribute(name, "Arn")
        if kind in REF_IS_URL:
            return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{self.physical_name(name)}"
        if kind == "AWS::Events::Rule" and (bus := self._template["Resources"][name]["Properties"].get("EventBusName")):
            return f"{self.resolved(bus)}|{self.physical_name(name)}"
        return self.physical_name(name)

    def physical_name(self, name: str) -> str:
        properties = self._template["Resources"][name].get("Properties", {})
        given = next((properties[key] for key in NAME_PROPERTIES if key in properties), None)
        return str(self.resolved(given)) if given else f"{self.stack}-{name}"[: 64 - len(SUFFIX)] + SUFFIX

    def _filled(self, text: str, values: dict[str, str]) -> str:
        return re.sub(r"\$\{([\w:.]+)\}", lambda match: values.get(match[1]) or self._substituted(match[1]), text)

    def _substituted(self, name: str) -> str:
        resource, _, attribute = name.partition(".")
        return str(self._attribute(resource, attribute) if attribute else self.named(name))

    def _attribute(self, name: str, attribute: str) -> str:
        form = KIND_OF_ARN.get(self._template["Resources"][name]["Type"])
        if attribute in ("Name", "QueueName", "TableName", "FunctionName"):
            return self.physical_name(name)
        if form is None or attribute not in ("Arn", "StreamArn"):
            return f"{name}-{attribute}" + "x" * 12
        if bus := self._template["Resources"][name].get("Properties", {}).get("EventBusName"):
            form = form.replace("{n}", f"{self.resolved(bus)}/{{n}}")
        arn = "arn:aws:" + form.format(r=REGION, a=ACCOUNT, n=self.physical_name(name))
        return arn if attribute == "Arn" else f"{arn}/stream/2026-01-01T00:00:00.000"


def compact_size(document: Any) -> int:
    """Return the characters of a document as JSON without white space."""
    return len(json.dumps(document, separators=(",", ":")))
