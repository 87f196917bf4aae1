"""So many uses within a window; a window that has passed is begun again before DynamoDB removes it."""

from datetime import timedelta

import pytest

from chalicelib.platform.rate_limit import RateLimit

HOUR = timedelta(hours=1)


@pytest.fixture
def limit(dynamodb, new_table, clock):
    return RateLimit(dynamodb, new_table("EffectsTable"), clock)


def test_uses_beyond_the_limit_are_refused(limit):
    assert [limit.take("mail", "ada", 2, HOUR) for _ in range(4)] == [True, True, False, False]


def test_subjects_and_kinds_are_counted_apart(limit):
    assert [limit.take(*which, 1, HOUR) for which in (("mail", "ada"), ("mail", "bob"), ("code", "ada"))] == [True] * 3


def test_expired_window_restarts_although_it_is_still_stored(limit, clock):
    limit.take("mail", "ada", 1, HOUR)
    clock.passes(minutes=59)
    assert not limit.take("mail", "ada", 1, HOUR)

    clock.passes(minutes=1)
    assert [limit.take("mail", "ada", 1, HOUR) for _ in range(2)] == [True, False]


def test_rate_limit_stores_no_client_address(limit, dynamodb):
    limit.take("mail", "ada@example.com", 1, HOUR)

    [item] = dynamodb.scan(TableName=limit._table)["Items"]
    assert "ada" not in str(item)
