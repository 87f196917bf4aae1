"""Points rules."""

import pytest

from chalicelib.loyalty.model import points_for


@pytest.mark.parametrize(("kept", "points"), [(0, 0), (99, 0), (100, 1), (2599, 25), (-300, 0)])
def test_points_are_whole_euros_that_the_shop_keeps(kept, points):
    assert points_for(kept) == points
