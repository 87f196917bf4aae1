"""Reporting in a shop that has it: orders and stock adjustments reach PostgreSQL, and the shop goes on without it."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.commands.client import Buyer
from infra.deploy import reporting
from infra.local import processes, shop
from infra.local.own_shop import OwnShop, started
from tests.postgres import home_of_postgres

pytestmark = pytest.mark.takes_long


@pytest.fixture
def audited() -> None:
    """Skip the audit of the shared shop: this file has a shop of its own."""


@pytest.fixture
def opened() -> dict[str, Any]:
    return {}


@pytest.fixture
def own_shop(tmp_path: Path) -> Iterator[OwnShop]:
    with home_of_postgres() as home:
        own = OwnShop(tmp_path, products=1, database_port=processes.free_port(), database_home=home)
        with started(own):
            yield own


def test_reports_follow_the_shop_and_a_rebuild_catches_up_after_an_outage(own_shop: OwnShop) -> None:
    outputs = own_shop.open()
    guest = Buyer(outputs["api_url"])
    admin = guest.signed_in(shop.ADMIN.email, shop.ADMIN.password)
    sku = max(guest.must("GET", "/products")["items"], key=lambda product: product["available"])["sku"]

    def statuses() -> dict[str, str]:
        found = admin.must("GET", f"/admin/reports/orders?sku={sku}")["items"]
        return {order["order_id"]: order["status"] for order in found}

    first = guest.buy(sku)
    guest.ended(first)
    wait_for(lambda: statuses() == {first: "COMPLETED"})
    month = admin.must("GET", "/admin/reports/categories")["items"][0]
    assert (month["orders"], month["units"], month["refunds"]) == (1, 1, 0)

    own_shop.stop_database()
    second = guest.buy(sku)
    assert guest.ended(second)["status"] == "COMPLETED"
    assert admin.call("GET", "/admin/reports/cohorts").status == 503

    own_shop.start_database()
    lines: list[str] = []
    # The messages that failed come again after their visibility timeout of three minutes; a rebuild does not wait.
    assert reporting.rebuild(own_shop.place.session, shop.STACK, lines.append) > 2
    assert statuses() == {first: "COMPLETED", second: "COMPLETED"}


def wait_for(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to this in time"
        time.sleep(0.2)
