"""Template: the resources of a CloudFormation template, with their references resolved.

Each resource is named by its logical id, so that a reader of a run finds it in the template.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

ACCOUNT, REGION = "123456789012", "eu-west-1"
PSEUDO = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Region": REGION,
    "AWS::Partition": "aws",
    "AWS::StackName": "simulated",
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::NoValue": None,
}
SERVICES = {
    "AWS::SQS::Queue": "sqs:{}",
    "AWS::SNS::Topic": "sns:{}",
    "AWS::Events::EventBus": "events:event-bus/{}",
    "AWS::Events::Rule": "events:rule/{}",
    "AWS::DynamoDB::Table": "dynamodb:table/{}",
    "AWS::StepFunctions::StateMachine": "states:stateMachine:{}",
    "AWS::S3::Bucket": "s3:{}",
}
"""The end of a resource's ARN by its type; those of all others are functions."""
PLACEHOLDER = re.compile(r"\$\{(!?)([\w:.]+)\}")


class Template:
    """`parameters` are values by name; a parameter without one has its default."""

    def __init__(self, template: Mapping[str, Any], parameters: Mapping[str, Any]) -> None:
        self.resources: dict[str, Any] = template["Resources"]
        defaults = {name: each.get("Default") for name, each in template.get("Parameters", {}).items()}
        self.parameters = {name: str(value) for name, value in (defaults | dict(parameters)).items()}
        self._conditions = template.get("Conditions", {})
        self._globals = template.get("Globals", {})
        self._by_type: dict[str, list[tuple[str, dict[str, Any]]]] = {}

    def of_type(self, kind: str) -> Sequence[tuple[str, dict[str, Any]]]:
        """Return the logical id and the resolved properties of each resource of a type that exists."""
        if kind not in self._by_type:
            self._by_type[kind] = [
                (name, self.resolved(resource.get("Properties") or {}))
                for name, resource in self.resources.items()
                if resource.get("Type") == kind and self._holds(resource.get("Condition"))
            ]
        return self._by_type[kind]

    @cached_property
    def environment(self) -> dict[str, str]:
        """The variables of all functions together. Raises ValueError if two give one another value."""
        found = self.resolved(self._globals.get("Function", {}).get("Environment", {}).get("Variables", {}))
        for name, resource in self.resources.items():
            own = (resource.get("Properties") or {}).get("Environment", {})
            for variable, value in (self.resolved(own).get("Variables", {}) if own else {}).items():
                if found.setdefault(variable, value) != value:
                    raise ValueError(f"{name} gives {variable} another value than others")
        return {name: str(value) for name, value in found.items() if value is not None}

    def resolved(self, value: Any) -> Any:
        """Return the value without intrinsic functions and without what has no value."""
        if isinstance(value, list):
            return [found for each in value if (found := self.resolved(each)) is not None]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            [(name, argument)] = value.items()
            if name in INTRINSICS:
                return INTRINSICS[name](self, argument)
        return {key: found for key, each in value.items() if (found := self.resolved(each)) is not None}

    def reference(self, name: str) -> Any:
        """Return what `!Ref name` is."""
        if name in PSEUDO:
            return PSEUDO[name]
        if name in self.parameters:
            return self.parameters[name]
        kind = self.resources.get(name, {}).get("Type", "")
        if kind == "AWS::SQS::Queue":
            return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{name}"
        if kind in ("AWS::StepFunctions::StateMachine", "AWS::SNS::Topic"):
            return self.arn(name)
        if kind == "AWS::StepFunctions::StateMachineAlias":
            # There is one version, so the alias is the machine.
            return str(
                self.resolved(self.resources[name]["Properties"])["DeploymentPreference"]["StateMachineVersionArn"]
            )
        if kind == "AWS::StepFunctions::StateMachineVersion":
            return self.reference(self.resources[name]["Properties"]["StateMachineArn"]["Ref"])
        return name

    def arn(self, name: str) -> str:
        resource = self.resources.get(name, {})
        kind = SERVICES.get(resource.get("Type", ""), "lambda:function:{}")
        service, _, rest = kind.partition(":")
        own = (resource.get("Properties") or {}).get("StateMachineName")
        return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{rest.format(self.resolved(own) if own else name)}"

    def _attribute(self, argument: Any) -> str:
        name, attribute = argument if isinstance(argument, list) else argument.split(".", 1)
        if attribute == "Arn":
            return self.arn(name)
        return f"{self.arn(name)}/stream" if attribute == "StreamArn" else f"{name}.{attribute}"

    def _substituted(self, argument: Any) -> str:
        text, values = argument if isinstance(argument, list) else (argument, {})

        def value(match: re.Match[str]) -> str:
            is_literal, name = match.groups()
            if is_literal:
                return f"${{{name}}}"
            if name in values:
                return str(self.resolved(values[name]))
            return str(self._attribute(name) if "." in name else self.reference(name))

        return PLACEHOLDER.sub(value, text)

    def _chosen(self, argument: Any) -> Any:
        name, if_true, if_false = argument
        return self.resolved(if_true if self._holds(name) else if_false)

    def _holds(self, condition: Any) -> bool:
        if condition is None:
            return True
        if isinstance(condition, str):
            return self._holds(self._conditions[condition])
        [(name, argument)] = condition.items()
        if name == "Condition":
            return self._holds(argument)
        if name == "Fn::Equals":
            one, other = (self.resolved(each) for each in argument)
            return str(one) == str(other)
        parts = [self._holds(each) for each in argument]
        return {"Fn::Not": not parts[0], "Fn::And": all(parts), "Fn::Or": any(parts)}[name]


INTRINSICS = {
    "Ref": Template.reference,
    "Fn::GetAtt": Template._attribute,
    "Fn::Sub": Template._substituted,
    "Fn::If": Template._chosen,
    "Fn::Join": lambda template, argument: argument[0].join(str(each) for each in template.resolved(argument[1])),
}
