"""What was done is not done again; whoever dies at it is followed by another."""

import pytest

from chalicelib.platform.idempotency import KEPT, LEASE, BeingDone, Once
from tests.builders import NOW
from tests.fakes import FakeOnce

KEY = "email#ord_1#confirmed"


@pytest.fixture
def table(new_table):
    return new_table("EffectsTable")


@pytest.fixture
def once(dynamodb, table, clock):
    return Once(dynamodb, table, clock)


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
    def test_is_given_to_one(self, once):
        assert once.lease(KEY, NOW)
        assert not once.lease(KEY, NOW)

    def test_of_one_key_does_not_hold_up_another(self, once):
        once.lease(KEY, NOW)

        assert once.lease("email#ord_1#completed", NOW)
        assert once.lease("email#ord_2#confirmed", NOW)

    def test_runs_out_if_its_holder_dies(self, once):
        once.lease(KEY, NOW)

        assert not once.lease(KEY, NOW + LEASE / 2)
        assert once.lease(KEY, NOW + LEASE * 1.1)
        assert not once.lease(KEY, NOW + LEASE * 1.2)

    def test_is_never_given_again_once_it_is_done(self, once):
        once.lease(KEY, NOW)
        once.note_done(KEY)

        assert not once.lease(KEY, NOW + LEASE * 1000)

    def test_that_was_let_go_is_free(self, once):
        once.lease(KEY, NOW)
        once.let_go(KEY)

        assert once.lease(KEY, NOW)

    def test_that_ran_out_cannot_be_let_go_by_its_former_holder(self, once):
        once.lease(KEY, NOW)
        once.lease(KEY, NOW + LEASE * 1.1)
        once.note_done(KEY)

        once.let_go(KEY)

        assert not once.lease(KEY, NOW + LEASE * 1.2)

    @pytest.mark.parametrize("is_done", [True, False])
    def test_of_an_expired_record_is_given_to_one_again(self, once, clock, is_done):
        once.lease(KEY, NOW)
        if is_done:
            once.note_done(KEY)
        clock.now += KEPT

        assert not once.is_done(KEY)
        assert once.done_at(KEY) is None
        assert once.lease(KEY, clock(), at_most=1)
        assert not once.lease(KEY, clock(), at_most=1)

    def test_is_forgotten_by_the_table_in_time(self, once, dynamodb, table):
        once.lease(KEY, NOW)

        [item] = dynamodb.scan(TableName=table)["Items"]
        assert item["expires_at"] == (NOW + KEPT).timestamp()


@pytest.mark.parametrize("once", ["dynamodb", "fake"], indirect=True)
class TestRun:
    @pytest.fixture
    def once(self, request, dynamodb, table, clock):
        return FakeOnce() if request.param == "fake" else Once(dynamodb, table, clock)

    def test_does_it_once(self, once, work, clock):
        once.run(KEY, work)
        clock.passes(days=30)
        once.run(KEY, work)

        assert work.done == 1

    def test_does_each_key_by_itself(self, once, work):
        once.run("one", work)
        once.run("other", work)

        assert work.done == 2

    def test_shows_a_failure_and_tries_anew_at_once(self, once, work):
        work.fails = True
        with pytest.raises(ConnectionError):
            once.run(KEY, work)
        assert work.done == 0
        work.fails = False

        once.run(KEY, work)
        once.run(KEY, work)

        assert work.done == 1


class TestExpiry:
    def test_work_of_an_expired_record_runs_again_once(self, once, work, clock):
        once.run(KEY, work)
        clock.now += KEPT

        assert once.run(KEY, work)
        assert not once.run(KEY, work)
        assert work.done == 2


class TestAtTheSameTime:
    def test_a_second_one_does_not_begin_and_does_not_pass_for_done(self, once, work):
        def begin_again():
            with pytest.raises(BeingDone):
                once.run(KEY, work)

        once.run(KEY, begin_again)

        assert work.done == 0

    def test_one_that_died_is_followed_when_its_lease_is_over(self, once, work, clock):
        once.lease(KEY, clock())
        clock.passes(seconds=5)
        with pytest.raises(BeingDone):
            once.run(KEY, work)
        clock.now += LEASE

        once.run(KEY, work)

        assert work.done == 1
