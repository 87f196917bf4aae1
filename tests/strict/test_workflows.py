"""Step Functions: starts are idempotent, a token belongs to one attempt, and a stopped workflow does nothing more."""

import json

import pytest

from tests.strict.conftest import ONE_ATTEMPT, ROLE, eventually, refused

CATCH = {"ErrorEquals": ["States.ALL"], "Next": "Note"}
AGAIN = {"ErrorEquals": ["States.Timeout"], "MaxAttempts": 1, "IntervalSeconds": 1}
TOKEN = {
    "Type": "Task",
    "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
    "Arguments": {"MessageBody": "{% $states.context.Task.Token %}"},
}
NOTE = {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "Arguments": {"MessageBody": "went on"}}


class Workflow:
    """A state machine and the queue that its tasks send to."""

    def __init__(self, session, name):
        self.client = session.client("stepfunctions", config=ONE_ATTEMPT)
        self.queues = session.client("sqs")
        self.name = name
        self.queue = self.queues.create_queue(QueueName=name)["QueueUrl"]

    def define(self, **states):
        for state in states.values():
            if ":sqs:" in state.get("Resource", ""):
                state["Arguments"] = {**state["Arguments"], "QueueUrl": self.queue}
        return {"StartAt": next(iter(states)), "States": states}

    def start(self, definition, **options):
        machine = self.client.create_state_machine(
            name=self.name, definition=json.dumps({"QueryLanguage": "JSONata", **definition}), roleArn=ROLE
        )
        self.machine = machine["stateMachineArn"]
        return self.client.start_execution(stateMachineArn=self.machine, **options)["executionArn"]

    def received(self):
        """Return the text of the next message."""
        call = {"QueueUrl": self.queue, "WaitTimeSeconds": 2, "VisibilityTimeout": 600}
        return eventually(lambda: self.queues.receive_message(**call).get("Messages"))[0]["Body"]

    def recorded(self, execution, kind):
        """Wait for an event in the history, and return the kinds of all events."""

        def read():
            events = self.client.get_execution_history(executionArn=execution)["events"]
            kinds = [event["type"] for event in events]
            return kinds if kind in kinds else None

        return eventually(read)

    def ended(self, execution):
        def read():
            described = self.client.describe_execution(executionArn=execution)
            return described if described["status"] != "RUNNING" else None

        return eventually(read)


@pytest.fixture
def workflow(session, request):
    return Workflow(session, request.node.originalname[5:65])


def test_start_of_a_running_execution_with_the_same_input_succeeds(workflow):
    wait = workflow.define(Wait={"Type": "Wait", "Seconds": 60, "End": True})
    first = workflow.start(wait, name="same", input="{}")
    start = {"stateMachineArn": workflow.machine, "name": "same"}

    again = workflow.client.start_execution(**start, input="{}")
    other = refused(workflow.client.start_execution, **start, input='{"other": 1}')
    workflow.client.stop_execution(executionArn=first)
    ended = refused(workflow.client.start_execution, **start, input="{}")

    assert again["executionArn"] == first
    assert (other["Code"], ended["Code"]) == ("ExecutionAlreadyExists", "ExecutionAlreadyExists")


def test_token_of_a_stopped_execution_has_timed_out(workflow):
    execution = workflow.start(workflow.define(Token={**TOKEN, "End": True}))
    token = workflow.received()

    workflow.client.stop_execution(executionArn=execution)
    answer = refused(workflow.client.send_task_success, taskToken=token, output="{}")

    assert answer["Code"] == "TaskTimedOut"


def test_stopped_workflow_runs_no_further_task_of_a_branch(workflow):
    branch = workflow.define(Token={**TOKEN, "TimeoutSeconds": 1, "Catch": [CATCH]}, Note={**NOTE, "End": True})
    parallel = {"Type": "Parallel", "Branches": [branch], "End": True}
    execution = workflow.start(workflow.define(Parallel=parallel))
    workflow.received()

    workflow.client.stop_execution(executionArn=execution)
    workflow.recorded(execution, "TaskFailed")

    assert "Messages" not in workflow.queues.receive_message(QueueUrl=workflow.queue, WaitTimeSeconds=1)


def test_stopped_workflow_stays_aborted_when_its_task_times_out(workflow):
    execution = workflow.start(workflow.define(Token={**TOKEN, "TimeoutSeconds": 1, "End": True}))
    workflow.received()

    workflow.client.stop_execution(executionArn=execution)
    kinds = workflow.recorded(execution, "TaskFailed")

    assert "ExecutionFailed" not in kinds
    assert workflow.ended(execution)["status"] == "ABORTED"


def test_attempt_of_a_task_has_a_token_of_its_own(workflow):
    execution = workflow.start(workflow.define(Token={**TOKEN, "TimeoutSeconds": 1, "Retry": [AGAIN], "End": True}))
    first, second = workflow.received(), workflow.received()

    late = refused(workflow.client.send_task_success, taskToken=first, output='"first"')
    workflow.client.send_task_success(taskToken=second, output='"second"')

    assert late["Code"] == "TaskTimedOut"
    assert workflow.ended(execution)["output"] == '"second"'


def test_task_without_a_heartbeat_times_out(workflow):
    execution = workflow.start(
        workflow.define(Token={**TOKEN, "TimeoutSeconds": 60, "HeartbeatSeconds": 1, "End": True})
    )

    assert workflow.ended(execution)["error"] == "States.HeartbeatTimeout"
