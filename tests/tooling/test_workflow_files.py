"""Workflow files: a workflow may reuse states of another, and the build includes the reachable ones."""

import pytest
import yaml

from infra.build.template import workflow


def task(following=None, *caught, **more):
    state = {"Type": "Task"} | ({"Next": following} if following else {"End": True}) | more
    return state | ({"Catch": [{"ErrorEquals": ["States.ALL"], "Next": name} for name in caught]} if caught else {})


MAIN = {
    "Reserve": task("Pay", "Release"),
    "Pay": task(None, "Void"),
    "Void": task("Release", "Park"),
    "Release": task(None, "Park"),
    "Park": task("Failed"),
    "Failed": {"Type": "Fail"},
}


@pytest.fixture
def written(tmp_path):
    """Writes a workflow's file, and one beside it that takes over from it; reads the latter."""

    def write(start, own=None, states=MAIN, **more):
        main = {"StartAt": next(iter(states)), "x-anchor": {"Type": "Succeed"}, "States": states}
        (tmp_path / "main.asl.yaml").write_text(yaml.safe_dump(main))
        definition = {"x-states-of": "main.asl.yaml", "StartAt": start, "States": own or {}} | more
        (tmp_path / "undo.asl.yaml").write_text(yaml.safe_dump(definition))
        return workflow(tmp_path / "undo.asl.yaml")

    return write


def test_workflow_takes_over_exactly_the_states_it_leads_to(written):
    states = written("Begin", {"Begin": task("Void")})["States"]

    assert states == {"Begin": task("Void")} | {name: MAIN[name] for name in ("Void", "Release", "Park", "Failed")}


def test_drops_its_own_states_that_it_does_not_lead_to(written):
    assert set(written("Begin", {"Begin": task("Park"), "Lost": task("Void")})["States"]) == {"Begin", "Park", "Failed"}


def test_own_state_replaces_one_of_the_same_name(written):
    own = task("Failed", Comment="otherwise")

    assert written("Void", {"Release": own})["States"]["Release"] == own


def test_workflow_may_contain_a_cycle(written):
    circle = {"Ask": task("Wait"), "Wait": task("Ask")}

    assert written("Ask", states=circle)["States"] == circle


def test_workflow_takes_over_a_state_with_its_branches(written):
    branches = [{"StartAt": "Ship", "States": {"Ship": task()}}]
    parallel = {"Both": task("After", Branches=branches), "After": task()}

    assert written("Both", states=parallel)["States"] == parallel


def test_missing_state_is_an_error(written):
    with pytest.raises(KeyError, match="Nowhere"):
        written("Begin", {"Begin": task("Nowhere")})


def test_definition_keeps_no_key_of_the_build(written, tmp_path):
    assert set(written("Park", Comment="Undo.")) == {"Comment", "StartAt", "States"}
    assert set(workflow(tmp_path / "main.asl.yaml")) == {"StartAt", "States"}


def test_workflow_without_a_base_keeps_all_its_states(written, tmp_path):
    written("Park")

    assert workflow(tmp_path / "main.asl.yaml")["States"] == MAIN
