"""Where the emulator's or moto's interpreter differs from AWS, and the test bed's does not; and where all three agree.

Pages are those of the AWS Step Functions developer guide. None of the differences concerns a shipped workflow, which
`test_interpreter_parity.py` compares. A row that no longer holds fails: delete it then.
"""

from typing import Any, NamedTuple

import pytest

from testbed.workflows import Failure, Success

from .interpreters import run_emulator, run_moto, run_test_bed

pytestmark = pytest.mark.takes_long

ERRORS = "Handling errors in Step Functions workflows"
VARIABLES = "Passing data between states with variables"
JSONATA = "Transforming data with JSONata in Step Functions"
CHOICE = "Choice workflow state"
SUCCEED = "Succeed workflow state"
QUOTAS = "Step Functions service quotas"

GIVEN = {"n": 4, "text": 'a "b"\n', "nothing": None, "list": [1, 2], "one": [7]}
FUNCTION = "arn:aws:lambda:eu-west-1:000000000000:function:Work"
DONE = {"Type": "Pass", "Output": "done", "End": True}
ALL = [{"ErrorEquals": ["States.ALL"], "Next": "Done"}]
OK = [Success("ok")]
SAME = object()


class Row(NamedTuple):
    """A workflow, the outcomes of its calls, and how it ends: its output, or the name of its error."""

    page: str
    states: dict[str, Any]
    outcomes: list[Any]
    aws: Any
    emulator: Any = SAME
    moto: Any = SAME


def step(kind="Pass", **fields):
    return {"Type": kind, **fields}


def task(**fields):
    return {"Type": "Task", "Resource": FUNCTION, "End": True, **fields}


def say(template):
    return {"Type": "Pass", "Output": template, "End": True}


def errors(*names):
    return [Failure(name, "a test") for name in names]


def catches(name):
    return [{"ErrorEquals": [name], "Next": "Done"}]


def choice(*rules, **fields):
    return {"Type": "Choice", "Choices": [{"Next": "Say", **rule} for rule in rules], **fields}


def inside(state):
    return {"StartAt": "Inside", "States": {"Inside": state}}


SWAP = step(Assign={"x": "{% $y %}", "y": "{% $x %}"}, Output="{% $x %}", Next="Say")
CATCHING = task(
    Catch=[{"ErrorEquals": ["States.ALL"], "Assign": {"x": 1}, "Output": "{% $exists($x) %}", "Next": "Say"}]
)
OUTPUT_FAILS = task(
    Output="{% $states.result.x %}", Retry=[{"ErrorEquals": ["States.ALL"], "MaxAttempts": 1}], Catch=ALL
)
RULE = {"Condition": "{% $states.input.n = 4 %}", "Assign": {"s": "rule"}}
NO_RULE = {"Condition": "{% $states.input.n > 9 %}"}
SAY_S = say("{% [$states.input, $s] %}")
BOTH = step("Parallel", Branches=[inside(step(Assign={"y": 1}, Output="{% $x %}", End=True))], Next="Say")

DIFFERENCES = {
    "assignments see the variables as they were on entry": Row(
        VARIABLES,
        {"Set": step(Assign={"x": 1, "y": 2}, Next="Swap"), "Swap": SWAP, "Say": say("{% [$states.input, $x, $y] %}")},
        OK,
        aws=[1, 2, 1],
        emulator=[1, 2, 2],
        moto=[2, 2, 1],
    ),
    "the output of a catch does not see what it assigns": Row(
        VARIABLES, {"Work": CATCHING, "Say": say("{% $states.input %}")}, errors("A"), aws=False, moto=True
    ),
    "text with quotes is passed on as it is": Row(
        VARIABLES,
        {"Set": step(Assign={"x": "{% $states.input.text %}"}, Next="Say"), "Say": say("{% $x %}")},
        OK,
        aws=GIVEN["text"],
        moto="States.Runtime",
    ),
    "variables of a branch end with it": Row(
        VARIABLES,
        {"Set": step(Assign={"x": 1}, Next="Both"), "Both": BOTH, "Say": say("{% [$states.input, $exists($y)] %}")},
        OK,
        aws=[1, False],
        emulator=[1, True],
    ),
    "Succeed has an output": Row(SUCCEED, {"End": step("Succeed", Output="x")}, OK, aws="x", emulator=GIVEN),
    "States.ALL does not match the data limit": Row(
        ERRORS,
        {"Work": task(Catch=ALL), "Done": DONE},
        errors("States.DataLimitExceeded"),
        aws="States.DataLimitExceeded",
        emulator="done",
        moto="done",
    ),
    "a result has at most 256 KB": Row(
        QUOTAS,
        {"Work": task(Output="short"), "Done": DONE},
        [Success("x" * 256 * 1024)],
        aws="States.DataLimitExceeded",
        emulator="short",
    ),
    "States.ALL does not match a runtime error": Row(
        ERRORS,
        {"Work": task(Catch=ALL), "Done": DONE},
        errors("States.Runtime"),
        aws="States.Runtime",
        emulator="done",
        moto="done",
    ),
    "States.TaskFailed matches all but timeouts": Row(
        ERRORS,
        {"Work": task(Catch=catches("States.TaskFailed")), "Done": DONE},
        errors("States.Permissions"),
        aws="done",
        moto="States.Permissions",
    ),
    "States.Timeout matches a missing heartbeat": Row(
        ERRORS,
        {"Work": task(Catch=catches("States.Timeout")), "Done": DONE},
        errors("States.HeartbeatTimeout"),
        aws="done",
        emulator="States.HeartbeatTimeout",
        moto="States.HeartbeatTimeout",
    ),
    "an output that cannot be evaluated is retried and caught": Row(
        JSONATA, {"Work": OUTPUT_FAILS, "Done": DONE}, OK, aws="done", moto="States.QueryEvaluationError"
    ),
    "an expression that raises has one error name": Row(
        JSONATA, {"Say": say("{% 1 + 'a' %}")}, OK, aws="States.QueryEvaluationError", moto="States.Runtime"
    ),
    "a rule that applies leaves out what the choice assigns": Row(
        CHOICE,
        {"Ask": choice(RULE, Default="Say", Assign={"s": "default"}), "Say": say("{% $s %}")},
        OK,
        aws="rule",
        moto="default",
    ),
    "the default has the output of the choice": Row(
        CHOICE,
        {"Ask": choice(NO_RULE, Default="Say", Assign={"s": "default"}, Output="o"), "Say": SAY_S},
        OK,
        aws=["o", "default"],
        emulator=[GIVEN, "default"],
    ),
    "a choice without a match has its error name": Row(
        ERRORS, {"Ask": choice(NO_RULE), "Say": DONE}, OK, aws="States.NoChoiceMatched", moto="States.Runtime"
    ),
    "a condition must be a boolean": Row(
        CHOICE,
        {"Ask": choice({"Condition": "{% 'x' %}"}, Default="Say"), "Say": DONE},
        OK,
        aws="States.QueryEvaluationError",
        emulator="done",
        moto="States.Runtime",
    ),
}


def ended(run, row):
    definition = {"QueryLanguage": "JSONata", "StartAt": next(iter(row.states)), "States": row.states}
    end = run(definition, GIVEN, lambda state, call: row.outcomes[min(call, len(row.outcomes) - 1)]).end
    return end[0] if isinstance(end, tuple) else end


@pytest.mark.parametrize("name", DIFFERENCES)
def test_interpreter_follows_the_documentation_where_others_do_not(name):
    row = DIFFERENCES[name]
    assert row.emulator is not SAME or row.moto is not SAME
    assert ended(run_test_bed, row) == row.aws
    assert ended(run_emulator, row) == (row.aws if row.emulator is SAME else row.emulator)
    assert ended(run_moto, row) == (row.aws if row.moto is SAME else row.moto)


RETRIES = [{"ErrorEquals": ["A", "B"], "MaxAttempts": 2}, {"ErrorEquals": ["C"], "IntervalSeconds": 5}]
NEVER = [{"ErrorEquals": ["A"], "MaxAttempts": 0}, {"ErrorEquals": ["States.ALL"]}]
MAPPED = step(
    "Map",
    Items="{% $states.input.list %}",
    ItemSelector={"i": "{% $states.context.Map.Item.Index %}", "n": "{% $states.input.n %}"},
    ItemProcessor=inside(task()),
    Catch=ALL,
    End=True,
)
ATTEMPT = {"n": "{% $states.context.State.RetryCount %}", "name": "{% $states.context.Execution.Name %}"}
ENTERED_AGAIN = task(Retry=[{"ErrorEquals": ["A"], "MaxAttempts": 1}], Catch=[{**catches("A")[0], "Next": "Again"}])
AGREED = {
    "each policy counts by itself": Row(
        ERRORS, {"Work": task(Retry=RETRIES, Catch=ALL), "Done": DONE}, errors("A", "B", "C", "B"), "done"
    ),
    "the first policy decides": Row(ERRORS, {"Work": task(Retry=NEVER)}, errors("A"), "A"),
    "a state that is entered again retries again": Row(
        ERRORS, {"Work": ENTERED_AGAIN, "Again": step(Next="Work")}, [*errors(*"AAAA"), *OK], "ok"
    ),
    "a retry sees its number": Row(ERRORS, {"Work": task(Retry=RETRIES, Arguments=ATTEMPT)}, [*errors("A"), *OK], "ok"),
    "an argument without a value is caught": Row(
        JSONATA, {"Work": task(Arguments="{% $x %}", Catch=ALL), "Done": say("{% $states.input.Error %}")}, OK,
        "States.QueryEvaluationError",
    ),
    "a variable without a value is caught": Row(
        JSONATA, {"Work": task(Assign={"x": "{% $y %}"}, Catch=ALL), "Done": DONE}, OK, "done"
    ),
    "null is a value": Row(
        JSONATA,
        {"Set": step(Assign={"x": None}, Next="Say"), "Say": say("{% [$exists($x), $x = $states.input.nothing] %}")},
        OK,
        [True, True],
    ),
    "arrays keep their shape": Row(
        JSONATA, {"Say": say(["{% [$states.input.list] %}", "{% $states.input.one %}"])}, OK, [[1, 2], [7]]
    ),
    "a map returns its results in order": Row(JSONATA, {"Each": MAPPED, "Done": DONE}, OK, ["ok", "ok"]),
    "a failed item is caught by its map": Row(ERRORS, {"Each": MAPPED, "Done": DONE}, errors("A"), "done"),
    "a failure has an expression as its name": Row(
        JSONATA, {"Stop": step("Fail", Error="{% 'E' & $states.input.n %}", Cause="{% $states.input.text %}")}, OK, "E4"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", AGREED)
def test_interpreters_agree_on_the_rest_of_the_language(name):
    row = AGREED[name]
    assert [ended(run, row) for run in (run_test_bed, run_emulator, run_moto)] == [row.aws] * 3
