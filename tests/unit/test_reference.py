"""The event reference lists every contract with its fields."""

from chalicelib.events.contracts import EVENT_CONTRACTS
from chalicelib.events.schemas import asyncapi
from infra.build import reference


def test_events_page_lists_every_contract_with_its_meaning():
    page = reference.events_page(asyncapi())
    assert [each.name for each in EVENT_CONTRACTS if f'<details id="{each.name}">' not in page] == []
    assert "<code>OrderPlaced.v1</code>" in page and "<code>total.currency</code>" in page


def test_contract_text_is_escaped_on_the_page():
    document = asyncapi()
    document["components"]["messages"]["OrderPlaced.v1"]["summary"] = "<script>`a & b`"
    assert "&lt;script&gt;<code>a &amp; b</code>" in reference.events_page(document)
