"""Parameters: a value is cached, read again after its lifetime, and read again early after it was refused."""

import pytest

from chalicelib.platform.parameters import CACHED_SECONDS, REFRESH_SECONDS, Parameter


class Kept:
    """Parameter store that counts its reads."""

    def __init__(self):
        self.value, self.reads, self.now = "first", 0, 0.0

    def read(self):
        self.reads += 1
        return self.value


@pytest.fixture
def kept():
    return Kept()


@pytest.fixture
def secret(kept):
    return Parameter(kept.read, lambda: kept.now)


def test_parameter_is_read_once_for_many_uses(kept, secret):
    assert [secret() for _ in range(3)] == ["first"] * 3
    assert kept.reads == 1


@pytest.mark.parametrize(("later", "used"), [(CACHED_SECONDS - 1, "first"), (CACHED_SECONDS, "second")])
def test_changed_parameter_is_read_after_the_cache_expires(kept, secret, later, used):
    secret()
    kept.value, kept.now = "second", later
    assert secret() == used


def test_refused_value_is_read_again_at_once_for_all_later_callers(kept, secret):
    secret()
    kept.value, kept.now = "second", REFRESH_SECONDS
    assert secret.refreshed() == "second"
    assert secret() == "second"


def test_refused_reads_are_cached_as_one_call(kept, secret):
    secret()
    kept.now = REFRESH_SECONDS
    for _ in range(1000):
        secret.refreshed()
    assert kept.reads == 2
