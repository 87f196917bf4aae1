"""Workflow coverage: edges of all processes are added up, and a run that misses one names it."""

import re
from io import StringIO
from types import SimpleNamespace

import pytest

from infra.build.workflow_graph import all_workflows
from infra.commands import coverage as command
from infra.commands.output import PlainConsole
from testbed import coverage, workflow_picture
from testbed.coverage import END, START, Edge
from testbed.record import EdgeRecord, How
from tests import whole_run, workflow_coverage

SALE = {
    "StartAt": "Pay",
    "States": {
        "Pay": {
            "Type": "Task",
            "Next": "Each",
            "Catch": [
                {"ErrorEquals": ["Declined", "Expired"], "Next": "Cancel"},
                {"ErrorEquals": ["States.ALL"], "Next": "Cancel"},
            ],
        },
        "Each": {
            "Type": "Map",
            "ItemProcessor": {"StartAt": "Ship", "States": {"Ship": {"Type": "Task", "End": True}}},
            "Next": "IsGift",
        },
        "IsGift": {"Type": "Choice", "Choices": [{"Next": "Wrap"}], "Default": "Done"},
        "Wrap": {"Type": "Task", "End": True},
        "Done": {"Type": "Succeed"},
        "Cancel": {"Type": "Fail"},
    },
}
KNOWN = {"the_sale": SALE}
EDGES = coverage.edges("the_sale", SALE)
DEFINITIONS = coverage.definitions()


def record(source, target, cause="", times=1, how=How.EXECUTED, workflow="the_sale"):
    return EdgeRecord(workflow=workflow, source=source, target=target, cause=cause, times=times, how=how)


def taking(edges, times=1):
    return [EdgeRecord(**edge._asdict(), times=times) for edge in edges]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv(coverage.FOLDER, str(tmp_path))
    return tmp_path


def test_edges_are_starts_steps_errors_choices_and_ends():
    steps = [
        (START, "Pay"),
        ("Pay", "Each"),
        ("Pay", "Cancel", "Declined"),
        ("Pay", "Cancel", "Expired"),
        ("Pay", "Cancel", "States.ALL"),
        ("Each", "Ship"),
        ("Each", "IsGift"),
        ("Ship", END),
        ("IsGift", "Wrap"),
        ("IsGift", "Done"),
        ("Wrap", END),
        ("Done", END),
        ("Cancel", END),
    ]
    assert [Edge("the_sale", *step) for step in steps] == EDGES


@pytest.mark.parametrize("workflow", all_workflows(), ids=lambda workflow: workflow.name)
def test_edges_are_those_of_the_drawn_workflow(workflow):
    """The graph has more of them: what is inside a Map fails, and leads on, as the Map does."""
    found = {(edge.source, edge.target) for edge in coverage.edges(workflow.name, DEFINITIONS[workflow.name])}
    between = {(source, target) for source, target in found if source != START and target != END}
    inside = {name for name in workflow.states if name not in workflow.definition["States"]}
    outer = {(source, target) for source, target in workflow.graph.edges if source not in inside or target in inside}
    assert between == outer


def test_edges_of_all_processes_are_added_up(folder):
    for process, times in (("1", 2), ("2", 3)):
        lines = times * '["shop-TheSale-7F", "start", "Pay", "", "executed", 1]\n'
        (folder / f"{process}.edges").write_text(lines)
    coverage.note("the_sale", START, "Pay")
    coverage.note("another", START, "Pay")
    found = coverage.noted(folder, KNOWN)
    assert found == [record(START, "Pay", times=5), record(START, "Pay", times=1, how=How.SIMULATED)]
    assert coverage.times(found) == {EDGES[0]: 6}


def test_nothing_is_noted_without_a_folder(monkeypatch):
    monkeypatch.delenv(coverage.FOLDER, raising=False)
    coverage.note("the_sale", START, "Pay")


def test_edges_of_the_interpreter_are_noted_as_simulated(folder):
    on_event = coverage.listening("the_sale")
    on_event("entered", "Pay", input={})
    on_event("edge", "Pay", target="Cancel", cause="Expired")
    assert coverage.noted(folder, KNOWN) == [record("Pay", "Cancel", "Expired", 1, How.SIMULATED)]


def test_error_without_a_catcher_of_its_own_counts_as_any_error():
    found = coverage.merged([record("Pay", "Cancel", "Broken"), record("Pay", "Cancel", "Expired")], KNOWN)
    assert [each.cause for each in found] == ["Expired", "States.ALL"]


def test_records_of_the_same_edge_are_added_up():
    twice = [record("Pay", "Cancel", "Broken", 2), record("Pay", "Cancel", "States.ALL", 5)]
    assert coverage.merged(twice, KNOWN) == [record("Pay", "Cancel", "States.ALL", 7)]


def test_unknown_edges_are_left_out():
    assert coverage.merged([record("Pay", "Done"), record(START, "Pay", workflow="machines-1")], KNOWN) == []


def test_edge_that_no_execution_took_is_missing():
    assert coverage.missing(taking(EDGES), KNOWN) == []
    assert coverage.missing(taking(EDGES[:3] + EDGES[4:]), KNOWN) == [EDGES[3]]


def test_recorded_edges_survive_a_file(tmp_path):
    records = [record("Pay", "Cancel", "Expired", 4, How.SINGLE)]
    coverage.write(records, tmp_path / "new" / "edges.json")
    assert coverage.read(tmp_path / "new" / "edges.json") == records


@pytest.fixture
def judge(folder, monkeypatch):
    """The judge of a run in which a process took all edges of the shop's workflows but one."""
    monkeypatch.setattr(coverage, "RESULT", folder / "result.json")
    every = coverage.all_edges(DEFINITIONS)
    for edge in every[1:]:
        coverage.note(*edge, How.EXECUTED)
    return workflow_coverage.Judge(SimpleNamespace(args=["tests"])), every[0]


def test_whole_run_without_an_edge_fails_and_names_it(judge, folder):
    run, missed = judge
    (folder / "whole").touch()
    assert run.findings(passed=True) == {f"No test took {missed}"}
    coverage.note(*missed)
    assert run.findings(passed=True) == set()
    assert coverage.missing(coverage.read(folder / "result.json"), DEFINITIONS) == []


def test_part_of_the_tests_is_not_judged(judge, folder):
    run, _ = judge
    assert run.findings(passed=True) is None
    (folder / "whole").touch()
    assert run.findings(passed=False) is None


@pytest.mark.parametrize(("only_collects", "is_whole"), [(False, True), (True, False)])
def test_collection_alone_is_no_whole_run(judge, only_collects, is_whole):
    run, _ = judge
    everything = [SimpleNamespace(path=path) for path in whole_run.TESTS.rglob("test_*.py")]
    config = SimpleNamespace(getoption=lambda name: only_collects)
    run.pytest_collection_finish(SimpleNamespace(items=everything, config=config))
    assert run.is_whole == is_whole


@pytest.mark.parametrize("workflow", DEFINITIONS)
def test_picture_marks_each_line_as_taken_or_missed(workflow):
    edges = coverage.edges(workflow, DEFINITIONS[workflow])
    full = workflow_picture.drawn(workflow, DEFINITIONS[workflow], taking(edges, 7))
    assert f"{len(edges)} of {len(edges)} edges taken" in full
    assert ' missed" d="' not in full
    empty = workflow_picture.drawn(workflow, DEFINITIONS[workflow], [])
    named = {name for line in re.findall(r"<title>(.*?)</title>", empty) for name in line.split("; ")}
    not_drawn = {edge for edge in edges if f"{edge.step}: 0".replace("'", "&#x27;") not in named}
    assert not_drawn == set()
    assert empty.count(' missed" data') == 0 and empty.count('missed" d="') == full.count('taken" d="')


def test_line_of_two_errors_is_missed_if_one_never_occurred():
    source, target = "ReserveInventory", "ReleaseInventory"
    one = record(source, target, "OutOfStock", 3, workflow="order_fulfilment")
    drawn = workflow_picture.drawn("order_fulfilment", DEFINITIONS["order_fulfilment"], [one])
    [look] = re.findall(
        rf'class="(\w+) (\w+)" [^>]+><title>{source} → {target} on OutOfStock: 3; [^<]+ on States.ALL: 0<', drawn
    )
    assert look == ("catch", "missed")


def test_command_shows_a_missing_edge_and_fails(tmp_path):
    records = taking(coverage.all_edges(DEFINITIONS)[1:])
    coverage.write(records, tmp_path / "result.json")
    console = PlainConsole(record=True, width=100, file=StringIO())
    assert command.show(console, tmp_path / "result.json", tmp_path / "pictures") == 1
    assert f"{len(records)} of {len(records) + 1} edges taken" in console.export_text()
    assert {path.stem for path in (tmp_path / "pictures").iterdir()} == set(DEFINITIONS)


def test_command_without_a_run_says_what_to_do(tmp_path):
    with pytest.raises(command.NotCovered, match="make test"):
        command.show(PlainConsole(), tmp_path / "none.json", tmp_path)
