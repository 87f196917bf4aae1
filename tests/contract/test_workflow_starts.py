"""Starting a workflow once and asking whether it runs: the fake and Step Functions' API agree."""

import json
import uuid

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from chalicelib.platform.workflows import REPETITIONS, TooManyRepetitions, Workflow
from tests.fakes import FakeStepFunctions

DEFINITION = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 60, "End": True}}}
ROLE = "arn:aws:iam::123456789012:role/any"
PLACE = "arn:aws:states:eu-central-1:123456789012"
ORDER = {"order_id": "ord_1"}


class Real:
    """A new state machine for each test, because all tests share one moto."""

    def __init__(self, client):
        self.client = client
        self._machine = f"saga-{uuid.uuid4().hex[:8]}"
        definition = json.dumps(DEFINITION)
        created = client.create_state_machine(name=self._machine, definition=definition, roleArn=ROLE)
        self.arn = created["stateMachineArn"]

    def end(self, name):
        self.client.stop_execution(executionArn=self._execution(name))

    def given(self, name):
        return json.loads(self.client.describe_execution(executionArn=self._execution(name))["input"])

    def _execution(self, name):
        return f"{PLACE}:execution:{self._machine}:{name}"


class Fake:
    arn = f"{PLACE}:stateMachine:saga"

    def __init__(self):
        self.client = FakeStepFunctions()

    def end(self, name):
        self.client.end(self.arn, name, "ABORTED")

    def given(self, name):
        return self.client.started["saga", name]


@pytest.fixture(params=["api", "fake"])
def machine(request):
    if request.param == "fake":
        yield Fake()
    else:
        with mock_aws():
            yield Real(boto3.client("stepfunctions", region_name="eu-central-1"))


@pytest.fixture
def workflow(machine):
    return Workflow(machine.client, machine.arn)


def test_workflow_is_started_with_what_it_is_given(workflow, machine):
    workflow.start("ord_1", ORDER)

    assert machine.given("ord_1") == ORDER


def test_started_workflow_runs_until_it_ends(workflow, machine):
    workflow.start("ord_1", ORDER)
    assert workflow.is_running("ord_1")

    machine.end("ord_1")
    assert not workflow.is_running("ord_1")


def test_unknown_workflow_does_not_run(workflow):
    workflow.start("ord_1", ORDER)

    assert not workflow.is_running("ord_2")


def test_running_workflow_is_not_started_again(workflow, machine):
    for _ in range(2):
        workflow.start("ord_1", ORDER)

    assert workflow.is_running("ord_1")


@pytest.mark.parametrize("before", [0, 1, 2, 3, 6, 7, 8, 20])
def test_repetition_takes_the_first_unused_name(workflow, machine, before):
    for number in range(before):
        workflow.start(f"ord_1-{number}" if number else "ord_1", ORDER)
        machine.end(f"ord_1-{number}" if number else "ord_1")

    for _ in range(2):
        workflow.restart("ord_1", ORDER)

    assert workflow.is_running(f"ord_1-{before}" if before else "ord_1")
    assert not workflow.is_running(f"ord_1-{before + 1}")


def test_repetitions_are_bounded_in_number_and_in_calls():
    fake = FakeStepFunctions()
    workflow = Workflow(fake, Fake.arn)
    for number in range(REPETITIONS + 1):
        workflow.restart("ord_1", ORDER)
        fake.end(Fake.arn, f"ord_1-{number}" if number else "ord_1", "FAILED")
    fake.described = 0

    with pytest.raises(TooManyRepetitions):
        workflow.restart("ord_1", ORDER)

    assert fake.described < 15
    assert len(fake.started) == REPETITIONS + 1


@pytest.mark.parametrize("status", ["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"])
def test_ended_workflow_does_not_run_and_is_not_started_again(status):
    fake = FakeStepFunctions()
    workflow = Workflow(fake, Fake.arn)
    workflow.start("ord_1", ORDER)
    fake.end(Fake.arn, "ord_1", status)

    workflow.start("ord_1", ORDER)

    assert not workflow.is_running("ord_1")


@pytest.mark.parametrize("code", ["ThrottlingException", "AccessDeniedException", "StateMachineDoesNotExist"])
def test_unexpected_error_of_a_workflow_start_is_raised(code):
    fake = FakeStepFunctions()
    workflow = Workflow(fake, Fake.arn)
    workflow.start("ord_1", ORDER)
    fake.failing = code

    for ask in (lambda: workflow.start("ord_2", ORDER), lambda: workflow.is_running("ord_1")):
        with pytest.raises(ClientError, match=code):
            ask()


def test_workflow_starts_its_alias_and_finds_executions_by_machine():
    """https://docs.aws.amazon.com/step-functions/latest/dg/execution-alias-version-associate.html"""
    started, described = [], []

    class Client:
        def start_execution(self, **request):
            started.append(request["stateMachineArn"])

        def describe_execution(self, executionArn):
            described.append(executionArn)
            return {"status": "RUNNING"}

    workflow = Workflow(Client(), f"{PLACE}:stateMachine:saga:live")
    workflow.start("ord_1", ORDER)
    assert workflow.is_running("ord_1") and workflow.machine == "saga"
    assert (started, described) == ([f"{PLACE}:stateMachine:saga:live"], [f"{PLACE}:execution:saga:ord_1"])
