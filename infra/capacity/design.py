"""Design: reads from the packaged template what decides the capacity: functions, mappings, queues, tables, rules."""

import json
import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

Template = dict[str, Any]
DEFAULT_TIMEOUT, DEFAULT_MEMORY_MB, DEFAULT_VISIBILITY = 3, 128, 30
ON_DEMAND = {"WriteUnitsPerSecond": 4000, "ReadUnitsPerSecond": 12000}
"""A new on-demand table. DynamoDB developer guide, "Understanding DynamoDB warm throughput"."""
ALIAS = "Aliaslive"
"""End of the logical id of a function's alias, which SAM generates."""
METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}


class SettingUnknown(Exception):
    """A setting does not name a property of the template. The message is one line."""


@dataclass(frozen=True)
class Function:
    memory_mb: int
    timeout: float
    architecture: str
    reserved: int | None
    provisioned: int
    has_snapshots: bool


@dataclass(frozen=True)
class Mapping:
    """An event source mapping: `source` is a queue or a table with a stream."""

    name: str
    function: str
    source: str
    batch_size: int
    window: float
    maximum_concurrency: int | None
    parallelization_factor: int
    maximum_retry_attempts: int


@dataclass(frozen=True)
class QueueDesign:
    visibility_timeout: float
    max_receive_count: int
    is_fifo: bool


@dataclass(frozen=True)
class Table:
    """Writes and reads a second that it takes at once, and the same of its indexes."""

    writes: float
    reads: float
    indexes: frozenset[str]


class Design:
    """What the template says, with the values of a stage's parameters in place."""

    def __init__(self, template: Template, parameters: dict[str, Any] | None = None) -> None:
        self._template = template
        defaults = {name: each.get("Default", "") for name, each in template.get("Parameters", {}).items()}
        self._parameters = defaults | (parameters or {})
        self._targets: dict[str, list[tuple[str, str]]] = {}
        self._common = template.get("Globals", {}).get("Function", {})
        self.functions = {name: self._function(each) for name, each in self._of("AWS::Serverless::Function").items()}
        self.queues = {name: self._queue(each) for name, each in self._of("AWS::SQS::Queue").items()}
        self.tables = {name: self._table(each) for name, each in self._of("AWS::DynamoDB::Table").items()}
        mappings = self._of("AWS::Lambda::EventSourceMapping").items()
        self.mappings = [self._mapping(name, each) for name, each in mappings]
        self.workflows = {
            name: self._workflow(each) for name, each in self._of("AWS::StepFunctions::StateMachine").items()
        }

    def targets(self, event: str) -> list[tuple[str, str]]:
        """Return queues that get a copy of this event from the bus, each with the subscription it comes through."""
        found: list[tuple[str, str]] = []
        subscriptions = self._of("AWS::SNS::Subscription").items()
        for rule in self._of("AWS::Events::Rule").values():
            pattern = rule["EventPattern"]
            if "EventBusName" not in rule or event not in pattern.get("detail-type", []):
                continue
            for target in (_referred(each["Arn"]) for each in rule["Targets"]):
                if target in self.queues:
                    found.append((target, ""))
                through = [(n, s) for n, s in subscriptions if _referred(s["TopicArn"]) == target]
                found += [(_referred(s["Endpoint"]), n) for n, s in through if s["Protocol"] == "sqs"]
        return found

    def targets_of(self, event: str) -> list[tuple[str, str]]:
        """Return `targets` of an event, which are the same in a whole run."""
        if event not in self._targets:
            self._targets[event] = self.targets(event)
        return self._targets[event]

    def throttle(self, route: str) -> tuple[float, float] | None:
        """Return rate and burst of a route such as `GET /products/{sku}`, which the API's stage sets."""
        method, path = route.split(" ", 1)
        found = None
        for api in self._of("AWS::Serverless::Api").values():
            for setting in api.get("MethodSettings", []):
                place = setting["ResourcePath"].replace("~1", "/").removeprefix("/")
                is_default = place == "*" and setting["HttpMethod"] == "*"
                if (is_default and found is None) or (place, setting["HttpMethod"]) == (path, method):
                    found = float(setting["ThrottlingRateLimit"]), float(setting["ThrottlingBurstLimit"])
        return found

    def _of(self, kind: str) -> dict[str, dict[str, Any]]:
        """Return the properties of the resources of a type that this stage has, with all values in place."""
        return {
            name: self._value(each.get("Properties", {}))
            for name, each in self._template["Resources"].items()
            if each["Type"] == kind and ("Condition" not in each or self._is_true({"Condition": each["Condition"]}))
        }

    def _function(self, properties: dict[str, Any]) -> Function:
        own = self._common | properties
        provisioned = (own.get("ProvisionedConcurrencyConfig") or {}).get("ProvisionedConcurrentExecutions", 0)
        reserved = own.get("ReservedConcurrentExecutions")
        return Function(
            memory_mb=int(own.get("MemorySize", DEFAULT_MEMORY_MB)),
            timeout=float(own.get("Timeout", DEFAULT_TIMEOUT)),
            architecture=(own.get("Architectures") or ["x86_64"])[0],
            reserved=None if reserved in (None, "") else int(reserved),
            provisioned=int(provisioned or 0),
            has_snapshots=(own.get("SnapStart") or {}).get("ApplyOn") == "PublishedVersions",
        )

    def _mapping(self, name: str, properties: dict[str, Any]) -> Mapping:
        most = (properties.get("ScalingConfig") or {}).get("MaximumConcurrency")
        return Mapping(
            name=name,
            function=_referred(properties["FunctionName"]),
            source=_referred(properties["EventSourceArn"]),
            batch_size=int(properties.get("BatchSize", 10)),
            window=float(properties.get("MaximumBatchingWindowInSeconds") or 0),
            maximum_concurrency=int(most) if most else None,
            parallelization_factor=int(properties.get("ParallelizationFactor", 1)),
            maximum_retry_attempts=int(properties.get("MaximumRetryAttempts", -1)),
        )

    def _queue(self, properties: dict[str, Any]) -> QueueDesign:
        redrive = properties.get("RedrivePolicy", {})
        visibility = float(properties.get("VisibilityTimeout", DEFAULT_VISIBILITY))
        is_fifo = bool(properties.get("FifoQueue"))
        return QueueDesign(visibility, int(redrive.get("maxReceiveCount", 0)), is_fifo)

    def _table(self, properties: dict[str, Any]) -> Table:
        warm = ON_DEMAND | (properties.get("WarmThroughput") or {})
        indexes = frozenset(index["IndexName"] for index in properties.get("GlobalSecondaryIndexes", []))
        return Table(float(warm["WriteUnitsPerSecond"]), float(warm["ReadUnitsPerSecond"]), indexes)

    def _workflow(self, properties: dict[str, Any]) -> dict[str, Any]:
        """Return the definition, in which logical ids stand for functions and queues."""
        substitutions = properties.get("DefinitionSubstitutions", {})

        def put_in(match: re.Match[str]) -> str:
            value = substitutions.get(match[1], 0)
            return str(value if isinstance(value, int | float) else _referred(value).removesuffix(ALIAS))

        definition: dict[str, Any] = json.loads(re.sub(r"\$\{(\w+)\}", put_in, properties["DefinitionString"]))
        return definition

    def _value(self, given: Any) -> Any:
        """Return a value with parameters and conditions resolved. References to resources stay as they are."""
        match given:
            case {"Ref": "AWS::NoValue"}:
                return None
            case {"Ref": name} if name in self._parameters:
                return self._parameters[name]
            case {"Fn::If": [condition, chosen, otherwise]}:
                return self._value(chosen if self._is_true({"Condition": condition}) else otherwise)
            case {"Fn::FindInMap": [name, first, second]}:
                return self._template["Mappings"][name][self._value(first)][self._value(second)]
            case dict():
                return {name: self._value(each) for name, each in given.items()}
            case list():
                return [self._value(each) for each in given]
        return given

    def _is_true(self, condition: Any) -> bool:
        match condition:
            case {"Condition": name}:
                return self._is_true(self._template["Conditions"][name])
            case {"Fn::Not": [one]}:
                return not self._is_true(one)
            case {"Fn::And": parts}:
                return all(map(self._is_true, parts))
            case {"Fn::Or": parts}:
                return any(map(self._is_true, parts))
            case {"Fn::Equals": [one, other]}:
                return str(self._value(one)) == str(self._value(other))
        raise ValueError(f"not a condition: {condition}")


def change(template: Template, path: str, value: str) -> None:
    """Set a property of a resource, such as `SalesQueue.VisibilityTimeout`. Raises SettingUnknown."""
    resource, *names = path.split(".")
    resources = template["Resources"]
    if resource not in resources:
        close = get_close_matches(resource, resources, n=1)
        raise SettingUnknown(f"{resource!a} is not a resource of the template" + (f": {close[0]}?" if close else "."))
    if not names or not all(re.fullmatch(r"[A-Za-z0-9]+", name) for name in names):
        raise SettingUnknown(f"{path!a} names no property: give RESOURCE.PROPERTY=NUMBER.")
    if not re.fullmatch(r"\d{1,9}", value):
        raise SettingUnknown(f"{path} is set to {value!a}, which is not a whole number.")
    place: Any = resources[resource].setdefault("Properties", {})
    for name in names[:-1]:
        place = _below(place, name, path)
    if isinstance(place, list):
        raise SettingUnknown(f"{path!a} names an item of a list, not a property.")
    place[names[-1]] = int(value)


def _below(place: Any, name: str, path: str) -> Any:
    """Return the mapping or list below this name or position. Raises SettingUnknown."""
    if isinstance(place, list) and name.isdigit() and int(name) < len(place):
        found = place[int(name)]
    elif isinstance(place, dict):
        found = place.setdefault(name, {})
    else:
        found = None
    if not isinstance(found, dict | list):
        raise SettingUnknown(f"{path!a} leads through a property that has a single value.")
    return found


def _referred(value: Any) -> str:
    """Return the logical id of `!Ref X` or `!GetAtt X.Arn`."""
    match value:
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), *_]}:
            return name
    return str(value)
