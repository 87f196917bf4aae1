"""Each key's work runs once; a holder that dies is followed by another, and cannot touch that one's lease."""

import pytest

from chalicelib.platform.idempotency import KEPT, LEASE, AlreadyInProgress, IdempotencyStore, LeaseLost, NoEffect
from tests.fakes import FakeIdempotencyStore

KEY = "email#ord_1#confirmed"


@pytest.fixture(params=["dynamodb", "fake"])
def store(request, dynamodb, new_table, clock):
    if request.param == "fake":
        return FakeIdempotencyStore(clock)
    return IdempotencyStore(dynamodb, new_table("EffectsTable"), clock)


class Work:
    """Counts how often it ran; raises `failure` while that is set."""

    def __init__(self):
        self.done = 0
        self.failure = None

    def __call__(self):
        if self.failure:
            raise self.failure
        self.done += 1


@pytest.fixture
def work():
    return Work()


def expire(clock, times=1.0):
    """Let so many lengths of a lease pass, and the second to which its end is rounded."""
    clock.now += LEASE * times
    clock.passes(seconds=1)


class TestLease:
    def test_lease_is_given_to_one_holder(self, store):
        assert store.acquire(KEY)
        assert store.acquire(KEY) is None

    def test_lease_on_one_key_leaves_others_free(self, store):
        store.acquire(KEY)

        assert store.acquire("email#ord_1#completed")
        assert store.acquire("email#ord_2#confirmed")

    def test_lease_of_dead_holder_expires_and_is_given_again(self, store, clock):
        store.acquire(KEY)

        clock.now += LEASE / 2
        assert store.acquire(KEY) is None
        expire(clock, 0.5)
        assert store.acquire(KEY)
        assert store.acquire(KEY) is None

    def test_done_key_is_never_leased_again(self, store, clock):
        store.mark_done(store.acquire(KEY))

        expire(clock, 1000)
        assert store.acquire(KEY) is None

    def test_released_key_is_free_at_once(self, store):
        store.release(store.acquire(KEY))

        assert store.acquire(KEY)

    def test_key_of_another_fingerprint_is_refused(self, store):
        store.release(store.acquire(KEY, fingerprint="one"))

        assert store.acquire(KEY, fingerprint="other") is None
        assert store.acquire(KEY, fingerprint="one")

    @pytest.mark.parametrize("is_done", [True, False])
    def test_expired_record_is_leased_again_once(self, store, clock, is_done):
        lease = store.acquire(KEY)
        if is_done:
            store.mark_done(lease, answer="kept")
        clock.now += KEPT

        assert not store.is_done(KEY)
        assert store.done_at(KEY) is None
        assert store.acquire(KEY, at_most=1)
        assert "answer" not in store.record(KEY)
        assert store.acquire(KEY, at_most=1) is None

    def test_record_expires_in_table_after_its_time(self, dynamodb, new_table, clock):
        table = new_table("EffectsTable")
        IdempotencyStore(dynamodb, table, clock).acquire(KEY)

        [item] = dynamodb.scan(TableName=table)["Items"]
        assert item["expires_at"] == (clock() + KEPT).timestamp()


class TestFormerHolder:
    """A handler that was slower than its lease meets the lease of the handler that followed it."""

    @pytest.fixture
    def former(self, store, clock):
        lease = store.acquire(KEY)
        expire(clock)
        return lease

    @pytest.fixture
    def current(self, store, former):
        return store.acquire(KEY)

    def test_former_holder_does_not_release_next_holders_lease(self, store, former, current):
        store.release(former)

        assert store.acquire(KEY) is None
        store.mark_done(current)

    def test_former_holder_does_not_mark_next_holders_work_done(self, store, former, current):
        with pytest.raises(LeaseLost):
            store.mark_done(former)

        assert not store.is_done(KEY)

    def test_former_holder_does_not_uncount_next_holders_start(self, store, former, current):
        store.release(former, has_effect=False)

        assert store.record(KEY)["attempts"] == 2

    def test_former_holder_leaves_done_key_done(self, store, former, current):
        store.mark_done(current)

        store.release(former)
        with pytest.raises(LeaseLost):
            store.mark_done(former, answer="late")
        assert store.is_done(KEY)
        assert "answer" not in store.record(KEY)

    def test_expired_lease_without_a_new_owner_still_completes(self, store, former):
        store.mark_done(former)

        assert store.is_done(KEY)

    def test_work_slower_than_its_lease_is_not_reported_as_done(self, store, clock):
        def slow():
            expire(clock)
            store.acquire(KEY)

        with pytest.raises(LeaseLost):
            store.run_once(KEY, slow)
        assert not store.is_done(KEY)

    def test_failed_work_slower_than_its_lease_frees_nothing(self, store, clock):
        def slow():
            expire(clock)
            store.acquire(KEY)
            raise ConnectionError

        with pytest.raises(ConnectionError):
            store.run_once(KEY, slow)
        assert store.acquire(KEY) is None


class TestRunOnce:
    def test_key_runs_its_work_once(self, store, work, clock):
        assert store.run_once(KEY, work)
        clock.passes(days=30)
        assert not store.run_once(KEY, work)

        assert work.done == 1

    def test_key_runs_its_own_work(self, store, work):
        store.run_once("one", work)
        store.run_once("other", work)

        assert work.done == 2

    def test_failed_work_raises_and_is_tried_again_at_once(self, store, work):
        work.failure = ConnectionError()
        with pytest.raises(ConnectionError):
            store.run_once(KEY, work)
        work.failure = None

        store.run_once(KEY, work)
        store.run_once(KEY, work)

        assert work.done == 1

    def test_skipped_work_counts_as_processed_and_has_no_time(self, store, work):
        assert not store.run_once(KEY, lambda: False)

        assert not store.run_once(KEY, work)
        assert (work.done, store.is_done(KEY), store.done_at(KEY)) == (0, True, None)

    def test_work_of_expired_record_runs_again_once(self, store, work, clock):
        store.run_once(KEY, work)
        clock.now += KEPT

        assert store.run_once(KEY, work)
        assert not store.run_once(KEY, work)
        assert work.done == 2

    def test_work_of_unknown_outcome_stops_at_the_limit(self, store, work):
        work.failure = ConnectionError()
        for _ in range(2):
            with pytest.raises(ConnectionError):
                store.run_once(KEY, work, at_most=2)
        work.failure = None

        assert not store.run_once(KEY, work, at_most=2)
        assert (work.done, store.is_done(KEY)) == (0, True)

    def test_lease_that_expires_meanwhile_leaves_an_attempt(self, store, work, clock, monkeypatch):
        store.acquire(KEY, at_most=2)
        is_done = store.is_done
        monkeypatch.setattr(store, "is_done", lambda key: expire(clock) or is_done(key))

        with pytest.raises(AlreadyInProgress):
            store.run_once(KEY, work, at_most=2)

        assert store.run_once(KEY, work, at_most=2)

    def test_work_without_effect_does_not_count_against_the_limit(self, store, work):
        work.failure = NoEffect()
        for _ in range(3):
            with pytest.raises(NoEffect):
                store.run_once(KEY, work, at_most=1)
        work.failure = None

        assert store.run_once(KEY, work, at_most=1)


class TestAtTheSameTime:
    def test_second_handler_neither_runs_nor_passes_for_done(self, store, work):
        def run_again():
            for at_most in (None, 1):
                with pytest.raises(AlreadyInProgress):
                    store.run_once(KEY, work, at_most)

        store.run_once(KEY, run_again)

        assert work.done == 0

    def test_dead_handler_is_followed_when_its_lease_expires(self, store, work, clock):
        store.acquire(KEY)
        clock.passes(seconds=5)
        with pytest.raises(AlreadyInProgress):
            store.run_once(KEY, work)
        expire(clock)

        store.run_once(KEY, work)

        assert work.done == 1
