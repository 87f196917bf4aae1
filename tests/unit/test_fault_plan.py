"""Fault plan: its two forms, what it refuses, and which calls meet which fault."""

import pytest

from testbed.plan import Fault, FaultPlan, Injector, PlanInvalid, Site, What

PUT = Site(boundary="dynamodb", operation="PutItem", resource="OrdersTable")
CAPTURE = Site(boundary="payments", operation="capture")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            "dynamodb.PutItem/Orders*=throttle@0.1",
            Fault(where="dynamodb.PutItem/Orders*", what=What.THROTTLE, probability=0.1),
        ),
        ("payments.capture=lost_answer#1,3", Fault(where="payments.capture", what=What.LOST_ANSWER, calls=(1, 3))),
        (
            "function.capture_payment=kill@0.02[0:300]",
            Fault(where="function.capture_payment", what=What.KILL, probability=0.02, until=300),
        ),
        ("queue.*=delay[60:]~5", Fault(where="queue.*", what=What.DELAY, since=60, seconds=5)),
    ],
)
def test_fault_as_text_is_the_fault_as_a_mapping(text, fault):
    assert FaultPlan.of(text).faults == (fault,)


def test_plan_is_read_from_yaml(tmp_path):
    path = tmp_path / "plan.yaml"
    path.write_text("faults:\n  - {where: payments.*, what: error, calls: [2]}\n  - sqs.SendMessage=throttle@0.5\n")
    assert FaultPlan.read(path) == FaultPlan.of("payments.*=error#2 sqs.SendMessage=throttle@0.5")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("dynamodb", "is no fault"),
        ("moon.PutItem=error", "there is no boundary 'moon'"),
        ("dynamodb.PutItem=burn", "Input should be 'error'"),
        ("dynamodb.PutItem=error@1.5", "less than or equal to 1"),
        ("dynamodb.PutItem=error#0", "greater than or equal to 1"),
        ("stream.*=reorder", "reorder is not possible at 'stream'"),
        ("dynamodb.PutItem=duplicate", "duplicate is not possible"),
    ],
)
def test_plan_refuses_what_it_cannot_inject_with_the_reason(text, reason):
    with pytest.raises(PlanInvalid, match=reason):
        FaultPlan.of(text)


def test_plan_that_is_no_yaml_is_refused(tmp_path):
    path = tmp_path / "plan.yaml"
    path.write_text("faults: [")
    with pytest.raises(PlanInvalid, match="is no YAML"):
        FaultPlan.read(path)


def test_plan_as_text_is_the_same_plan():
    plan = FaultPlan.of(
        "dynamodb.PutItem/Orders*=throttle@0.1 payments.capture=lost_answer#1,3 warehouse.*=delay[5:]~0.5 "
        "function.capture_payment=kill@0.02[0:300] queue.*=duplicate"
    )
    assert FaultPlan.of(str(plan)) == plan


def struck(plan, seed, sites, seconds=0):
    injector = Injector(FaultPlan.of(plan), seed)
    return [fault and fault.what for fault in (injector.strike(site, seconds) for site in sites)], injector


def test_same_seed_injects_the_same_faults_and_another_one_others():
    once, again, other = (struck("dynamodb.*=error@0.3", seed, [PUT] * 100)[0] for seed in (1, 1, 2))
    assert once == again != other
    assert 15 < sum(fault is not None for fault in once) < 45


def test_numbered_calls_are_counted_over_the_matching_sites_only():
    found, injector = struck("payments.capture=lost_answer#1,3", 1, [CAPTURE, PUT, CAPTURE, CAPTURE, CAPTURE])
    assert found == [What.LOST_ANSWER, None, None, What.LOST_ANSWER, None]
    assert injector.injected == {("payments.capture", What.LOST_ANSWER): 2}


@pytest.mark.parametrize(("seconds", "is_struck"), [(59, False), (60, True), (119, True), (120, False)])
def test_fault_strikes_in_its_window_only(seconds, is_struck):
    found, _ = struck("payments.*=error[60:120]", 1, [CAPTURE], seconds)
    assert found == [What.ERROR if is_struck else None]


def test_pattern_without_a_resource_matches_every_resource():
    assert struck("dynamodb.PutItem=error", 1, [PUT])[0] == [What.ERROR]
    assert struck("dynamodb.PutItem/Carts*=error", 1, [PUT])[0] == [None]


def test_removed_fault_leaves_the_others_where_they_were():
    both, _ = struck("payments.*=error@0.2 dynamodb.*=throttle@0.2", 5, [PUT, CAPTURE] * 50)
    alone, _ = struck("sqs.*=error@0.2 dynamodb.*=throttle@0.2", 5, [PUT, CAPTURE] * 50)
    assert [fault for fault in both[::2]] == [fault for fault in alone[::2]]
