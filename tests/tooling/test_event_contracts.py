"""Event contracts: they are published, stay compatible, and are checked by producers and consumers."""

import json
import re
from copy import deepcopy

import pytest
from jsonschema import Draft4Validator

from chalicelib.events import bus
from chalicelib.events.contracts import (
    EVENT_CONTRACTS,
    Contract,
    ContractBroken,
    EventData,
    OrderSettled,
    contract_of,
    data_of,
    new_event,
)
from chalicelib.events.publisher import EventPublisher
from chalicelib.events.schemas import asyncapi, breaks, json_schema
from chalicelib.platform.clock import iso
from infra.build import contracts, derived
from infra.build.template import merged_template
from tests.builders import NOW, a_record, an_event
from tests.fakes import FakeBus

OLD = {
    "type": "object",
    "required": ["id", "note", "line"],
    "properties": {
        "id": {"type": "string"},
        "note": {"type": "string"},
        "hint": {"type": "string"},
        "kind": {"type": "string", "enum": ["A"]},
        "line": {"$ref": "#/definitions/Line"},
        "lines": {"type": "array", "items": {"$ref": "#/definitions/Line"}},
    },
    "definitions": {"Line": {"type": "object", "required": ["sku"], "properties": {"sku": {"type": "string"}}}},
}


def changed(change):
    new = deepcopy(OLD)
    change(new)
    return new


@pytest.mark.parametrize(
    "change",
    [
        lambda new: None,
        lambda new: new["properties"].update(more={"type": "string"}),
        lambda new: new["properties"]["note"].update(description="Other words."),
        lambda new: new["definitions"]["Line"]["properties"].update(colour={"type": "string"}),
    ],
    ids=["nothing", "a new optional field", "another description", "a new optional field further in"],
)
def test_compatible_contract_change_passes(change):
    assert breaks(OLD, changed(change)) == []


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda new: new["properties"].pop("hint"), "event.hint is gone"),
        (lambda new: new["properties"]["note"].update(type="integer"), "event.note was ['string'] and is ['integer']"),
        (lambda new: new["required"].append("hint"), "event.hint is demanded now"),
        (lambda new: new["required"].remove("note"), "event.note is not certain any more"),
        (lambda new: new["properties"]["kind"].update(enum=["B"]), "event.kind was"),
        (lambda new: new["definitions"]["Line"]["properties"].clear(), "event.line.sku is gone"),
        (lambda new: new["definitions"]["Line"].update(required=[]), "event.lines.items.sku is not certain any more"),
    ],
    ids=["removed", "retyped", "newly demanded", "no longer certain", "other values", "further in", "in a list"],
)
def test_breaking_contract_change_is_named(change, named):
    assert any(text.startswith(named) for text in breaks(OLD, changed(change)))


def test_published_contracts_stay_compatible():
    assert contracts.broken() == []


def test_event_documents_are_up_to_date():
    """If not: make contracts"""
    written = {path.name: path.read_text() for path in contracts.FOLDER.glob("*.json")}
    assert written == {name: contracts.written(document) for name, document in contracts.documents().items()}


def test_references_of_the_asyncapi_document_lead_to_components():
    document = asyncapi()
    named = re.findall(r'"\$ref": "#/components/(\w+)/([\w.]+)"', json.dumps(document))
    assert len(named) == json.dumps(document).count('"$ref"') - 1, "all but the operation's reference to its channel"
    assert all(name in document["components"][kind] for kind, name in named)


def test_removed_event_contract_is_reported(tmp_path):
    (tmp_path / "OrderForgotten.v1.json").write_text("{}")
    assert contracts.broken(tmp_path) == ["OrderForgotten.v1 is gone from the catalogue"]


@pytest.mark.parametrize("contract", EVENT_CONTRACTS, ids=lambda contract: contract.name)
def test_contract_has_a_description_and_a_schema_for_eventbridge(contract: Contract):
    schema = json_schema(contract)
    Draft4Validator.check_schema(schema)
    assert schema["description"] and schema["properties"]["type"]["enum"] == [contract.type]
    assert contract_of(contract.type, contract.version) == contract


def test_event_contracts_hold_no_personal_data():
    personal = {
        "email",
        "name",
        "line1",
        "line2",
        "city",
        "region",
        "postal_code",
        "phone",
        "shipping_address",
        "payment_method",
    }
    for contract in EVENT_CONTRACTS:
        text = json.dumps(json_schema(contract))
        assert not [field for field in personal if f'"{field}": {{' in text], contract.name


def test_event_is_valid_against_its_published_schema():
    validator = Draft4Validator(json_schema(contract_of("OrderPlaced", 1)))
    good = an_event().model_dump()
    assert validator.is_valid(good)
    assert not validator.is_valid(good | {"version": 2})
    assert not validator.is_valid(good | {"data": good["data"] | {"lines": "none"}})


def broken_event(**changes):
    event = an_event()
    data = event.data | changes.pop("data", {})
    return event.model_copy(update={"data": data, **changes})


BROKEN = {
    "unknown type": broken_event(type="OrderForgotten"),
    "unknown version": broken_event(version=99),
    "other source": broken_event(source="storefront.payments"),
    "wrong data": broken_event(data={"lines": [{"sku": "MUG-01", "quantity": 0, "unit_price": 1}]}),
    "missing data": an_event().model_copy(update={"data": {"order_id": "ord_1"}}),
}


@pytest.mark.parametrize("event", BROKEN.values(), ids=BROKEN.keys())
def test_invalid_event_is_neither_read_nor_published_nor_consumed(event):
    with pytest.raises(ContractBroken):
        data_of(event)
    with pytest.raises(ContractBroken):
        EventPublisher(taken := FakeBus(), "shop-bus").publish(event)
    assert taken.calls == []
    handled = []
    body = json.dumps({"detail": event.model_dump()})
    record = a_record("m-1", body)
    assert bus.consume({"Records": [record]}, handled.append) == {"batchItemFailures": [{"itemIdentifier": "m-1"}]}
    assert handled == []


def test_new_event_takes_type_version_and_source_from_contract():
    settled = OrderSettled(order_id="ord_1", parts=["SALES"])

    event = new_event(settled, about="ord_1", at=NOW, cause="evt_0")

    assert (event.type, event.version, event.source) == ("OrderSettled", 1, "storefront.insights")
    assert (event.correlation_id, event.causation_id, event.time) == ("ord_1", "evt_0", iso(NOW))
    assert data_of(event) == settled


def test_new_event_with_key_has_the_same_id_each_time():
    settled = OrderSettled(order_id="ord_1", parts=[])
    ids = [new_event(settled, "ord_1", NOW, key=key).id for key in ("one", "one", "other", None, None)]

    assert ids[0] == ids[1]
    assert len(set(ids)) == 4


def test_new_event_without_contract_is_refused():
    class Forgotten(EventData):
        pass

    with pytest.raises(ContractBroken):
        new_event(Forgotten(), about="ord_1", at=NOW)


def test_contract_violation_names_fields_and_never_their_values():
    with pytest.raises(ContractBroken) as broken:
        data_of(broken_event(data={"country": ["Ida Sand"]}))
    assert "country" in str(broken.value) and "Ida" not in str(broken.value)


@pytest.fixture(scope="module")
def resources():
    return merged_template("prod")["Resources"]


def of_type(resources, kind):
    return {name: each["Properties"] for name, each in resources.items() if each.get("Type") == kind}


def test_rule_matches_events_of_the_contracts_from_their_source(resources):
    patterns = derived.patterns({"Resources": resources})
    assert len(patterns) >= 4
    known = {(contract.source, contract.type, contract.version) for contract in EVENT_CONTRACTS}
    for name, pattern in patterns.items():
        for event_type in pattern["detail-type"]:
            for version in pattern["detail"]["version"]:
                assert any((source, event_type, version) in known for source in pattern["source"]), (name, event_type)


def test_registry_holds_every_contract(resources):
    schemas = of_type(resources, "AWS::EventSchemas::Schema").values()
    assert {schema["SchemaName"] for schema in schemas} == {f"{each.source}@{each.name}" for each in EVENT_CONTRACTS}
    for schema in schemas:
        assert schema["Type"] == "JSONSchemaDraft4" and len(schema["Content"]) < 100_000
        Draft4Validator.check_schema(json.loads(schema["Content"]))


def test_list_of_queues_fits_into_a_parameter(resources):
    """8 KB, with each reference as long as it can be in an account of ours."""
    value = derived.operated({"Resources": resources})["OperatedParts"]["Properties"]["Value"]["Fn::Sub"]
    assert len(re.sub(r"\$\{[^}]+\}", "x" * 120, value)) < 8192
