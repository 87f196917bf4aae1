"""Hot product: one counter is throttled by a burst, and its shards are not. `make rush RESERVATIONS=5000` is larger."""

import pytest

from infra.capacity.hot_product import LimitedKeys, Rush, Throttled, pauses_of_a_step
from infra.capacity.pool import Simulation
from infra.commands import rush
from infra.commands.output import PlainConsole

RESERVATIONS = 510
"""They need 1,020 write units of one counter, which has 1,000 in the first second."""


def test_burst_for_one_product_is_throttled_by_one_counter_and_not_by_four():
    one, four = (Rush(RESERVATIONS, shards).run() for shards in (1, 4))
    for burst in (one, four):
        assert (burst.reserved, burst.failed, burst.is_conserved) == (RESERVATIONS, 0, True)
    assert one.seconds > 0 and set(one.refused) == {"STOCK#HOT-1"}
    assert (four.seconds, four.throttled) == (0, 0)
    assert len(four.counters) == 4 and all(shard.reserved for shard in four.counters)


def test_key_refuses_more_than_a_second_of_its_write_units_at_once():
    """DynamoDB developer guide, "Designing partition keys to distribute your workload": 1,000 units a second."""

    class Table:
        def transact_write_items(self, TransactItems):
            written.append(TransactItems)

    written, simulation = [], Simulation(1)
    keys = LimitedKeys(Table(), simulation)
    keys.is_limited = True
    writes = [{"Update": {"Key": {"pk": "STOCK#MUG"}}}, {"Put": {"Item": {"pk": "RESERVATION#1", "expiring": "yes"}}}]
    for _ in range(500):
        keys.transact_write_items(TransactItems=writes)
    with pytest.raises(Throttled):
        keys.transact_write_items(TransactItems=writes)
    assert len(written) == 500 and keys.buckets["by-expiry yes"].used == 500
    simulation.run(0.002)
    keys.transact_write_items(TransactItems=writes)


def test_throttled_order_is_tried_as_often_as_its_step():
    """12 attempts of a transaction, in each of the 7 of the step."""
    pauses = pauses_of_a_step()
    assert len(pauses) == 12 * 7 - 1
    assert pauses[:3] == [0.02, 0.04, 0.08] and max(pauses) == 30


def test_rush_compares_shards_and_reports_a_counter_that_does_not_add_up(monkeypatch, capsys):
    assert rush.reserve(PlainConsole(), 20, 3) == 0
    shown = capsys.readouterr().out
    assert "Every unit is reserved once" in shown
    assert {("1", "20"), ("3", "20")} <= {tuple(line.split()[:2]) for line in shown.splitlines()}

    monkeypatch.setattr("infra.capacity.hot_product.Burst.is_conserved", False)
    assert rush.reserve(PlainConsole(), 20, 3) == 1
    assert "does not add up" in capsys.readouterr().out
