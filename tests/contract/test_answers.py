"""Idempotency of requests: each key has one response, even if the first attempt was interrupted."""

import pytest

from chalicelib.platform.answers import KEPT, Answers
from chalicelib.platform.idempotency import LEASE
from chalicelib.platform.request_keys import IdempotencyConflict, RequestInProgress, RequestKey
from tests.contract.conftest import Counted

KEY = RequestKey("k1", "asked-1")


@pytest.fixture
def answers(dynamodb, new_table, clock):
    return Answers(dynamodb, new_table("EffectsTable"), clock)


def test_repeated_key_gets_the_first_answer(answers, work):
    assert [answers.once(KEY, work, Counted).times for _ in range(3)] == [1, 1, 1]
    assert [answers.once(key, work, Counted).times for key in (None, RequestKey("k2", "asked-1"))] == [2, 3]


def test_key_of_another_request_is_refused(answers, work):
    answers.once(KEY, work, Counted)
    with pytest.raises(IdempotencyConflict):
        answers.once(RequestKey("k1", "asked-2"), work, Counted)
    assert work.times == 1


def test_key_is_in_use_while_its_request_is_worked_on(answers, work, clock):
    def inner():
        for fingerprint, refusal in (("asked-1", RequestInProgress), ("asked-2", IdempotencyConflict)):
            with pytest.raises(refusal):
                answers.once(RequestKey("k1", fingerprint), work, Counted)
        return work()

    assert answers.once(KEY, inner, Counted).times == 1


def test_key_whose_request_died_is_free_after_the_lease(answers, work, clock):
    def dies():
        raise SystemExit

    with pytest.raises(SystemExit):
        answers.once(KEY, dies, Counted)
    with pytest.raises(RequestInProgress):
        answers.once(KEY, work, Counted)
    clock.passes(seconds=LEASE.total_seconds() + 1)
    assert answers.once(KEY, work, Counted).times == 1


def test_key_whose_request_was_refused_is_free_at_once(answers, work):
    def refused():
        raise KeyError

    with pytest.raises(KeyError):
        answers.once(KEY, refused, Counted)
    assert answers.once(KEY, work, Counted).times == 1


def test_key_is_forgotten_when_it_expires(answers, work, clock):
    """Expiry is checked when read: DynamoDB deletes expired items hours later."""
    answers.once(KEY, work, Counted)
    clock.passes(seconds=KEPT.total_seconds())
    assert answers.once(RequestKey("k1", "asked-2"), work, Counted).times == 2
