"""The measurements of the capacity plan name what the packaged template has."""

from infra.capacity import measured
from infra.capacity.design import Design

from .template import Template


def test_measurements_name_only_what_template_and_quotas_have(template: Template) -> None:
    assert not measured.misnamed(measured.measured(), Design(template), measured.quotas())


def test_measurements_cover_every_step_and_consumer_of_a_completed_order(template: Template) -> None:
    design, known = Design(template), measured.measured()
    events = {event for work in (*known.routes.values(), *known.functions.values()) for each in work.events.values()
              for event in each}  # fmt: skip
    queues = {queue for event in events for queue, _ in design.targets(event)}
    queues |= {queue for work in known.functions.values() for queue in (*work.sends, *work.replies)}
    consumers = {mapping.function for mapping in design.mappings if mapping.source in queues}
    streams = {mapping.function for mapping in design.mappings if mapping.source in design.tables}
    assert {"StartFulfilment", "WriteInvoice", "SendConfirmation"} < consumers
    assert streams == {"RelayEvents", "PushUpdates"}
    assert consumers | streams <= set(known.functions)
    assert {each.split("#")[0] for each in known.shares} <= set(template["Resources"])
