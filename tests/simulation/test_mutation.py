"""Mutation: the protections are found, those whose loss is harmless are explained, and the simulator notices others."""

from collections import Counter
from dataclasses import replace
from functools import partial

import pytest

from infra.commands import mutate
from testbed.mutation import Kind
from testbed.mutation.conditions import is_condition, kind_of, parts_of
from testbed.mutation.trial import Trial, run_all
from testbed.shop import noticing
from testbed.shop.application import Shop
from testbed.shop.protections import mutants, warm
from testbed.simulation import Case, simulate

AT_LEAST = {
    Kind.CONDITION: 34, Kind.VERSION: 20, Kind.KEY: 25, Kind.LEASE: 13, Kind.CATCH: 38, Kind.RETRY: 80,
    Kind.TIMEOUT: 27, Kind.DEDUP: 28, Kind.GUARD: 80, Kind.DELIVERY: 130,
}  # fmt: skip
"""By kind: a finder that no longer understands the code finds fewer."""


def test_finder_finds_the_protections_of_each_kind():
    found = Counter(mutant.kind for mutant in mutants().values())
    print(f"{sum(found.values())} protections")
    assert {kind: most for kind, most in AT_LEAST.items() if found[kind] < most} == {}


def test_explanation_of_a_survivor_belongs_to_a_mutant_and_says_why():
    explained = mutate.explanations()
    stale = [name for name in explained if not any(mutate.matches(name, each) for each in mutants())]
    assert stale == []
    assert all(len(why) > 15 for why in explained.values())


@pytest.mark.parametrize(
    ("condition", "parts"),
    [
        ("version = :version", ["version = :version"]),
        ("#status = :held AND expires_at > :now", ["#status = :held", "expires_at > :now"]),
        ("attribute_not_exists(pk) OR (a = :a AND b = :b)", ["attribute_not_exists(pk) OR (a = :a AND b = :b)"]),
        ("attribute_not_exists(done) AND (a = :a OR b < :b)", ["attribute_not_exists(done)", "(a = :a OR b < :b)"]),
    ],
)
def test_condition_is_taken_apart_only_where_all_parts_must_hold(condition, parts):
    assert is_condition(condition) and parts_of(condition) == parts


@pytest.mark.parametrize("text", ["SET a = :a", "a = :a, b = :b", "a = if_not_exists(a, :none)", "an order = nothing"])
def test_update_is_no_condition(text):
    assert not is_condition(text)


def test_kind_of_a_condition_follows_from_what_it_looks_at():
    assert kind_of("version = :version") == Kind.VERSION
    assert kind_of("leased_until < :now") == Kind.LEASE
    assert kind_of("attribute_not_exists(pk)") == Kind.CONDITION


@pytest.fixture(scope="module")
def noticed():
    """What the simulator's first seed notices of one mutant of each engine, by id."""
    warm()
    trials = [Trial(name, partial(noticing.by_simulation, mutants()[name], range(1))) for name in OF_EACH_ENGINE]
    return dict(run_all(trials, 1))


def test_whole_shop_needs_no_second_line_where_a_mutant_does(noticed):
    whole = simulate(Shop(), Case.of(0, noticing.ORDERS))
    assert (whole.problems, whole.strains) == ([], ())
    assert "second line" in {ended.answer.by for ended in noticed.values()}


OF_EACH_ENGINE = {
    "chalicelib/orders/model.py:Order.dispatched:guard:self.dispatched_at": "simulation",
    "statemachine/order_fulfilment.asl.yaml:AuthorizePayment:catch:Catch BuyerActionRequired": "second line",
    "infra/template/payments.yaml:StripeEventsQueue:delivery:maxReceiveCount 12 → 1": "second line",
}
"""By id: what notices it."""


@pytest.mark.parametrize("name", OF_EACH_ENGINE)
def test_simulator_notices_a_mutant_of_each_engine_in_its_first_seed(noticed, name):
    ended = noticed[name]
    print(ended)
    assert ended.death is None and ended.answer.by == OF_EACH_ENGINE[name]


def test_protection_that_is_not_there_cannot_be_removed():
    mutant = mutants()["chalicelib/orders/model.py:Order.dispatched:guard:self.dispatched_at"]
    gone = replace(mutant, id="chalicelib/orders/model.py:Order.dispatched:guard:gone")
    [(_, ended)] = run_all([Trial("gone", partial(noticing.by_simulation, gone, range(1)))], 1)
    assert ended.death.startswith("NotRemoved")
