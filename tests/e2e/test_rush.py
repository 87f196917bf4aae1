"""Contention: many buyers check out at once for fewer units. `make rush` is the same with 200 buyers."""

from infra.commands import rush


def test_last_units_are_sold_once_and_no_other_buyer_is_charged(guest, opened, new_product):
    sku = new_product(6)
    outcome = rush.hold(opened["api_url"], sku, buyers=24)
    assert outcome.is_fair(buyers=24, units=6), outcome
    assert guest.call("GET", f"/products/{sku}").body["available"] == 0
