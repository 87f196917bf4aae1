"""What `make down` and `make up` promise: data are kept, and an order placed right after goes through."""

from typing import Any

import pytest

from infra.local import engine, processes, run, shop
from infra.local.client import Buyer
from tests.auditor import Auditor


@pytest.fixture
def audited() -> None:
    """This file has a shop of its own and audits that one."""


@pytest.fixture
def opened() -> dict[str, Any]:
    return {}


def test_a_restart_keeps_the_data_and_loses_no_order(tmp_path):
    engine_port, payments_port = processes.free_port(), processes.free_port()
    payments_pid = run.start_payments(payments_port, tmp_path)
    engine_pid = engine.start(engine_port, tmp_path / "state", tmp_path / "engine.log")
    place = shop.Place(engine_port, engine.url(payments_port), warehouse_timeout_seconds=10)
    try:
        opened = shop.open_shop(place, tmp_path / "build", frontend=False)
        buyer = Buyer(opened["api_url"])
        product = max(buyer.call("GET", "/products").body["items"], key=lambda p: p["available"])
        before = buyer.buy(product["sku"])
        buyer.ended(before)

        engine.stop(engine_pid)
        engine_pid = engine.start(engine_port, tmp_path / "state", tmp_path / "engine.log")
        reopened = shop.open_shop(place, tmp_path / "build", frontend=False)

        assert reopened["api_url"] == opened["api_url"]
        assert buyer.order(before)["status"] == "COMPLETED"
        after = buyer.buy(product["sku"])
        assert buyer.ended(after)["status"] == "COMPLETED"
        assert buyer.call("GET", f"/products/{product['sku']}").body["available"] == product["available"] - 2
        assert Auditor(place.session, reopened).findings() == []
    finally:
        engine.stop(engine_pid)
        processes.stop(payments_pid, run.PAYMENTS)
