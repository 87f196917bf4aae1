"""Fixtures: one AWS emulator (MiniStack) without a shop, with the limits of a small new account."""

import io
import json
import shutil
import time
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from infra.local import emulator, processes
from infra.local.place import EmulatorSession, LocalShop

CONCURRENCY = 3
TRANSACTION_SECONDS = 0.5
SMALL_ACCOUNT = {
    "LAMBDA_ACCOUNT_CONCURRENCY": str(CONCURRENCY),
    "SES_SANDBOX": "1",
    "DYNAMODB_TRANSACTION_SECONDS": str(TRANSACTION_SECONDS),
}
ACCOUNT = emulator.ACCOUNT
ROLE = f"arn:aws:iam::{emulator.ACCOUNT}:role/function"
ONE_ATTEMPT = Config(retries={"total_max_attempts": 1})
TRUST = '{"Version": "2012-10-17", "Statement": []}'


@pytest.fixture(scope="session")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[boto3.Session]:
    home = tmp_path_factory.mktemp("strict")
    port = processes.free_port()
    pid = emulator.start(port, home / "state", home / "emulator.log", SMALL_ACCOUNT)
    try:
        session = LocalShop(port, "").session
        session.client("iam").create_role(RoleName="function", AssumeRolePolicyDocument=TRUST)
        yield session
    finally:
        emulator.stop(pid)
        shutil.rmtree(home, ignore_errors=True)


class Functions:
    """Lambda functions of a few lines."""

    def __init__(self, session: boto3.Session) -> None:
        self.client = session.client("lambda", config=ONE_ATTEMPT)

    def create(self, name: str, code: str) -> str:
        """Create a function whose module is `code`, with a `handler`, and return its ARN."""
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("code.py", code)
        made = self.client.create_function(
            FunctionName=name,
            Runtime="python3.11",
            Role=ROLE,
            Handler="code.handler",
            Timeout=60,
            Code={"ZipFile": file.getvalue()},
        )
        return made["FunctionArn"]


@pytest.fixture(scope="session")
def functions(session: boto3.Session) -> Functions:
    return Functions(session)


def eventually(read: Callable[[], Any], seconds: float = 30) -> Any:
    """Return the first true result of `read`. Raises AssertionError if there is none in time."""
    deadline = time.monotonic() + seconds
    while not (found := read()):
        assert time.monotonic() < deadline, "nothing came in time"
        time.sleep(0.05)
    return found


def refused(call: Callable[..., Any], **arguments: Any) -> dict[str, Any]:
    """Return the error of a call. Fails if there is none."""
    with pytest.raises(ClientError) as failure:
        call(**arguments)
    return failure.value.response["Error"]


def failed_stack(session: boto3.Session, name: str, **resources: dict[str, Any]) -> str:
    """Create a stack that must fail, and return the reason of its first failed resource."""
    stacks = session.client("cloudformation")
    stacks.create_stack(
        StackName=name, TemplateBody=json.dumps({"Resources": resources}), Capabilities=["CAPABILITY_IAM"]
    )
    eventually(lambda: stacks.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"] == "ROLLBACK_COMPLETE")
    events = stacks.describe_stack_events(StackName=name)["StackEvents"]
    return next(event["ResourceStatusReason"] for event in events if event["ResourceStatus"] == "CREATE_FAILED")


def allowed(session: boto3.Session, name: str, *actions: str, resource: str = "*") -> boto3.Session:
    """Return the session of a new user who may do these actions only."""
    iam = session.client("iam")
    iam.create_user(UserName=name)
    statement = {"Effect": "Allow", "Action": actions, "Resource": resource}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName=name, PolicyName="allowed", PolicyDocument=document)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return EmulatorSession(key["AccessKeyId"], iam.meta.endpoint_url, key["SecretAccessKey"])
