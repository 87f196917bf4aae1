"""More orders at once than the functions can take: the test of `make burst`."""

import pytest

from infra.commands import burst

ORDERS = 120
"""Ten times the number of concurrent buyers, and several times the queue's maximum concurrency."""


@pytest.mark.leaves_much
def test_a_burst_drains_without_an_error_or_a_dead_letter(guest, admin, opened, new_product):
    """The audit after the test checks that every event had its effect."""
    sku = new_product(ORDERS)
    result = burst.hold(opened["api_url"], sku, ORDERS)
    assert result.has_drained(ORDERS), result
    assert result.during
    assert guest.must("GET", f"/products/{sku}")["available"] == 0
    queues = admin.must("GET", "/admin/queues")["items"]
    assert not any(queue["dead_letters"]["waiting"] for queue in queues)
