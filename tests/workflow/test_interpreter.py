"""Interpreter of the test bed: each rule of Amazon States Language in a workflow of one or two states.

"Error handling" stands for the AWS Step Functions developer guide, "Handling errors in Step Functions workflows";
"Variables" for "Passing data between states with variables"; "JSONata" for "Transforming data with JSONata in Step
Functions".
"""

from random import Random

import pytest

from testbed import coverage
from testbed.workflows import DefinitionInvalid, Event, ExecutionFailed, Failure, Success, Workflow
from testbed.workflows.definition import first_match, named, pause
from testbed.workflows.expressions import LARGEST_PAYLOAD
from testbed.workflows.virtual_time import VirtualTime

ALL, FUNCTION = "States.ALL", "arn:aws:lambda:eu-west-1:000000000000:function:Work"
WAIT_FOR_TOKEN = "arn:aws:states:::lambda:invoke.waitForTaskToken"
CALLBACK = {
    "Resource": WAIT_FOR_TOKEN,
    "Arguments": {"FunctionName": "work", "Payload": "{% $states.context.Task.Token %}"},
}
DONE = {"Type": "Succeed"}


class Run:
    """One execution. `outcomes` are those of its calls in their order, the last one again and again."""

    def __init__(self, states, *outcomes, given=None, **fields):
        self.calls, self.events, self._outcomes = [], [], list(outcomes)
        definition = {"QueryLanguage": "JSONata", "StartAt": next(iter(states)), "States": states, **fields}
        workflow, self.time = Workflow("example", definition), VirtualTime(self._perform)
        self.output = self.failure = None
        execution = workflow.run({} if given is None else given, "one", Random(1), self.time.clock, self._note)
        try:
            self.output = self.time.run(execution, workflow.timeout_seconds)
        except ExecutionFailed as failed:
            self.failure = failed

    def _perform(self, call):
        self.calls.append((self.time.seconds, call))
        return self._outcomes.pop(0) if len(self._outcomes) > 1 else self._outcomes[0]

    def _note(self, event, state, **details):
        self.events.append((event, state, details))

    def of(self, event):
        return [(state, details) for kind, state, details in self.events if kind is event]

    @property
    def starts(self):
        return [at for at, _ in self.calls]

    @property
    def edges(self):
        """Those between states."""
        found = [(state, details["target"], details["cause"]) for state, details in self.of(Event.EDGE)]
        return [edge for edge in found if not {coverage.START, coverage.END} & set(edge)]


def task(retry=(), catch=(), **fields):
    return {"Type": "Task", "Resource": FUNCTION, "Retry": list(retry), "Catch": list(catch), "End": True, **fields}


def retry(*errors, **fields):
    return {"ErrorEquals": list(errors), **fields}


def caught(*errors, **fields):
    return {"ErrorEquals": list(errors), "Next": "Done", **fields}


def errors(*names):
    return [Failure(name, f"cause of {name}") for name in names]


def output_of(template, given=None):
    run = Run({"Say": {"Type": "Pass", "Output": template, "End": True}}, given=given)
    return run.output if run.failure is None else run.failure.error


@pytest.mark.parametrize(
    ("rule", "error", "match"),
    [
        (["A", "B"], "B", "B"),
        (["A"], "a", None),
        ([ALL], "A", ALL),
        ([ALL], "States.Timeout", ALL),
        ([ALL], "States.DataLimitExceeded", None),
        (["States.DataLimitExceeded"], "States.DataLimitExceeded", "States.DataLimitExceeded"),
        ([ALL], "States.Runtime", None),
        (["States.Runtime"], "States.Runtime", None),
        (["States.TaskFailed"], "A", "States.TaskFailed"),
        (["States.TaskFailed"], "Lambda.Unknown", "States.TaskFailed"),
        (["States.TaskFailed"], "States.Timeout", None),
        (["States.TaskFailed"], "States.DataLimitExceeded", None),
        (["States.Timeout"], "States.HeartbeatTimeout", "States.Timeout"),
        (["States.HeartbeatTimeout"], "States.Timeout", None),
    ],
)
def test_rule_matches_the_errors_of_the_documentation(rule, error, match):
    """Error handling, error names."""
    assert named({"ErrorEquals": rule}, error) == match


def test_first_rule_that_matches_decides():
    rules = [retry("A"), retry("B"), retry(ALL)]
    assert [first_match(rules, error) for error in ("A", "B", "C", "States.Runtime")] == [0, 1, 2, None]


def test_pause_grows_to_its_limit_and_jitter_stays_below_it():
    """Error handling, retrier fields: IntervalSeconds 1, BackoffRate 2.0, MaxDelaySeconds, JitterStrategy."""
    assert [pause({}, number, Random(1)) for number in (1, 2, 3)] == [1, 2, 4]
    rule = {"IntervalSeconds": 3, "BackoffRate": 1.5, "MaxDelaySeconds": 5}
    assert [pause(rule, number, Random(1)) for number in (1, 2, 3)] == [3, 4.5, 5]
    assert pause({"MaxDelaySeconds": 60}, 5000, Random(1)) == 60
    drawn = [pause({**rule, "JitterStrategy": "FULL"}, 3, Random(seed)) for seed in range(300)]
    assert 0 <= min(drawn) < 0.1 and 4.9 < max(drawn) <= 5
    assert drawn[7] == pause({**rule, "JitterStrategy": "FULL"}, 3, Random(7))


def test_each_retry_policy_counts_its_own_attempts():
    """Error handling, complex retry scenarios."""
    policies = [retry("A", "B", MaxAttempts=2), retry("C", IntervalSeconds=5)]
    run = Run({"Work": task(policies, [caught(ALL)]), "Done": DONE}, *errors("A", "B", "C", "B"))
    assert run.starts == [0, 1, 3, 8]
    assert run.output == {"Error": "B", "Cause": "cause of B"}
    assert [details["number"] for _, details in run.of(Event.RETRIED)] == [1, 2, 1]


def test_used_up_policy_does_not_fall_through_to_the_next():
    run = Run({"Work": task([retry("A", MaxAttempts=0), retry(ALL)])}, *errors("A"))
    assert (len(run.calls), run.failure.error) == (1, "A")


def test_retries_are_counted_from_zero_when_the_state_is_entered_again():
    """Error handling, complex retry scenarios: parameters apply within one visit of the state."""
    states = {"Work": task([retry("A", MaxAttempts=1)], [caught("A", Next="Again")]), "Again": DONE}
    states["Again"] = {"Type": "Pass", "Next": "Work"}
    run = Run(states, *errors("A", "A", "A", "A"), Success("done"))
    assert (run.output, run.starts) == ("done", [0, 1, 1, 2, 2])
    assert run.edges == [("Work", "Again", "A"), ("Again", "Work", "")] * 2


def test_first_catch_that_matches_is_taken_after_the_retries():
    catches = [caught("A", Output="first"), caught("A", "B", Output="second"), caught(ALL, Output="third")]
    states = {"Work": task([retry("A")], catches), "Done": DONE}
    run = Run(states, *errors("A"))
    assert (run.output, run.starts) == ("first", [0, 1, 3, 7])
    assert [Run(states, *errors(name)).output for name in ("B", "C")] == ["second", "third"]
    assert Run(states, *errors("B")).edges == [("Work", "Done", "B")]


def test_catch_assigns_the_error_and_leaves_out_what_the_state_assigns():
    """Variables, Assign in Catch: `$states.errorOutput` instead of `$states.result`."""
    catch = caught(ALL, Assign={"failure": "{% $states.errorOutput %}", "seen": "{% $states.input.n %}"})
    work = task(catch=[catch], Assign={"result": "{% $states.result %}"}, Next="Done")
    done = {"Type": "Succeed", "Output": "{% [$failure.Error, $seen, $exists($result)] %}"}
    assert Run({"Work": work, "Done": done}, *errors("A"), given={"n": 3}).output == ["A", 3, False]


def test_all_assignments_see_the_variables_as_they_were_on_entry():
    """Variables, evaluation order in an Assign field."""
    states = {
        "Set": {"Type": "Pass", "Assign": {"x": 1, "y": 2}, "Next": "Swap"},
        "Swap": {"Type": "Pass", "Assign": {"x": "{% $y %}", "y": "{% $x %}"}, "Output": "{% $x %}", "Next": "Say"},
        "Say": {"Type": "Succeed", "Output": "{% [$states.input, $x, $y] %}"},
    }
    assert Run(states).output == [1, 2, 1]


def test_expression_without_a_value_is_an_error_and_null_is_a_value():
    """JSONata: a result must be representable in JSON."""
    given = {"a": None, "list": [None, 1]}
    assert output_of({"a": "{% $states.input.a %}", "b": "{% $states.input.list %}"}, given) == {
        "a": None,
        "b": [None, 1],
    }
    assert output_of("{% $states.input.missing %}", given) == "States.QueryEvaluationError"
    for text in ("{% 1 + 'a' %}", "{% $nothing %}", "{% 1 / 0 %}", "{% $uppercase %}"):
        assert output_of(text) == "States.QueryEvaluationError"
    assert output_of("{% $states.result %}") == "States.QueryEvaluationError"


def test_null_variable_stays_null():
    states = {"Set": {"Type": "Pass", "Assign": {"x": None}, "Next": "Say"}}
    states["Say"] = {"Type": "Succeed", "Output": "{% $exists($x) and $x = null %}"}
    assert Run(states).output is True


def test_evaluation_error_of_a_task_is_retried_and_caught():
    """JSONata, error handling: `States.QueryEvaluationError` in Retry and Catch."""
    work = task([retry("States.QueryEvaluationError", MaxAttempts=1)], [caught(ALL)], Output="{% $states.result.x %}")
    run = Run({"Work": work, "Done": DONE}, Success({}))
    assert (run.output["Error"], run.starts) == ("States.QueryEvaluationError", [0, 1])
    assert "'$states.result.x' specified for the field 'Output'" in run.output["Cause"]


def test_payload_above_the_limit_ends_the_execution():
    """AWS Step Functions developer guide, "Step Functions service quotas"; Error handling, DataLimitExceeded."""
    states = {"Work": task([retry(ALL)], [caught(ALL)]), "Done": DONE}
    assert Run(states, Success("ä" * (LARGEST_PAYLOAD // 2 - 1))).failure is None
    run = Run(states, Success("ä" * (LARGEST_PAYLOAD // 2)))
    assert (run.failure.error, len(run.calls)) == ("States.DataLimitExceeded", 1)


def test_each_attempt_has_a_token_of_its_own():
    """AWS Step Functions developer guide, "Discover service integration patterns in Step Functions", task tokens."""
    catch = caught("States.Timeout", Next="Again")
    work = task([retry("A", MaxAttempts=1)], [catch], **CALLBACK, TimeoutSeconds=30, HeartbeatSeconds=10)
    states = {"Work": work, "Again": {"Type": "Pass", "Next": "Work"}}
    answers = (*errors("A"), *errors("States.Timeout"), Success("done"))
    run = Run(states, *answers)
    tokens = [call.token for _, call in run.calls]
    assert tokens == ["example:one/Work/1", "example:one/Work/2", "example:one/Work/3"]
    assert [call.payload for _, call in run.calls] == tokens
    assert (run.calls[0][1].timeout_seconds, run.calls[0][1].heartbeat_seconds) == (30, 10)
    assert [call.token for _, call in Run(states, *answers).calls] == tokens


def test_late_answer_is_a_timeout_of_the_state_or_of_its_heartbeat():
    late = (50, Success("late"))
    run = Run({"Work": task(TimeoutSeconds=20)}, late)
    assert (run.failure.error, run.time.seconds) == ("States.Timeout", 20)
    run = Run({"Work": task(**CALLBACK, TimeoutSeconds=20, HeartbeatSeconds=5)}, late)
    assert (run.failure.error, run.time.seconds) == ("States.HeartbeatTimeout", 5)


def test_execution_ends_at_the_time_limit_of_its_workflow():
    run = Run({"Work": task([retry(ALL, MaxAttempts=99)], [caught(ALL)]), "Done": DONE}, *errors("A"), TimeoutSeconds=9)
    assert (run.failure.error, run.time.seconds, run.starts) == ("States.Timeout", 9, [0, 1, 3, 7])


def test_integrations_call_the_service_or_the_function_with_its_payload():
    lambda_ = {"Resource": "arn:aws:states:::lambda:invoke", "Arguments": {"FunctionName": "f", "Payload": {"a": 1}}}
    run = Run({"Work": task(**lambda_)}, Success(7))
    assert (run.calls[0][1].function, run.calls[0][1].payload) == ("f", {"a": 1})
    assert (run.output["Payload"], run.output["StatusCode"]) == (7, 200)
    run = Run({"Work": task(Resource="arn:aws:states:::sqs:sendMessage", Arguments={"QueueUrl": "q"})}, Success({}))
    assert (run.calls[0][1].action, run.calls[0][1].arguments) == ("sqs:sendMessage", {"QueueUrl": "q"})


def test_choice_takes_the_first_rule_that_applies_or_the_default():
    rules = [
        {"Condition": "{% $states.input.n > 9 %}", "Assign": {"size": "large"}, "Next": "Say"},
        {"Condition": "{% $states.input.n > 4 %}", "Assign": {"size": "medium"}, "Next": "Say"},
    ]
    states = {"Ask": {"Type": "Choice", "Choices": rules, "Default": "Say", "Assign": {"size": "small"}}}
    states["Say"] = {"Type": "Succeed", "Output": "{% $size %}"}
    assert [Run(states, given={"n": n}).output for n in (10, 5, 1)] == ["large", "medium", "small"]
    del states["Ask"]["Default"]
    assert Run(states, given={"n": 1}).failure.error == "States.NoChoiceMatched"
    assert Run(states, given={"n": "x"}).failure.error == "States.QueryEvaluationError"
    rules[0]["Condition"] = "{% 'yes' %}"
    assert Run(states, given={"n": 1}).failure.error == "States.QueryEvaluationError"


def test_wait_and_fail_evaluate_their_fields():
    states = {
        "Wait": {"Type": "Wait", "Seconds": "{% $states.input.n * 2 %}", "Next": "Until"},
        "Until": {"Type": "Wait", "Timestamp": "2026-01-01T00:01:00Z", "Next": "Stop"},
        "Stop": {"Type": "Fail", "Error": "Stopped", "Cause": "{% $states.context.State.EnteredTime %}"},
    }
    run = Run(states, given={"n": 4})
    assert [details["input"] for _, details in run.of(Event.ENTERED)] == [{"n": 4}] * 3
    assert (run.failure.error, run.failure.cause) == ("Stopped", "2026-01-01T00:01:00.000Z")
    assert run.events[-1][0] is Event.ENDED and run.time.seconds == 60


def mapped(catch=(), **fields):
    inside = {"QueryLanguage": "JSONata", "StartAt": "Work", "States": {"Work": task(Assign={"x": "inside"})}}
    return {"Type": "Map", "ItemProcessor": inside, "Catch": list(catch), "Next": "Done", **fields}


def test_map_runs_its_items_side_by_side_up_to_its_limit():
    select = {"n": "{% $states.context.Map.Item.Value %}", "i": "{% $states.context.Map.Item.Index %}"}
    each = mapped(Items="{% $states.input.list %}", ItemSelector=select, MaxConcurrency=2)
    run = Run({"Each": each, "Done": DONE}, (5, Success("a")), (3, Success("b")), given={"list": [7, 8, 9]})
    assert run.starts == [0, 0, 3]
    assert [call.payload for _, call in run.calls] == [{"n": 7, "i": 0}, {"n": 8, "i": 1}, {"n": 9, "i": 2}]
    assert (run.output, run.time.seconds) == (["a", "b", "b"], 6)
    assert run.edges == [("Each", "Work", ""), ("Each", "Done", "")]
    assert Run({"Each": mapped(), "Done": DONE}, given=[]).output == []


def test_failed_item_fails_its_map_and_stops_the_others():
    states = {"Each": mapped([caught("A")]), "Done": DONE}
    run = Run(states, (9, Success()), (1, Failure("A", "x")), given=[1, 2])
    assert (run.output, run.time.seconds) == ({"Error": "A", "Cause": "x"}, 1)
    assert run.edges == [("Each", "Work", ""), ("Each", "Done", "A")]


def test_variables_of_a_branch_end_with_it():
    """Variables, variable scope."""
    inside = {
        "StartAt": "In",
        "States": {"In": {"Type": "Pass", "Output": "{% $x %}", "Assign": {"y": 1}, "End": True}},
    }
    states = {
        "Set": {"Type": "Pass", "Assign": {"x": 1}, "Next": "Both"},
        "Both": {"Type": "Parallel", "Branches": [inside, inside], "Next": "Say"},
        "Say": {"Type": "Succeed", "Output": "{% [$states.input, $exists($y)] %}"},
    }
    assert Run(states).output == [1, 1, False]


@pytest.mark.parametrize(
    ("state", "problem"),
    [
        ({"Type": "Pass", "QueryLanguage": "JSONPath"}, "JSONPath"),
        ({"Type": "Pass", "ResultPath": "$.x"}, "JSONPath"),
        ({"Type": "Pass", "Output": "{% $states.( %}"}, "Say: "),
        ({"Type": "Pass", "Next": "Nowhere"}, "leads to Nowhere"),
        ({"Type": "Dance"}, "unknown type"),
        (task([retry(ALL), retry("A")]), "States.ALL must stand alone"),
        (task(catch=[caught(ALL, "A", Next="Say")]), "States.ALL must stand alone"),
        (task(Resource="arn:aws:states:::states:startExecution.sync"), "is not interpreted"),
        (task(Resource="arn:aws:states:eu-west-1:000000000000:activity:Pack"), "is not interpreted"),
        (mapped(ItemReader={}, Next="Say"), "Distributed Map"),
    ],
)
def test_definition_that_cannot_be_run_is_refused(state, problem):
    with pytest.raises(DefinitionInvalid, match=problem):
        Workflow("example", {"QueryLanguage": "JSONata", "StartAt": "Say", "States": {"Say": state}})


def test_functions_of_step_functions_follow_the_seed_and_the_clock():
    """AWS Step Functions developer guide, "Transforming data with JSONata in Step Functions", functions."""
    drawn = {"a": "{% $uuid() %}", "b": "{% $random() %}", "c": "{% $now() %}", "d": "{% $millis() %}"}
    assert output_of(drawn) == output_of(drawn)
    assert output_of("{% $now() %}") == "2026-01-01T00:00:00.000Z"
    assert output_of("{% $partition([1, 2, 3], 2) %}") == [[1, 2], [3]]
    assert output_of("{% $range(0, 5, 2) %}") == [0, 2, 4]
    assert output_of("{% $hash('a', 'SHA-1') %}") == "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8"
    assert output_of("{% $parse('{\"a\": 1}').a %}") == 1
    assert output_of("{% $map([1, 2], function($n) { $n + 1 }) %}") == [2, 3]
