"""Event contracts as documents: JSON Schemas for the registry, an AsyncAPI document, and the compatibility check."""

from collections.abc import Iterator
from typing import Any, Literal

from pydantic.json_schema import models_json_schema

from chalicelib.events.contracts import EVENT_CONTRACTS, Contract
from chalicelib.events.envelope import Envelope

Schema = dict[str, Any]

MODE: Literal["validation"] = "validation"
DRAFT = "http://json-schema.org/draft-04/schema#"
"""The one that EventBridge's registry reads."""


def json_schema(contract: Contract) -> Schema:
    """Return the schema of one event type: the envelope with the contract's data, and its definitions inline."""
    data = contract.data.model_json_schema(ref_template="#/definitions/{model}")
    definitions = data.pop("$defs", {})
    return {"$schema": DRAFT, "title": contract.name} | _event(contract, data) | {"definitions": definitions}


def _event(contract: Contract, data: Schema) -> Schema:
    """Return the envelope's schema with this contract's constants and `data` filled in."""
    envelope = Envelope.model_json_schema()
    properties = envelope["properties"] | {
        "type": {"type": "string", "enum": [contract.type]},
        "version": {"type": "integer", "enum": [contract.version]},
        "source": {"type": "string", "enum": [contract.source]},
        "data": data,
    }
    return {
        "description": contract.data.__doc__,
        "type": "object",
        "properties": properties,
        "required": envelope["required"],
    }


def asyncapi() -> Schema:
    """Return all event contracts as one AsyncAPI 3.1 document. References lead to its components only."""
    names = [contract.name for contract in EVENT_CONTRACTS]
    references, schemas = models_json_schema(
        [(each.data, MODE) for each in EVENT_CONTRACTS], ref_template="#/components/schemas/{model}"
    )
    return {
        "asyncapi": "3.1.0",
        "info": {
            "title": "Storefront events",
            "version": "1.0.0",
            "description": "Every event that the shop publishes: orders, payments, product imports.",
            "license": {"name": "MIT", "url": "https://opensource.org/license/mit"},
        },
        "defaultContentType": "application/json",
        "channels": {
            "bus": {
                "address": "events",
                "description": "The EventBridge bus. An event is the `detail`; its type is the `detail-type`.",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
            }
        },
        "operations": {"publish": {"action": "send", "channel": {"$ref": "#/channels/bus"}}},
        "components": {
            "schemas": schemas["$defs"],
            "messages": {
                contract.name: _message(contract, references[contract.data, MODE]) for contract in EVENT_CONTRACTS
            },
        },
    }


def _message(contract: Contract, data: Schema) -> Schema:
    return {
        "name": contract.type,
        "title": contract.name,
        "summary": contract.data.__doc__,
        "contentType": "application/json",
        "payload": _event(contract, data),
    }


def breaks(old: Schema, new: Schema) -> list[str]:
    """Return what would break a reader or a writer of the old contract; empty if nothing does.

    New optional fields are compatible. Removed, retyped and newly required fields are not.
    """
    return list(_breaks(old, new, old.get("definitions", {}), new.get("definitions", {}), "event"))


def _breaks(old: Schema, new: Schema, was_defined: Schema, is_defined: Schema, path: str) -> Iterator[str]:
    old, new = _resolved(old, was_defined), _resolved(new, is_defined)
    if _kinds(old, was_defined) != _kinds(new, is_defined):
        yield f"{path} was {_kinds(old, was_defined)} and is {_kinds(new, is_defined)}"
        return
    was, now = old.get("properties", {}), new.get("properties", {})
    yield from (f"{path}.{name} is gone" for name in was if name not in now)
    newly_demanded = set(new.get("required", [])) - set(old.get("required", []))
    yield from (f"{path}.{name} is demanded now" for name in sorted(newly_demanded))
    no_longer_certain = (set(old.get("required", [])) - set(new.get("required", []))) & set(now)
    yield from (f"{path}.{name} is not certain any more" for name in sorted(no_longer_certain))
    for name in was.keys() & now.keys():
        yield from _breaks(was[name], now[name], was_defined, is_defined, f"{path}.{name}")
    for inner in ("items", "additionalProperties"):
        if isinstance(old.get(inner), dict) and isinstance(new.get(inner), dict):
            yield from _breaks(old[inner], new[inner], was_defined, is_defined, f"{path}.{inner}")


def _resolved(schema: Schema, definitions: Schema) -> Schema:
    reference = schema.get("$ref")
    return definitions[reference.rsplit("/", 1)[-1]] if reference else schema


def _kinds(schema: Schema, definitions: Schema) -> list[str]:
    """The types that a value may have, with the values that it is limited to."""
    options = [_resolved(option, definitions) for option in schema.get("anyOf", [schema])]
    return sorted(f"{option.get('type')}{option.get('enum', '')}" for option in options)
