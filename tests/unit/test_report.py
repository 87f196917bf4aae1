"""Report of a run: it shows what the record holds, escapes every text, and loads nothing."""

import base64
import hashlib
import re
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from infra.build.template import ROOT
from testbed import coverage, report
from testbed.plan import FaultPlan, What
from testbed.record import EdgeRecord, Injected, RunRecord, VerdictRecord, joined
from testbed.report.figures import BOUNDS, endings, histogram, percentile, span
from testbed.report.sequence import MOST_ENTRIES, diagram
from tests.run_records import EVERYTHING, entry, outcome, record

HOSTILE = "<script>alert(1)</script><img src=https://evil.example/x onerror=alert(1)>\"'&"
WITHOUT_END = {"meta", "link", "br", "wbr", "img", "hr", "input"}


SHOWN = """1 violation of the invariants|make simulate SEED=42|>42<|it waits for ever|1 violated|holds|nothing to check
|OUT_OF_STOCK|never ended|Sequence diagram of ord_1|>kill<|start → RefundReturn: 17|1 of 12 edges taken
|RefundReturn → RestockReturn ·""".replace("\n", "").split("|")


class Page(HTMLParser):
    """Checks that each element is closed in its order, and collects ids, references and addresses."""

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.refers, self.tags, self.wrong = [], [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        for name, value in attributes:
            self.ids += [value] if name == "id" else []
            self.refers += value.split() if name in ("aria-labelledby", "aria-describedby") else []
            self.refers += re.findall(r"url\(#([^)]+)\)", value or "") + re.findall(r"^#(.+)", value or "")
        if tag not in WITHOUT_END:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in WITHOUT_END:
            self.handle_endtag(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


@pytest.fixture(scope="module")
def text():
    return report.page(EVERYTHING)


@pytest.fixture(scope="module")
def page(text):
    return Page(text)


def test_page_is_well_formed_and_its_references_lead_somewhere(page):
    assert (page.wrong, page.open) == ([], [])
    assert len(set(page.ids)) == len(page.ids)
    assert set(page.refers) <= set(page.ids)


def test_page_shows_each_fault_of_the_run(text):
    words = re.sub(r"<[^>]+>", "", text)
    for each in EVERYTHING.injected:
        assert each.site in words
        assert each.what.replace("_", " ") in words
    assert "each call with a probability of 10 %, from 5 s until 1 min" in words
    assert "call 1, 3" in words


def test_page_shows_summary_verdicts_and_timelines(text):
    assert [shown for shown in SHOWN if shown not in text] == []


def test_page_escapes_hostile_text():
    verdict = VerdictRecord(invariant=HOSTILE, checked=1, violations={HOSTILE: HOSTILE})
    hostile = record(
        name=HOSTILE,
        command=HOSTILE,
        started_at=HOSTILE,
        plan=FaultPlan.model_validate({"faults": [{"where": f"queue.{HOSTILE}", "what": "delay"}]}),
        outcomes=[outcome(HOSTILE, HOSTILE, None, reason=HOSTILE)],
        injected=[Injected(site=HOSTILE, what=What.DELAY, times=1)],
        verdicts=[verdict],
        edges=[EdgeRecord(workflow=HOSTILE, source=HOSTILE, target=HOSTILE, times=1)],
        entries=[entry(HOSTILE, 1, HOSTILE, HOSTILE + "2", HOSTILE)],
    )
    page = Page(report.page(hostile))
    assert (page.wrong, page.open) == ([], [])
    assert not {"script", "img"} & {tag for tag, _ in page.tags}
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]


def test_page_names_no_address_and_its_policy_allows_only_its_style(text, page):
    assert "://" not in text.replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert not {"script", "link", "iframe", "img", "object"} & {tag for tag, _ in page.tags}
    assert not [each for _, each in page.tags if {"src", "style"} & set(each)]
    [style] = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    [policy] = [each["content"] for tag, each in page.tags if each.get("http-equiv") == "Content-Security-Policy"]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}';")


def test_page_has_one_first_heading_and_none_is_skipped(page):
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_page_of_an_empty_run_says_that_nothing_happened():
    page = report.page(record())
    assert Page(page).wrong == []
    for shown in ("No invariant was checked", "No order was placed", "no timelines", "no edges"):
        assert shown in page


def test_report_uses_the_colours_of_the_console():
    styles = ROOT / "frontend" / "src"
    console = (styles / "styles/tokens.css").read_text() + (styles / "admin/styles/base.css").read_text()
    known = re.findall(r"^ +(--[\w-]+): (light-dark.+);$", console, re.MULTILINE)
    used = dict(re.findall(r"^ +(--[\w-]+): (light-dark.+);$", (report.HERE / "page.css").read_text(), re.MULTILINE))
    assert len(used) > 12
    assert used == {name: value for name, value in known if name in used}


def test_report_and_record_are_written_side_by_side(tmp_path):
    path = report.write(EVERYTHING, tmp_path / "new" / "run.html")
    assert path.read_text().startswith("<!doctype html>")
    assert RunRecord.model_validate_json(path.with_suffix(".json").read_bytes()) == EVERYTHING


def test_runs_of_several_seeds_are_joined_into_one_record():
    other = EVERYTHING.model_copy(update={"seed": 43})
    both = joined([EVERYTHING, other])
    assert (both.name, both.seed, both.seconds) == ("Simulation, 2 seeds", 42, 122)
    assert (len(both.outcomes), len(both.entries), both.violations) == (4, 4, 2)
    assert {each.times for each in both.injected} == {2 * each.times for each in EVERYTHING.injected}
    assert [(each.target, each.times) for each in both.edges] == [("RefundReturn", 34)]
    assert both.verdicts[0].violations == {f"seed {seed}, ord_2": "it waits for ever" for seed in (42, 43)}
    assert [each.checked for each in both.verdicts] == [4, 4, 0]


def test_violated_orders_come_first_then_those_that_never_ended():
    outcomes = [outcome("a", faults=9), outcome("b", seconds=None), outcome("c")]
    verdict = VerdictRecord(invariant="x", checked=3, violations={"c": "y"})
    text = report.page(record(outcomes=outcomes, verdicts=[verdict], entries=[entry(subject=each) for each in "abc"]))
    assert re.findall(r"Sequence diagram of (\w)", text) == ["c", "b", "a"]


def test_histogram_counts_each_order_once():
    times = [0.1, 0.11, 4.9, 5, 5.1, BOUNDS[-1] + 1]
    drawn = histogram([*(outcome(seconds=each) for each in times), outcome(status="SHIPPING", seconds=None)])
    counts = {column.label: column.count for column in drawn.columns if column.count}
    assert counts == {"≤ 0.1 s": 1, "≤ 0.2 s": 1, "≤ 5 s": 2, "≤ 10 s": 1, "> 7 d": 1, "never": 1}
    assert all(0 <= part.y <= drawn.height for column in drawn.columns for part in column.parts)


def test_orders_are_counted_by_status_and_reason():
    found = endings([outcome(), outcome(), outcome(status="CANCELLED", reason="OUT_OF_STOCK")])
    assert [(each.status, each.reason, each.count) for each in found] == [
        ("COMPLETED", "", 2),
        ("CANCELLED", "OUT_OF_STOCK", 1),
    ]


def test_percentile_is_a_value_that_occurred():
    values = [float(number) for number in range(1, 201)]
    assert [percentile(values, percent) for percent in (50, 99, 100)] == [100, 198, 200]
    assert (percentile([], 50), percentile([3.0], 99)) == (None, 3.0)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(None, "–"), (0, "0 s"), (0.123, "0.12 s"), (61, "1 min 1 s"), (7200, "2 h"), (90061, "1 d 1 h")],
)
def test_span_has_at_most_two_units(seconds, shown):
    assert span(seconds) == shown


def test_diagram_keeps_every_text_inside():
    entries = [entry("x" * 200, number, f"Source{number}", f"Target{number}") for number in range(12)]
    drawn = diagram([*entries, entry("own", 13, "Target11", "Target11")])
    assert all(0 <= arrow.start <= drawn.width and 0 <= arrow.end <= drawn.width for arrow in drawn.arrows)
    assert all(arrow.y < drawn.height for arrow in drawn.arrows)
    assert len({line.x for line in drawn.lifelines}) == 24


def test_diagram_of_a_long_history_has_its_ends_and_its_faults():
    drawn = diagram([entry(str(number), number, fault=What.KILL if number == 250 else None) for number in range(500)])
    numbers = [int(arrow.text) for arrow in drawn.arrows]
    assert numbers == [*range(10), 248, 249, 250, 251, 252, *range(490, 500)]
    assert [pause.text for pause in drawn.pauses] == [
        "238 left out, 3 min 59 s later",
        "237 left out, 3 min 58 s later",
    ]


def test_diagram_of_many_faults_has_a_limit():
    drawn = diagram([entry(at=number, fault=What.DELAY) for number in range(500)])
    assert MOST_ENTRIES - 5 <= len(drawn.arrows) <= MOST_ENTRIES


def test_diagram_marks_a_long_pause():
    drawn = diagram([entry(at=1), entry(at=2), entry(at=95)])
    assert [pause.text for pause in drawn.pauses] == ["1 min 33 s later"]


def test_graph_shows_only_workflows_of_the_run(text):
    assert 'aria-label="order_return: 1 of 12 edges taken"' in text
    assert set(re.findall(r"Graph of (\w+)", text)) == {"order_return"} < set(coverage.definitions())
