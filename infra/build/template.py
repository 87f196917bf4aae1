"""Template: merges `infra/template/*.yaml` into one, which `chalice package` merges into its own.

Three things go beyond plain CloudFormation. `!File path` stands for a file's text, so that a workflow
or an edge function is a file of its own. A workflow is written in YAML with anchors; it becomes
the JSON that Step Functions reads, in which `${Name}Seconds` substitutions are numbers. And a queue or a
workflow that carries `Metadata: {Alarm: what it means}` gets an alarm: for a queue, that it holds
a message; for a workflow, that an execution failed. Such queues are dead-letter queues, and the
output `DeadLetterQueueUrls` lists them. `infra/build/derived.py` adds what follows from the fragments,
`infra/build/alarms.py`, `infra/build/logs.py` and `infra/build/tracing.py` what operators need, and
`infra/build/gateway.py` what follows from the routes.
"""

import json
import re
from functools import cache, reduce
from pathlib import Path
from typing import Any

import yaml

from infra.build import alarms

ROOT = Path(__file__).resolve().parents[2]
FRAGMENTS = ROOT / "infra" / "template"
RETRIES = ROOT / "statemachine" / "retries.yaml"
"""Anchors that every workflow can use."""

ONLY_IN = {"warehouse_simulator": {"local", "demo"}, "audit": {"local", "demo"}}
"""Fragments that are not for every stage."""

CHALICE = ROOT / ".chalice" / "config.json"

SECONDS = re.compile(r'("\w*Seconds": )"(\$\{\w+\})"')


Yaml: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""PyYAML's loader; with libyaml it is ten times as fast."""


class _Loader(Yaml):
    """YAML with CloudFormation's short forms."""


def _short_form(loader: _Loader, suffix: str, node: yaml.Node) -> Any:
    value: Any = loader.construct_object(_plain(node), deep=True)
    if suffix == "File":
        return _file(ROOT / value)
    if suffix == "GetAtt":
        return {"Fn::GetAtt": value.split(".", 1)}
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


def _plain(node: yaml.Node) -> yaml.Node:
    """Without the short form's tag: a text, a list or a mapping."""
    if isinstance(node, yaml.MappingNode):
        return yaml.MappingNode("tag:yaml.org,2002:map", node.value)
    if isinstance(node, yaml.SequenceNode):
        return yaml.SequenceNode("tag:yaml.org,2002:seq", node.value)
    return yaml.ScalarNode("tag:yaml.org,2002:str", node.value)


_Loader.add_multi_constructor("!", _short_form)


def merged_template(stage: str) -> dict[str, Any]:
    """Return all fragments of a stage as one template, with what is derived from them. The caller may change it."""
    template: dict[str, Any] = json.loads(_built(stage))
    return template


@cache
def _built(stage: str) -> str:
    """Return the merged template as JSON, of the sources at the time of the first call."""
    # These load the API's routes, which most commands do without.
    from infra.build import api_cache, dashboards, derived, gateway, guards, http_api, logs, releases, tracing

    merged: dict[str, Any] = {}
    for path in sorted(FRAGMENTS.glob("*.yaml")):
        if stage in ONLY_IN.get(path.stem, {stage}):
            merged = _merged(merged, read(path))
    parts = [
        derived.in_shop_time(merged),
        derived.named_after_shop(),
        derived.operated(merged),
        derived.asynchronous(merged),
        derived.protected(merged),
        derived.schema_registry(),
        derived.audited(merged) if "Auditor" in merged["Resources"] else {},
        http_api.definition(merged),
        api_cache.method_settings(merged),
        guards.guarded(merged),
        logs.log_groups(merged, CHALICE),
        tracing.traced(merged, CHALICE),
        alarms.alarms(merged, CHALICE),
        dashboards.dashboards(merged),
        releases.workflow_releases(merged),
        releases.step_releases(merged),
    ]
    templates = [merged, _dead_letter_urls(merged), gateway.definition(), *({"Resources": part} for part in parts)]
    return json.dumps(reduce(_merged, templates))


def read(path: Path) -> dict[str, Any]:
    """One template as it is written."""
    return yaml.load(path.read_text(), _Loader)


def workflow(path: Path) -> dict[str, Any]:
    """A workflow as Step Functions reads it, with its `${…}` still in place.

    `x-states-of: file` takes over the states that it leads to from another workflow.
    """
    definition = yaml.load(RETRIES.read_text() + path.read_text(), Yaml)
    if "x-states-of" in definition:
        others = workflow(path.parent / definition["x-states-of"])["States"]
        definition["States"] = _reachable(definition["StartAt"], others | definition["States"])
    return {key: value for key, value in definition.items() if not key.startswith("x-")}


def _reachable(start: str, states: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    ahead = [start]
    while ahead:
        name = ahead.pop(0)
        if name not in found:
            found[name] = states[name]
            edges = [states[name], *states[name].get("Catch", []), *states[name].get("Choices", [])]
            ahead += [edge[key] for edge in edges for key in ("Next", "Default") if key in edge]
    return found


def _dead_letter_urls(template: dict[str, Any]) -> dict[str, Any]:
    """Return the output that lists the queues that ask for an alarm."""
    queues = alarms.of_type(template, "AWS::SQS::Queue").items()
    asking = [{"Ref": name} for name, queue in queues if "Alarm" in queue.get("Metadata", {})]
    return {"Outputs": {"DeadLetterQueueUrls": {"Value": {"Fn::Join": [",", asking]}}}}


def _file(path: Path) -> str:
    return asl(path) if path.name.endswith(".asl.yaml") else path.read_text()


def asl(path: Path) -> str:
    """A workflow's definition, for CloudFormation to fill in."""
    return SECONDS.sub(r"\1\2", json.dumps(workflow(path), indent=1))


def _merged(one: Any, other: Any) -> Any:
    if not (isinstance(one, dict) and isinstance(other, dict)):
        return other
    return one | {key: _merged(one.get(key), value) for key, value in other.items()}
