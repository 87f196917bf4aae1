"""Fixtures: one AWS emulator (MiniStack) without a shop, with the limits of a small new account."""

import io
import shutil
import time
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config

from infra.local import emulator, processes
from infra.local.shop import LocalShop

CONCURRENCY = 3
SMALL_ACCOUNT = {"LAMBDA_ACCOUNT_CONCURRENCY": str(CONCURRENCY)}
ROLE = f"arn:aws:iam::{emulator.ACCOUNT}:role/function"
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
        self.client = session.client("lambda", config=Config(retries={"total_max_attempts": 1}))

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
