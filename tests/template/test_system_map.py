"""System map: it contains every part and link of the template."""

import pytest

from chalicelib.console.system import RESOURCE_TYPES, drawn
from infra.build import derived

from .template import FUNCTION, MAPPING, QUEUE, allowed, called, listed, of_type, queue_subscriptions, referred, role_of


@pytest.fixture
def system(template):
    return drawn(template, {})


@pytest.fixture
def links(system):
    return {(link.source, link.verb, link.target) for link in system.links}


@pytest.mark.parametrize("kind", RESOURCE_TYPES)
def test_resource_of_the_template_is_on_the_map_once(template, system, kind):
    expected = sorted(of_type(template, kind))
    kinds = {RESOURCE_TYPES[kind]} | ({"dead_letters"} if kind == QUEUE else set())
    assert expected
    assert sorted(part.id for part in system.parts if part.kind in kinds) == expected


def test_part_of_the_map_has_its_physical_name_without_prefix(template):
    names = {
        "FulfilmentQueue": "https://sqs.eu-west-1.amazonaws.com/1/shop-FulfilmentQueue-X",
        "OrderFulfilment": "arn:aws:states:eu-west-1:1:stateMachine:shop-order-fulfilment",
        "OrdersTable": "shop-OrdersTable-X",
    }
    found = {part.id: part.name for part in drawn(template, names).parts if part.id in names}
    assert found == {
        "FulfilmentQueue": "shop-FulfilmentQueue-X",
        "OrderFulfilment": "shop-order-fulfilment",
        "OrdersTable": "shop-OrdersTable-X",
    }


def test_queue_on_the_map_can_be_operated(template, system):
    operated = derived._queues(template)
    named = {part.queue: part.id for part in system.parts if part.queue}
    assert named == {name: parts.get("url", parts["dead_letters"]) for name, parts in operated.items()}


def test_readers_are_linked_to_their_source_and_dead_letter_queue(template, links):
    for mapping in of_type(template, MAPPING).values():
        reader = referred(mapping["FunctionName"])
        assert (referred(mapping["EventSourceArn"]), "feeds", reader) in links
        if "DestinationConfig" in mapping:
            dead_letters = referred(mapping["DestinationConfig"]["OnFailure"]["Destination"])
            assert (reader, "gives up", dead_letters) in links
            assert (reader, "sends", dead_letters) not in links


def test_rule_leads_from_its_bus_to_its_targets(template, links):
    for rule, properties in of_type(template, "AWS::Events::Rule").items():
        if "EventBusName" in properties:
            assert (referred(properties["EventBusName"]), "feeds", rule) in links
        for target in properties["Targets"]:
            assert (rule, "delivers", referred(target["Arn"])) in links
            assert (rule, "gives up", referred(target["DeadLetterConfig"]["Arn"])) in links
    assert ("ImportsBucket", "feeds", "UploadsRule") in links


def test_subscription_leads_from_its_topic_to_its_queue(template, links):
    for subscription in queue_subscriptions(template).values():
        assert (referred(subscription["TopicArn"]), "delivers", referred(subscription["Endpoint"])) in links


def test_schedule_runs_its_job(template, links):
    for schedule, properties in of_type(template, "AWS::Scheduler::Schedule").items():
        assert (schedule, "runs", referred(properties["Target"]["Arn"])) in links


def test_queue_leads_to_its_dead_letters(template, links, system):
    kinds = {part.id: part.kind for part in system.parts}
    for queue, properties in of_type(template, QUEUE).items():
        if "RedrivePolicy" in properties:
            dead_letters = referred(properties["RedrivePolicy"]["deadLetterTargetArn"])
            assert (queue, "gives up", dead_letters) in links
            assert kinds[dead_letters] == "dead_letters"


def test_workflow_calls_what_its_role_may_call(template, links):
    for machine, properties in of_type(template, "AWS::StepFunctions::StateMachine").items():
        may = allowed(template, referred(properties["RoleArn"]))
        linked = {target for source, verb, target in links if (source, verb) == (machine, "calls")}
        tasks = [resource for action in ("lambda:InvokeFunction", "sqs:SendMessage") for resource in may[action]]
        read = {"ImportsBucket" for _ in may.get("s3:GetObject", [])}
        assert linked == {called(resource) for resource in tasks} | read


def test_doors_lead_to_their_functions(links):
    for link in (
        ("RestAPI", "calls", "APIHandler"),
        ("LiveApi", "calls", "Live"),
        ("Distribution", "serves", "RestAPI"),
        ("Distribution", "serves", "StorefrontBucket"),
    ):
        assert link in links


def test_table_links_are_exactly_the_granted_writes(template, links):
    """Read here from the policies in another way: only plain references, table by table."""
    writing = {"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"}
    for function in of_type(template, FUNCTION):
        may = allowed(template, role_of(template, function))
        for table in of_type(template, "AWS::DynamoDB::Table"):
            reference = {"Fn::GetAtt": [table, "Arn"]}
            is_written = any(reference in listed(may.get(action, [])) for action in writing)
            assert ((function, "writes", table) in links) == is_written, (function, table)


def test_workflow_starters_are_linked_to_it_by_arn_or_name(links):
    assert ("StartFulfilment", "starts", "OrderFulfilment") in links
    assert ("StopFulfilment", "starts", "OrderUndo") in links
    assert ("RelayEvents", "publishes", "EventBus") in links
