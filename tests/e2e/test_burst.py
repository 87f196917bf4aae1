"""More orders at once than the functions can take. `make burst` is the same with more."""

from infra.local import burst


def test_a_burst_drains_without_an_error_or_a_dead_letter(guest, admin, opened, new_product):
    """That no letter is dead and every event had its effect is for the audit after the test."""
    sku = new_product(60)
    result = burst.hold(opened["api_url"], sku, orders=60)
    assert result.has_drained(60), result
    assert result.endings["COMPLETED"] and result.during
    assert guest.must("GET", f"/products/{sku}")["available"] == 60 - result.endings["COMPLETED"]
    queues = admin.must("GET", "/admin/queues")["items"]
    assert not any(queue["dead_letters"]["waiting"] for queue in queues)
