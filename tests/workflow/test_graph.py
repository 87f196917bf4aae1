"""Graph of the workflows: order, reachability, compensations in reverse, time budget, and the pages that show them."""

import re
from itertools import pairwise

import pytest

from infra.build import workflow_pages
from infra.build.workflow_graph import Workflow, all_workflows

WORKFLOWS = {workflow.name: workflow for workflow in all_workflows()}
each_workflow = pytest.mark.parametrize("workflow", WORKFLOWS.values(), ids=lambda workflow: workflow.name)


def task(following=None, errors=None, seconds=10, **given):
    """Return a state that leads to `following`, and to `errors` if it fails."""
    ends = {"Next": following} if following else {"End": True}
    catch = {"Catch": [{"ErrorEquals": ["States.ALL"], "Next": errors}]} if errors else {}
    return {"Type": "Task", "Resource": "arn", "TimeoutSeconds": seconds, **ends, **catch, **given}


def made_of(wait_limits=None, **states):
    return Workflow("example", {"StartAt": next(iter(states)), "States": states}, {}, wait_limits or {})


@each_workflow
def test_states_are_all_reachable(workflow):
    assert workflow.unreachable == set()


def test_state_that_nothing_leads_to_is_unreachable():
    assert made_of(A=task(), B=task("A")).unreachable == {"B"}


@each_workflow
def test_states_come_after_those_that_lead_to_them_except_in_a_loop(workflow):
    place = {name: number for number, names in enumerate(workflow.order) for name in names}
    assert set(place) == set(workflow.states)
    assert all(place[start] <= place[end] for start, end in workflow.graph.edges)
    assert {tuple(names) for names in workflow.order if len(names) > 1} <= {("AuthorizePayment", "AwaitBuyer")}


def test_compensations_run_in_the_reverse_order_of_the_steps():
    undone = list(WORKFLOWS["order_fulfilment"].compensations().values())
    assert len(undone) == 4
    assert all(longer[1:] == shorter for shorter, longer in pairwise(undone))


@each_workflow
def test_longest_path_is_shorter_than_the_time_limit(workflow):
    """Without a limit an execution may run for a year, and the alarm on timeouts never fires: AWS Step Functions
    developer guide, "Best practices", use timeouts to avoid stuck executions."""
    longest = workflow.longest_path()
    assert sum(spent.total for _, spent in longest) < workflow.definition["TimeoutSeconds"]
    assert len(longest) >= len(workflow.longest_path(forward=True)) > 1


def test_longest_path_takes_the_slow_way_and_a_loop_twice():
    slow = made_of(
        Pay=task("Ship", "Wait", 5),
        Wait=task("Pay", "Undo", 100),
        Ship=task(errors="Undo", seconds=7),
        Undo=task(seconds=50),
    )
    assert [name for name, _ in slow.longest_path()] == ["Pay", "Wait", "Pay", "Ship", "Undo"]
    assert [name for name, _ in slow.longest_path(forward=True)] == ["Pay", "Wait", "Pay", "Ship"]


def test_budget_adds_waits_attempts_and_the_wait_limit():
    policy = {"ErrorEquals": ["Some"], "IntervalSeconds": 1, "BackoffRate": 2, "MaxAttempts": 3, "MaxDelaySeconds": 3}
    again = {"ErrorEquals": ["States.Timeout"], "IntervalSeconds": 1, "BackoffRate": 1, "MaxAttempts": 9}
    workflow = made_of({"B": 1000}, A=task("B", Retry=[policy]), B=task(Retry=[again, policy]))
    assert workflow.budget("A").retries == (1 + 2 + 3) + 3 * 10
    assert workflow.budget("B").retries == 1000 + (1 + 2 + 3) + 3 * 10


def test_branches_of_a_parallel_lead_where_it_leads():
    branch = {"StartAt": "Inside", "States": {"Inside": task(seconds=40)}}
    parallel = {
        "Type": "Parallel",
        "Branches": [branch],
        "Next": "After",
        "Catch": [{"ErrorEquals": ["E"], "Next": "Undo"}],
    }
    workflow = made_of(Both=parallel, After=task(), Undo=task())
    assert workflow.order == [["Both"], ["Inside"], ["After"], ["Undo"]]
    assert sum(spent.total for _, spent in workflow.longest_path()) == 50


@each_workflow
def test_pages_show_the_workflow_as_it_is(workflow):
    for name, text in workflow_pages.files(workflow).items():
        assert (workflow_pages.PAGES / name).read_text() == text, "run `make workflows`"


def test_index_lists_the_workflows_as_they_are():
    assert (workflow_pages.PAGES / "README.md").read_text() == workflow_pages.index(WORKFLOWS.values())


@each_workflow
def test_diagram_shows_every_state_and_every_edge(workflow):
    drawn = re.findall(r"^ +(\w+) -.*> (\w+)$", workflow_pages.mermaid(workflow), re.MULTILINE)
    assert {name for edge in drawn for name in edge} == set(workflow.states)
    assert set(drawn) <= set(workflow.graph.edges)
    assert len(drawn) == len(set(drawn))


def test_picture_shows_every_state():
    for workflow in WORKFLOWS.values():
        drawn = (workflow_pages.PAGES / f"{workflow.name}.svg").read_text()
        assert set(re.findall(r"<text [^>]*>(\w+)<", drawn)) == set(workflow.states), "run `make workflows`"
