"""Fan-in: which consequences an order needs before it is settled."""

from chalicelib.events.fan_in import Consequence, expected_consequences


def test_guest_order_expects_every_consequence_except_points():
    assert expected_consequences(is_guest=False) == set(Consequence)
    assert expected_consequences(is_guest=True) == set(Consequence) - {Consequence.POINTS}
