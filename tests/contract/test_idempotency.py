"""What was done is not done again; whoever dies at it is followed by another."""

import pytest

from chalicelib.platform.idempotency import KEPT, LEASE, AlreadyInProgress, IdempotencyStore
from tests.builders import NOW
from tests.fakes import FakeIdempotencyStore

KEY = "email#ord_1#confirmed"


@pytest.fixture
def table(new_table):
    return new_table("EffectsTable")


@pytest.fixture
def store(dynamodb, table, clock):
    return IdempotencyStore(dynamodb, table, clock)


class Work:
    """Counts how often it was done; fails while it is told to."""

    def __init__(self):
        self.done = 0
        self.fails = False

    def __call__(self):
        if self.fails:
            raise ConnectionError
        self.done += 1


@pytest.fixture
def work():
    return Work()


class TestLease:
    def test_is_given_to_one(self, store):
        assert store.acquire(KEY, NOW)
        assert not store.acquire(KEY, NOW)

    def test_of_one_key_does_not_hold_up_another(self, store):
        store.acquire(KEY, NOW)

        assert store.acquire("email#ord_1#completed", NOW)
        assert store.acquire("email#ord_2#confirmed", NOW)

    def test_runs_out_if_its_holder_dies(self, store):
        store.acquire(KEY, NOW)

        assert not store.acquire(KEY, NOW + LEASE / 2)
        assert store.acquire(KEY, NOW + LEASE * 1.1)
        assert not store.acquire(KEY, NOW + LEASE * 1.2)

    def test_is_never_given_again_once_it_is_done(self, store):
        store.acquire(KEY, NOW)
        store.mark_done(KEY)

        assert not store.acquire(KEY, NOW + LEASE * 1000)

    def test_that_was_let_go_is_free(self, store):
        store.acquire(KEY, NOW)
        store.release(KEY)

        assert store.acquire(KEY, NOW)

    def test_that_ran_out_cannot_be_let_go_by_its_former_holder(self, store):
        store.acquire(KEY, NOW)
        store.acquire(KEY, NOW + LEASE * 1.1)
        store.mark_done(KEY)

        store.release(KEY)

        assert not store.acquire(KEY, NOW + LEASE * 1.2)

    @pytest.mark.parametrize("is_done", [True, False])
    def test_of_an_expired_record_is_given_to_one_again(self, store, clock, is_done):
        store.acquire(KEY, NOW)
        if is_done:
            store.mark_done(KEY)
        clock.now += KEPT

        assert not store.is_done(KEY)
        assert store.done_at(KEY) is None
        assert store.acquire(KEY, clock(), at_most=1)
        assert not store.acquire(KEY, clock(), at_most=1)

    def test_is_forgotten_by_the_table_in_time(self, store, dynamodb, table):
        store.acquire(KEY, NOW)

        [item] = dynamodb.scan(TableName=table)["Items"]
        assert item["expires_at"] == (NOW + KEPT).timestamp()


@pytest.mark.parametrize("store", ["dynamodb", "fake"], indirect=True)
class TestRun:
    @pytest.fixture
    def store(self, request, dynamodb, table, clock):
        return FakeIdempotencyStore() if request.param == "fake" else IdempotencyStore(dynamodb, table, clock)

    def test_does_it_once(self, store, work, clock):
        store.run_once(KEY, work)
        clock.passes(days=30)
        store.run_once(KEY, work)

        assert work.done == 1

    def test_does_each_key_by_itself(self, store, work):
        store.run_once("one", work)
        store.run_once("other", work)

        assert work.done == 2

    def test_shows_a_failure_and_tries_anew_at_once(self, store, work):
        work.fails = True
        with pytest.raises(ConnectionError):
            store.run_once(KEY, work)
        assert work.done == 0
        work.fails = False

        store.run_once(KEY, work)
        store.run_once(KEY, work)

        assert work.done == 1


class TestExpiry:
    def test_work_of_an_expired_record_runs_again_once(self, store, work, clock):
        store.run_once(KEY, work)
        clock.now += KEPT

        assert store.run_once(KEY, work)
        assert not store.run_once(KEY, work)
        assert work.done == 2


class TestAtTheSameTime:
    def test_a_second_one_does_not_begin_and_does_not_pass_for_done(self, store, work):
        def begin_again():
            with pytest.raises(AlreadyInProgress):
                store.run_once(KEY, work)

        store.run_once(KEY, begin_again)

        assert work.done == 0

    def test_one_that_died_is_followed_when_its_lease_is_over(self, store, work, clock):
        store.acquire(KEY, clock())
        clock.passes(seconds=5)
        with pytest.raises(AlreadyInProgress):
            store.run_once(KEY, work)
        clock.now += LEASE

        store.run_once(KEY, work)

        assert work.done == 1
