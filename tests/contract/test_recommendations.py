"""Affinity: what is bought together is learned from each order once."""

from tests.builders import a_line
from tests.insights import completed


def test_affinity_is_learned_from_each_order_once(rooms):
    both = [a_line("MUG"), a_line("TENT")]
    for order_id in ("ord_1", "ord_2", "ord_2"):
        rooms.recommendations.learn_affinity(completed(order_id, lines=both))
    rooms.recommendations.learn_affinity(completed("ord_3", lines=[*both, a_line("AXE")]))

    assert rooms.recommendations.also_bought("MUG") == ["TENT", "AXE"]
    assert rooms.recommendations.also_bought("AXE") == ["MUG", "TENT"]
    assert rooms.recommendations.also_bought("UNKNOWN") == []
    assert rooms.recommendations.bought_together() == [("MUG", "TENT", 3), ("AXE", "MUG", 1), ("AXE", "TENT", 1)]


def test_order_of_one_product_teaches_no_affinity(rooms):
    rooms.recommendations.learn_affinity(completed())

    assert (rooms.recommendations.also_bought("MUG-01"), rooms.recommendations.bought_together()) == ([], [])
