"""The catalogue as documents: JSON Schemas, an AsyncAPI document, and what keeps a contract compatible."""

from collections.abc import Iterator
from typing import Any

from chalicelib.events.contracts import EVENT_CONTRACTS, Contract
from chalicelib.events.envelope import Envelope

Schema = dict[str, Any]

DRAFT = "http://json-schema.org/draft-04/schema#"
"""The one that EventBridge's registry reads."""


def json_schema(contract: Contract) -> Schema:
    """Of the whole event: the envelope, with this contract's data in it."""
    data = contract.data.model_json_schema(ref_template="#/definitions/{model}")
    definitions = data.pop("$defs", {})
    envelope = Envelope.model_json_schema()
    properties = envelope["properties"] | {
        "type": {"type": "string", "enum": [contract.type]},
        "version": {"type": "integer", "enum": [contract.version]},
        "source": {"type": "string", "enum": [contract.source]},
        "data": data,
    }
    return {
        "$schema": DRAFT,
        "title": contract.name,
        "description": contract.data.__doc__,
        "type": "object",
        "properties": properties,
        "required": envelope["required"],
        "definitions": definitions,
    }


def asyncapi() -> Schema:
    """All events as one AsyncAPI 3.0 document."""
    names = [contract.name for contract in EVENT_CONTRACTS]
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Storefront events", "version": "1.0.0", "description": "What happens in the shop."},
        "defaultContentType": "application/json",
        "channels": {
            "bus": {
                "address": "events",
                "description": "The EventBridge bus. An event is the `detail`; its type is the `detail-type`.",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
            }
        },
        "operations": {"publish": {"action": "send", "channel": {"$ref": "#/channels/bus"}}},
        "components": {"messages": {contract.name: _message(contract) for contract in EVENT_CONTRACTS}},
    }


def _message(contract: Contract) -> Schema:
    return {
        "name": contract.type,
        "title": contract.name,
        "summary": contract.data.__doc__,
        "payload": {"schemaFormat": "application/schema+json;version=draft-04", "schema": json_schema(contract)},
    }


def breaks(old: Schema, new: Schema) -> list[str]:
    """What would break a reader or a writer that knows the old contract; empty if nothing does.

    New optional fields are fine. Fields that go, change their type, or are newly demanded are not.
    """
    return list(_breaks(old, new, old.get("definitions", {}), new.get("definitions", {}), "event"))


def _breaks(old: Schema, new: Schema, olds: Schema, news: Schema, path: str) -> Iterator[str]:
    old, new = _resolved(old, olds), _resolved(new, news)
    if _kinds(old, olds) != _kinds(new, news):
        yield f"{path} was {_kinds(old, olds)} and is {_kinds(new, news)}"
        return
    was, now = old.get("properties", {}), new.get("properties", {})
    yield from (f"{path}.{name} is gone" for name in was if name not in now)
    newly_demanded = set(new.get("required", [])) - set(old.get("required", []))
    yield from (f"{path}.{name} is demanded now" for name in sorted(newly_demanded))
    no_longer_certain = (set(old.get("required", [])) - set(new.get("required", []))) & set(now)
    yield from (f"{path}.{name} is not certain any more" for name in sorted(no_longer_certain))
    for name in was.keys() & now.keys():
        yield from _breaks(was[name], now[name], olds, news, f"{path}.{name}")
    for inner in ("items", "additionalProperties"):
        if isinstance(old.get(inner), dict) and isinstance(new.get(inner), dict):
            yield from _breaks(old[inner], new[inner], olds, news, f"{path}.{inner}")


def _resolved(schema: Schema, definitions: Schema) -> Schema:
    reference = schema.get("$ref")
    return definitions[reference.rsplit("/", 1)[-1]] if reference else schema


def _kinds(schema: Schema, definitions: Schema) -> list[str]:
    """The types that a value may have, with the values that it is limited to."""
    options = [_resolved(option, definitions) for option in schema.get("anyOf", [schema])]
    return sorted(f"{option.get('type')}{option.get('enum', '')}" for option in options)
