"""Lighthouse command: judges by medians, and only while the processors are idle and equally fast."""

import pytest

from infra.commands import lighthouse
from infra.commands.lighthouse import CATEGORIES, MachineBusy, Run, busy_share, median_scores


def scores(performance):
    return dict.fromkeys(CATEGORIES, 100) | {"performance": performance}


@pytest.fixture
def measured(monkeypatch):
    """Return a function that gives each run of a page its score and processor speed, and judges the page."""
    monkeypatch.setattr(lighthouse, "_wait_for_idle_machine", lambda: None)

    def judge(*runs):
        results = iter([Run(scores(score), speed) for score, speed in runs])
        monkeypatch.setattr(lighthouse, "_measured", lambda *page: next(results))
        return lighthouse._scores("home", "/", None)

    return judge


def test_median_of_each_category_is_judged(measured):
    assert measured((80, 1000), (97, 1000), (96, 990)) == scores(96)
    assert median_scores([Run(scores(90), 1), Run(scores(95), 1), Run(scores(99), 1)])["performance"] == 95


def test_page_that_passes_on_a_slow_processor_passes(measured):
    assert measured((97, 1000), (95, 500), (96, 700)) == scores(96)


def test_page_below_the_minimum_is_judged_by_runs_at_full_speed(measured):
    assert measured((60, 700), (94, 1000), (61, 700), (93, 1000), (92, 900)) == scores(93)


def test_page_below_the_minimum_is_not_judged_when_its_runs_differ_too_much(measured):
    with pytest.raises(MachineBusy, match="while home was measured"):
        measured((90, 1000), (60, 700), (61, 700), (62, 700), (90, 1000), (60, 700))


def test_machine_that_stays_busy_is_refused(monkeypatch):
    monkeypatch.setattr(lighthouse, "busy_share", lambda: 0.9)
    monkeypatch.setattr(lighthouse, "PATIENCE_SECONDS", -1)

    with pytest.raises(MachineBusy, match="90%"):
        lighthouse._wait_for_idle_machine()


@pytest.mark.parametrize(
    ("after", "share"),
    [([10, 0, 10, 80, 0, 0, 0, 0], 0.2), ([0, 0, 0, 50, 50, 0, 0, 0], 0), ([30, 10, 60, 0, 0, 0, 0, 0], 1)],
)
def test_busy_share_is_what_is_neither_idle_nor_waiting_for_a_disk(monkeypatch, after, share):
    times = iter([[0] * 8, after])
    monkeypatch.setattr(lighthouse, "_processor_times", lambda: next(times))

    assert busy_share(0) == pytest.approx(share)


def test_machine_without_processor_times_is_not_refused(monkeypatch):
    monkeypatch.setattr(lighthouse, "_processor_times", list)

    assert busy_share(0) == 0
