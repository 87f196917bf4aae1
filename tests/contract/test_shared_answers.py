"""Shared answers: one caller works out the answer of a period, and all others get it."""

from datetime import timedelta

import pytest

from chalicelib.console.stack import COUNTED_EVERY, Meters
from chalicelib.console.system import Component
from chalicelib.platform.idempotency import LEASE
from chalicelib.platform.shared_answers import AnswerPending, SharedAnswers
from tests.contract.conftest import Counted

PERIOD = timedelta(minutes=1)


@pytest.fixture
def table(new_table):
    return new_table("EffectsTable")


@pytest.fixture
def answers(dynamodb, table, clock):
    return SharedAnswers(dynamodb, table, clock, PERIOD)


def test_callers_of_a_period_share_one_answer(answers, work, dynamodb, table, clock):
    of_another_function = SharedAnswers(dynamodb, table, clock, PERIOD)
    found = [each.current("n", work, Counted).times for each in (answers, of_another_function, answers)]
    assert (found, work.times) == ([1, 1, 1], 1)


def test_next_period_has_an_answer_of_its_own(answers, work, clock):
    answers.current("n", work, Counted)
    clock.passes(seconds=PERIOD.total_seconds())
    assert answers.current("n", work, Counted).times == 2


def test_answers_of_other_names_are_kept_apart(answers, work):
    assert [answers.current(name, work, Counted).times for name in ("n", "m")] == [1, 2]


def test_callers_get_the_last_answer_while_the_next_is_worked_out(answers, work, clock):
    answers.current("n", work, Counted)
    clock.passes(seconds=PERIOD.total_seconds())

    def meanwhile():
        assert answers.current("n", work, Counted).times == 1
        return work()

    assert answers.current("n", meanwhile, Counted).times == 2


def test_caller_without_a_last_answer_is_asked_to_try_later(answers, work):
    def meanwhile():
        with pytest.raises(AnswerPending):
            answers.current("n", work, Counted)
        return work()

    assert answers.current("n", meanwhile, Counted).times == 1


def test_answer_that_failed_is_worked_out_by_the_next_caller(answers, work):
    def fails():
        raise KeyError

    with pytest.raises(KeyError):
        answers.current("n", fails, Counted)
    assert answers.current("n", work, Counted).times == 1


def test_answer_of_a_dead_caller_is_worked_out_after_the_lease(answers, work, clock):
    def dies():
        raise SystemExit

    with pytest.raises(SystemExit):
        answers.current("n", dies, Counted)
    clock.passes(seconds=LEASE.total_seconds() + 1)
    assert answers.current("n", work, Counted).times == 1


class FakeCloudWatch:
    def __init__(self):
        self.calls = 0

    def get_metric_data(self, MetricDataQueries, **span):
        self.calls += 1
        return {"MetricDataResults": [{"Id": query["Id"], "Values": [2.0, 1.0]} for query in MetricDataQueries]}


def test_viewers_of_the_system_map_cause_one_metric_request_a_minute(dynamodb, table, clock):
    """GetMetricData is charged by metric: https://aws.amazon.com/cloudwatch/pricing/."""
    cloudwatch, functions = FakeCloudWatch(), [Component(id="Live", kind="function", name="shop-Live")]
    meters = [Meters(cloudwatch, clock, SharedAnswers(dynamodb, table, clock, COUNTED_EVERY)) for _ in range(2)]
    for _ in range(5):
        counts = [each.invocations(functions) for each in meters]
        clock.passes(seconds=4)
    assert counts[0] == counts[1]
    assert (counts[0]["Live"].invocations, counts[0]["Live"].errors) == (3, 3)
    assert cloudwatch.calls == 1
