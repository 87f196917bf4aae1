"""Concurrency: a small account throttles calls, and each caller retries as on AWS."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from botocore.exceptions import ClientError
from ministack.services import lambda_svc as service

from infra.local.strict import concurrency
from tests.strict.conftest import ACCOUNT, CONCURRENCY, ROLE, eventually

WAITING = """
import pathlib, time
def handler(event, context):
    pathlib.Path(event["started"]).touch()
    while not pathlib.Path(event["until"]).exists():
        time.sleep(0.02)
"""
NOTING = """
import pathlib
def handler(event, context):
    pathlib.Path({path!r}).write_text(str(event))
"""


@pytest.fixture(scope="module")
def waiting(functions):
    functions.create("waiting", WAITING)
    return functions.client


@contextmanager
def busy(client, folder, calls=CONCURRENCY):
    """Keep `calls` invocations running."""
    done = folder / "done"
    with ThreadPoolExecutor() as pool:
        try:
            for number in range(calls):
                pool.submit(_occupy, client, folder / f"started-{number}", done)
            eventually(lambda: len(list(folder.glob("started-*"))) == calls)
            yield done
        finally:
            done.touch()


def _occupy(client, started, done):
    """Run one invocation until the file `done` exists. The last test's invocation may not have ended yet."""
    event = json.dumps({"started": str(started), "until": str(done)})
    while not done.exists():
        with suppress(client.exceptions.TooManyRequestsException):
            return client.invoke(FunctionName="waiting", Payload=event)
        time.sleep(0.05)


def noting(functions, name, path):
    return functions.create(name, NOTING.format(path=str(path)))


def test_account_at_its_limit_throttles_the_next_call(functions, waiting, tmp_path):
    noting(functions, "direct", tmp_path / "noted")

    with busy(waiting, tmp_path), pytest.raises(waiting.exceptions.TooManyRequestsException) as refused:
        waiting.invoke(FunctionName="direct")

    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429
    assert refused.value.response["Reason"] == "ConcurrentInvocationLimitExceeded"
    assert not (tmp_path / "noted").exists()


def test_throttled_workflow_step_fails_with_the_error_of_lambda(session, functions, waiting, tmp_path):
    arn = noting(functions, "step", tmp_path / "noted")
    workflows = session.client("stepfunctions")
    definition = {"StartAt": "Call", "States": {"Call": {"Type": "Task", "Resource": arn, "End": True}}}
    machine = workflows.create_state_machine(name="throttled", definition=json.dumps(definition), roleArn=ROLE)

    with busy(waiting, tmp_path):
        started = workflows.start_execution(stateMachineArn=machine["stateMachineArn"])["executionArn"]
        ended = eventually(lambda: _ended(workflows, started))

    assert ended["error"] == "Lambda.TooManyRequestsException"


def test_throttled_step_with_a_task_token_fails_at_once(session, functions, waiting, tmp_path):
    arn = noting(functions, "callback", tmp_path / "noted")
    workflows = session.client("stepfunctions")
    state = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
        "Arguments": {"FunctionName": arn, "Payload": {"token": "{% $states.context.Task.Token %}"}},
        "TimeoutSeconds": 600,
        "End": True,
    }
    definition = {"QueryLanguage": "JSONata", "StartAt": "Ask", "States": {"Ask": state}}
    machine = workflows.create_state_machine(name="asking", definition=json.dumps(definition), roleArn=ROLE)

    with busy(waiting, tmp_path):
        started = workflows.start_execution(stateMachineArn=machine["stateMachineArn"])["executionArn"]
        ended = eventually(lambda: _ended(workflows, started))

    assert ended["error"] == "Lambda.TooManyRequestsException"


def test_throttled_asynchronous_call_is_retried_until_it_runs(session, functions, waiting, tmp_path):
    noting(functions, "later", tmp_path / "noted")

    with busy(waiting, tmp_path):
        waiting.invoke(FunctionName="later", InvocationType="Event", Payload=json.dumps("a message"))
        eventually(lambda: _throttles(session, "later"))

    assert eventually((tmp_path / "noted").exists)


def test_throttled_rule_target_is_retried_until_it_runs(session, functions, waiting, tmp_path):
    arn = noting(functions, "target", tmp_path / "noted")
    events = session.client("events")
    events.put_rule(Name="throttled", EventPattern=json.dumps({"source": ["throttled"]}))
    waiting.add_permission(
        FunctionName="target", StatementId="rule", Action="lambda:InvokeFunction", Principal="events.amazonaws.com"
    )
    events.put_targets(Rule="throttled", Targets=[{"Id": "function", "Arn": arn}])

    with busy(waiting, tmp_path):
        events.put_events(Entries=[{"Source": "throttled", "DetailType": "Tried", "Detail": "{}"}])
        eventually(lambda: _throttles(session, "target"))

    assert eventually((tmp_path / "noted").exists)


def test_throttled_batch_returns_to_the_queue_and_counts_a_receive(session, functions, waiting, tmp_path):
    noting(functions, "consumer", tmp_path / "noted")
    functions.client.update_function_configuration(FunctionName="consumer", Timeout=3)
    queues = session.client("sqs")
    url = queues.create_queue(QueueName="throttled", Attributes={"VisibilityTimeout": "3"})["QueueUrl"]
    arn = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

    with busy(waiting, tmp_path):
        queues.send_message(QueueUrl=url, MessageBody="tried")
        waiting.create_event_source_mapping(FunctionName="consumer", EventSourceArn=arn)
        eventually(lambda: _throttles(session, "consumer") >= 3)  # the second receive: at most two fit into the first
    noted = eventually(lambda: (tmp_path / "noted").exists() and (tmp_path / "noted").read_text())

    assert "'ApproximateReceiveCount': '1'" not in noted


def rest_api(session, function):
    """Return the id and the address of a REST API whose root invokes this function."""
    gateway = session.client("apigateway")
    api = gateway.create_rest_api(name="api")["id"]
    root = gateway.get_resources(restApiId=api)["items"][0]["id"]
    method = {"restApiId": api, "resourceId": root, "httpMethod": "GET"}
    gateway.put_method(**method, authorizationType="NONE")
    uri = f"arn:aws:apigateway:{session.region_name}:lambda:path/2015-03-31/functions/{function}/invocations"
    gateway.put_integration(**method, type="AWS_PROXY", integrationHttpMethod="POST", uri=uri)
    gateway.create_deployment(restApiId=api, stageName="stage")
    return api, f"{gateway.meta.endpoint_url}/_aws/execute-api/{api}/stage/"


def let_invoke(waiting, session, function, api):
    source = f"arn:aws:execute-api:{session.region_name}:{ACCOUNT}:{api}/*"
    permission = {"Action": "lambda:InvokeFunction", "Principal": "apigateway.amazonaws.com", "SourceArn": source}
    waiting.add_permission(FunctionName=function, StatementId=f"api-{function.count(':')}", **permission)


def answer_of(url):
    """Return the status of an answer and its body."""
    try:
        with urlopen(url) as answer:
            return answer.status, answer.read()
    except HTTPError as refused:
        return refused.code, refused.read()


def test_throttled_request_of_an_api_is_an_internal_error(session, functions, waiting, tmp_path):
    arn = noting(functions, "api", tmp_path / "noted")
    api, url = rest_api(session, arn)
    let_invoke(waiting, session, arn, api)

    with busy(waiting, tmp_path):
        status, body = answer_of(url)

    assert (status, json.loads(body)) == (500, {"message": "Internal server error"})
    assert _throttles(session, "api")


def test_api_needs_the_permission_for_its_functions_alias(session, functions, waiting):
    code = "def handler(event, context):\n    return {'statusCode': 200, 'body': 'invoked'}\n"
    function = functions.create("released", code)
    waiting.publish_version(FunctionName="released")
    alias = waiting.create_alias(FunctionName="released", Name="live", FunctionVersion="1")["AliasArn"]
    api, url = rest_api(session, alias)
    let_invoke(waiting, session, function, api)

    before = answer_of(url)
    let_invoke(waiting, session, alias, api)

    assert (before[0], answer_of(url)) == (500, (200, b"invoked"))


def test_reserving_what_the_account_needs_is_refused(functions, tmp_path):
    noting(functions, "reserved", tmp_path / "noted")

    with pytest.raises(ClientError) as refused:
        functions.client.put_function_concurrency(FunctionName="reserved", ReservedConcurrentExecutions=1)

    assert refused.value.response["Error"]["Code"] == "InvalidParameterValueException"
    assert f"below its minimum value of [{CONCURRENCY}]" in str(refused.value)


def test_reserved_concurrency_is_kept_for_its_function(monkeypatch):
    store = {"_functions": {"reserved": {"concurrency": 2}}, "_inflight": {}, "_inflight_total": 0}
    kept = {"_acquire_execution_slot": service._acquire_execution_slot, "_ACCOUNT_CONCURRENCY_CAP": 5}
    for name, value in (store | kept).items():
        monkeypatch.setattr(service, name, value)

    concurrency._share_limit()

    def refusals(name, calls):
        return [service._acquire_execution_slot({}, {"FunctionName": name})[1] for _ in range(calls)]

    assert refusals("other", 4) == [None, None, None, "account"]
    assert refusals("reserved", 3) == [None, None, "function"]


def _ended(workflows, arn):
    described = workflows.describe_execution(executionArn=arn)
    return described if described["status"] != "RUNNING" else None


def _throttles(session, name):
    now = datetime.now(UTC)
    points = session.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/Lambda",
        MetricName="Throttles",
        Dimensions=[{"Name": "FunctionName", "Value": name}],
        StartTime=now - timedelta(hours=1),
        EndTime=now + timedelta(hours=1),
        Period=60,
        Statistics=["Sum"],
    )
    return sum(point["Sum"] for point in points["Datapoints"])
