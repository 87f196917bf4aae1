"""Express workflow of small imports: its limits are those of Express workflows, and what fails is left to a queue."""

import json

import pytest

from chalicelib.platform import aws
from chalicelib.product_import.model import SMALL_FILE
from infra.build.template import ROOT, merged_template
from infra.build.workflow_graph import Workflow, all_workflows, function_of, lambda_timeout

from .machine import LAMBDA_ERRORS, machine
from .test_states import without_catch
from .test_structure import BUILT_IN, exceptions_of_the_shop

TEMPLATE = merged_template("prod")
EXPRESS = {"import_small": "ImportSmall"}
EXPRESS_SECONDS = 5 * 60
"""Longest execution: AWS Step Functions developer guide, "Choosing workflow type in Step Functions"."""
GATEWAY_SECONDS = 29
"""Longest integration: Amazon API Gateway developer guide, "Quotas for configuring and running a REST API"."""
PAYLOAD = 256 * 1024
"""Bytes of a task's input or output: AWS Step Functions developer guide, "Step Functions service quotas"."""
WORKFLOWS = {each.name: each for each in all_workflows() if each.name in EXPRESS}
STATES = {name: state for each in WORKFLOWS.values() for name, state in each.states.items()}
IMPORTS = {name: machine(name) for name in ("import_small", "import_large")}
each_workflow = pytest.mark.parametrize("machine", WORKFLOWS.values(), ids=lambda machine: machine.name)


def tasks(states):
    """Return the states that call something, those inside of the Map too."""
    inside = states["WriteBatches"]["ItemProcessor"]["States"]
    return {name: state for name, state in (states | inside).items() if state["Type"] == "Task"}


def resource(name):
    return TEMPLATE["Resources"][name]["Properties"]


@each_workflow
def test_express_workflow_ends_within_five_minutes(machine: Workflow):
    assert resource(EXPRESS[machine.name])["StateMachineType"] == "EXPRESS"
    assert machine.definition["TimeoutSeconds"] < EXPRESS_SECONDS


@each_workflow
def test_express_workflow_waits_for_no_job_and_no_token(machine: Workflow):
    """Express workflows support request and response only: AWS Step Functions developer guide, "Discover service
    integration patterns in Step Functions"."""
    resources = [state["Resource"] for state in machine.states.values() if state["Type"] == "Task"]
    assert len(resources) == 3
    assert not [each for each in resources if ".sync" in each or ".waitForTaskToken" in each]


@each_workflow
def test_failed_express_execution_is_logged(machine: Workflow):
    """Step Functions keeps no history of it: AWS Step Functions developer guide, "Choosing workflow type"."""
    assert resource(EXPRESS[machine.name])["LoggingConfiguration"]["Level"] in ("ERROR", "ALL")


def test_message_of_a_small_upload_is_later_than_the_end_of_its_execution():
    assert resource("SmallImportsQueue")["DelaySeconds"] > EXPRESS_SECONDS
    assert resource("SmallImportsQueue")["DelaySeconds"] <= 900, "SQS API reference, CreateQueue, DelaySeconds"


def test_caller_waits_for_less_than_its_function_and_the_gateway():
    waits = aws.stepfunctions_for_long_calls().meta.config.read_timeout
    config = json.loads((ROOT / ".chalice" / "config.json").read_text())
    assert waits + 4 < config["lambda_timeout"] < GATEWAY_SECONDS


def test_input_of_each_step_fits_for_any_small_file():
    """The steps pass numbers on, at most as many as the file has rows, and no rows."""
    assert SMALL_FILE < PAYLOAD
    mapped = STATES["WriteBatches"]["ItemSelector"]
    assert set(mapped) == {"key", "etag", "number"}


@pytest.mark.parametrize("name", STATES)
def test_import_state_has_a_comment_and_known_errors(name):
    assert STATES[name]["Comment"].strip()
    rules = [*STATES[name].get("Retry", []), *STATES[name].get("Catch", [])]
    named = {error for rule in rules for error in rule["ErrorEquals"]}
    assert named <= exceptions_of_the_shop() | BUILT_IN
    for key in ("Retry", "Catch"):
        found = [rule["ErrorEquals"] for rule in STATES[name].get(key, [])]
        assert [errors for errors in found if "States.ALL" in errors] == [["States.ALL"]][: len(found)]
        assert found[-1:] == [["States.ALL"]][: len(found)]


@pytest.mark.parametrize("name", ["ReadImport", "WriteBatches"])
def test_failed_import_is_left_to_the_queue_and_raises_the_alarm(name):
    """A batch has no catcher of its own: one that fails permanently fails the Map, and with it the import."""
    assert [catcher["Next"] for catcher in STATES[name]["Catch"]] == ["UseQueue"]
    assert [STATES["UseQueue"]["Next"], *(each["Next"] for each in STATES["UseQueue"]["Catch"])] == ["LeftToQueue"] * 2
    assert STATES["LeftToQueue"]["Type"] == "Fail"
    body = STATES["UseQueue"]["Arguments"]["MessageBody"]
    assert body == {"detail": {"object": {"key": "{% $key %}", "etag": "{% $etag %}"}}}


@pytest.mark.parametrize("name", IMPORTS)
def test_import_task_outlasts_its_function(name):
    states = tasks(IMPORTS[name].unfilled)
    assert len(states) == 3
    for state in states.values():
        function = function_of(state)
        assert state["TimeoutSeconds"] > (lambda_timeout(function) if function else 0)


PATIENCE = [
    ("import_small", ["ReadImport", "WriteBatch"], LAMBDA_ERRORS, 6),
    ("import_small", ["ReadImport", "WriteBatch", "UseQueue"], ["AnyOtherError"], 2),
    ("import_small", ["WriteBatch"], ["FileRefused"], 0),
    ("import_large", ["PrepareImport"], LAMBDA_ERRORS, 40),
    ("import_large", ["WriteBatch"], LAMBDA_ERRORS, 6),
    ("import_large", ["PrepareImport", "WriteBatch", "QueueBatch"], ["AnyOtherError"], 2),
]
"""Workflow, steps, errors and the number of retries."""


@pytest.mark.parametrize(("name", "steps", "errors", "retries"), PATIENCE)
def test_outage_of_an_import_step_is_retried_a_number_of_times(run_state, name, steps, errors, retries):
    language = IMPORTS[name].definition.get("QueryLanguage", "JSONPath")
    for step in steps:
        state = {"QueryLanguage": language, **without_catch(tasks(IMPORTS[name].states)[step])}
        for error in errors:
            for number in {0, max(0, retries - 1), retries}:
                expected = "RETRIABLE" if number < retries else "FAILED"
                assert run_state(state, error, retries=number)["status"] == expected, (step, error, number)


LARGE = next(each for each in all_workflows() if each.name == "import_large")


def test_distributed_map_runs_few_express_children_over_json_lines():
    """AWS Step Functions developer guide, "Using Map state in Distributed mode": ExecutionType, MaxConcurrency."""
    mapped = LARGE.states["WriteBatches"]
    assert mapped["ItemProcessor"]["ProcessorConfig"] == {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"}
    assert mapped["ItemReader"]["ReaderConfig"] == {"InputType": "JSONL"}
    assert 2 <= mapped["MaxConcurrency"] <= 10
    assert not {"ToleratedFailureCount", "ToleratedFailurePercentage"} & set(mapped), "each batch must be written"


def test_child_execution_ends_within_five_minutes():
    children = LARGE.states["WriteBatches"]["ItemProcessor"]["States"]
    longest = sum(LARGE.budget(name).total for name in children)
    assert longest < EXPRESS_SECONDS


def test_batch_of_a_large_import_that_fails_goes_to_the_queue_of_rows():
    [catcher] = LARGE.states["WriteBatch"]["Catch"]
    assert (catcher["ErrorEquals"], catcher["Next"]) == (["States.ALL"], "QueueBatch")
    assert LARGE.states["QueueBatch"]["Parameters"]["MessageBody.$"] == "$"
    for name in ("PrepareImport", "WriteBatches"):
        assert [each["Next"] for each in LARGE.states[name]["Catch"]] == ["NeedsAttention"]
    assert LARGE.states["NeedsAttention"]["Type"] == "Fail"
