"""Funnel: its sums, and the significance of an experiment."""

import pytest

from chalicelib.analytics.funnel import Counts, Finding, Step, compared, funnel_days, in_words, of_variant


def half(visit, placed):
    return Counts(visit=visit, placed=placed)


def test_funnel_day_has_each_variant_and_their_sum():
    found = {("2030-05-16", "a", Step.VISIT): 3, ("2030-05-17", "b", Step.CART): 2, ("2030-05-17", "-", Step.CART): 1}

    days = funnel_days(["2030-05-15", "2030-05-16", "2030-05-17"], found)

    assert [day.all for day in days] == [Counts(), Counts(visit=3), Counts(cart=3)]
    assert of_variant(days, "a") == Counts(visit=3)
    assert of_variant(days, "b") == Counts(cart=2)


@pytest.mark.parametrize(
    ("counts", "conversion"), [(half(200, 10), 0.05), (half(0, 0), None), (half(3, 4), None), (half(4, 4), 1.0)]
)
def test_conversion_is_shown_only_with_visits(counts, conversion):
    assert counts.conversion == conversion


def test_significance_test_matches_textbook_values():
    """By hand: z is 0.05 / √(0.225 · 0.775 · 2/1000) = 2.6774, and 0.05 / √(11/60 · 49/60 · 3/200) = 1.0551."""
    assert compared(half(1000, 200), half(1000, 250)).p_value == pytest.approx(0.00742, abs=5e-6)
    assert compared(half(100, 15), half(200, 40)).p_value == pytest.approx(0.29139, abs=5e-6)


@pytest.mark.parametrize(
    ("a", "b", "finding"),
    [
        (half(1000, 200), half(1000, 250), Finding.B_IS_BETTER),
        (half(1000, 250), half(1000, 200), Finding.A_IS_BETTER),
        (half(1000, 200), half(1000, 205), Finding.NO_DIFFERENCE),
        (half(1000, 200), half(1000, 200), Finding.NO_DIFFERENCE),
        (half(0, 0), half(0, 0), Finding.TOO_FEW),
        (half(0, 0), half(1000, 200), Finding.TOO_FEW),
        (half(1000, 4), half(1000, 15), Finding.TOO_FEW),
        (half(1000, 5), half(1000, 15), Finding.B_IS_BETTER),
        (half(20, 20), half(20, 1), Finding.TOO_FEW),
        (half(100, 101), half(1000, 15), Finding.MISCOUNTED),
    ],
)
def test_finding_is_withheld_without_enough_data(a, b, finding):
    comparison = compared(a, b)

    assert comparison.finding == finding
    assert (comparison.p_value is None) == (finding in (Finding.TOO_FEW, Finding.MISCOUNTED))


def test_better_variant_depends_on_the_counts_only():
    one, other = half(1000, 200), half(1200, 290)

    there, back = compared(one, other), compared(other, one)

    assert (there.finding, back.finding) == (Finding.B_IS_BETTER, Finding.A_IS_BETTER)
    assert there.p_value == pytest.approx(back.p_value)


@pytest.mark.parametrize(
    ("a", "b", "words"),
    [
        (half(3, 1), half(4, 0), "1 orders of 3 visits in a, 0 of 4 in b"),
        (half(3, 4), half(4, 0), "more orders than visits, so they cannot be compared"),
        (half(1000, 200), half(1000, 205), "No difference that chance would not make"),
        (half(1000, 200), half(1000, 250), "Variant b sells to more of its visitors, and chance alone would hardly"),
        (half(1000, 100), half(1000, 300), "p = less than 0.001"),
    ],
)
def test_result_of_an_experiment_has_a_readable_text(a, b, words):
    assert words in in_words(a, b, compared(a, b))
