"""The billing meter: rounds and doubles as AWS does, and adds up by resource."""

import json
from types import SimpleNamespace

import pytest

from infra.cost import units
from infra.local import meter

STORED = {"small": 100, "large": 5000}
TABLES = SimpleNamespace(
    _tables={"Orders": {}},
    _get_item_by_key=lambda table, key: STORED.get(key["pk"]),
    _item_size_bytes=lambda item: item or 0,
    _capacity_kb=lambda size: max(1.0, -(-size // 1024)),
)


def read(key, **call):
    return {"TableName": "Orders", "Key": {"pk": key}, **call}


@pytest.mark.parametrize(("size", "billed"), [(0, 1), (64 * 1024, 1), (64 * 1024 + 1, 2)])
def test_message_is_billed_for_each_64_kb(size, billed):
    assert meter.chunks("x" * size) == billed


@pytest.mark.parametrize(
    ("call", "examined", "billed"),
    [
        (read("small"), 0, 0.5),
        (read("missing"), 0, 0.5),
        (read("large", ConsistentRead=True, ProjectionExpression="pk"), 0, 2),
        ({"TransactItems": [{"Get": read("large")}]}, 0, 4),
        ({"TableName": "Orders", "ConsistentRead": True}, 6000, 2),
        ({"TableName": "Orders"}, 0, 0.5),
    ],
    ids=["eventual", "missing", "consistent", "transaction", "query", "empty query"],
)
def test_read_is_billed_by_the_size_of_what_it_read(call, examined, billed):
    assert meter.read_units(TABLES, call, examined) == [("Orders", billed)]


def test_batch_of_reads_is_billed_for_each_item():
    batch = {"RequestItems": {"Orders": {"Keys": [{"pk": "small"}, {"pk": "large"}], "ConsistentRead": True}}}

    assert meter.read_units(TABLES, batch, 0) == [("Orders", 1), ("Orders", 2)]


def test_refused_write_is_billed_by_the_item_and_doubled_in_a_transaction():
    assert meter.refused_units(TABLES, read("large")) == [("Orders", 5)]
    assert meter.refused_units(TABLES, {"TransactItems": [{"Put": read("large")}]}) == [("Orders", 10)]


def test_meter_records_only_while_its_file_exists(tmp_path, monkeypatch):
    file = tmp_path / "billed"
    monkeypatch.setenv(meter.FILE, str(file))
    meter.note("event", "OrderPlaced")
    assert not file.exists()

    file.touch()
    meter.note("event", "OrderPlaced")
    meter.note("event", "OrderPlaced", count=0)

    assert units.tally(file.read_text().splitlines(), {}) == {"event": {"OrderPlaced": 1}}


def test_tally_names_resources_logically_and_drops_what_is_not_of_an_order():
    def line(of, by="", unit="write_unit"):
        return json.dumps({"unit": unit, "of": of, "count": 2, "by": by})

    lines = [
        line("t-1", "r-1"),
        line("t-1/by-status", "r-1"),
        line("t-1", "r-2"),
        line("w-1"),
        line("t-1", "", "millisecond"),
    ]
    logical = {"t-1": "OrdersTable", "r-1": "ShipOrderRole", "r-2": "SweepWorkflowsRole", "w-1": "WarehouseLedger"}

    found = units.tally(lines, logical, jobs=["SweepWorkflows"])

    assert found == {"write_unit": {"OrdersTable": 2, "OrdersTable/by-status": 2}}
    assert units.durations(lines, logical) == {"OrdersTable": 2}
