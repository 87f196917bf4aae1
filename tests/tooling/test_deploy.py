"""`make deploy`, `make doctor` and `make destroy` themselves, with the template, code and pages that AWS gets.

They run in a copy of the project against an AWS emulator (MiniStack) of their own. Nothing in the commands knows that:
boto3 reads the endpoint and the credentials from the environment.
"""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from infra.build.storefront import BUILT
from infra.build.template import ROOT
from infra.local import emulator, inert, processes
from infra.local.strict import mail_sandbox
from tests.stripe_account import StripeAccount, served

pytestmark = pytest.mark.takes_long

CREDENTIALS = {"aws_access_key_id": emulator.ACCOUNT, "aws_secret_access_key": "local"}
SENDER = "shop@example.com"
SOURCES = ("Makefile", "app.py", "chalicelib", ".chalice", "constraints.txt", "frontend", "infra", "shop.json")
SOURCES += ("requirements.lock", "requirements.txt", "requirements-local.txt", "requirements-dev.txt")
SOURCES += ("statemachine", "testbed")
LINKED = (".venv", ".build/libraries", "frontend/node_modules", "infra/reference/node_modules")
BROKEN = """Resources:
  Bus: {Type: AWS::Events::EventBus, Properties: {Name: storefront-twice}}
  Broken: {Type: AWS::Events::EventBus, DependsOn: Bus, Properties: {Name: storefront-twice}}
"""
"""EventBridge refuses a second bus of the same name."""


@dataclass(frozen=True)
class Result:
    """`code` is the command's exit code, not make's."""

    code: int
    output: str


@dataclass(frozen=True)
class Project:
    """A copy of the project, with an AWS account and a Stripe account to deploy it to."""

    folder: Path
    endpoint: str
    payments_url: str
    stripe: StripeAccount

    def make(self, target: str, stage: str, **variables: str) -> Result:
        run = subprocess.run(self._command(target), **self._options(stage, variables))
        failed = re.search(r"^make: .* Error (\d+)$", run.stdout, re.MULTILINE)
        return Result(int(failed[1]) if failed else run.returncode, run.stdout)

    def interrupt(self, target: str, stage: str, line: str, **variables: str) -> None:
        """Start a command and kill it when it prints a line with this text."""
        with subprocess.Popen(self._command(target), **self._options(stage, variables)) as process:
            assert any(line in each for each in process.stdout), "the command ended before"
            os.killpg(process.pid, signal.SIGKILL)

    def client(self, service: str, region: str = emulator.REGION) -> Any:
        return boto3.client(service, region_name=region, endpoint_url=self.endpoint, **CREDENTIALS)

    def status(self, stack: str, region: str = emulator.REGION) -> str | None:
        stacks = self.client("cloudformation", region).describe_stacks()["Stacks"]
        return next((each["StackStatus"] for each in stacks if each["StackName"] == stack), None)

    def write(self, file: str, text: str) -> None:
        (self.folder / file).write_text(text)

    def _command(self, target: str) -> list[str]:
        """The virtual environment is a link, and not make's to renew."""
        return ["make", "--no-print-directory", "--old-file", ".venv/.installed", target]

    def _options(self, stage: str, variables: dict[str, str]) -> dict[str, Any]:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", ""),
            "PYTHONUNBUFFERED": "1",
            "COLUMNS": "200",
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": CREDENTIALS["aws_access_key_id"],
            "AWS_SECRET_ACCESS_KEY": CREDENTIALS["aws_secret_access_key"],
            "STAGE": stage,
            "POLL_SECONDS": "0.3",
            "PARAMETERS": f"StripeApiBase={self.payments_url}",
        }
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "start_new_session": True}
        return {"cwd": self.folder, "env": environment | variables, **pipes}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, built_pages: Path) -> Iterator[Project]:
    """The copy has the pages that the run has built: tests/unit/test_deployment.py shows that a deployment builds."""
    home = tmp_path_factory.mktemp("deploy")
    folder = _copied(home / "project")
    shutil.copytree(built_pages, folder / built_pages.relative_to(ROOT))
    shutil.copy2(BUILT, folder / BUILT.relative_to(ROOT))
    port, account = processes.free_port(), StripeAccount()
    pid = emulator.start(port, home / "state", home / "engine.log", {inert.VARIABLE: "1", mail_sandbox.SANDBOX: "1"})
    try:
        with served(account) as payments_url:
            project = Project(folder, emulator.url(port), payments_url, account)
            project.client("sesv2").create_email_identity(EmailIdentity=SENDER)
            yield project
    finally:
        emulator.stop(pid)
        shutil.rmtree(home, ignore_errors=True)


def _copied(folder: Path) -> Path:
    ignored = shutil.ignore_patterns("node_modules", "dist", "lighthouse", "deployments", "*.tsbuildinfo")
    folder.mkdir()
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=ignored)
        elif source.exists():
            shutil.copy2(source, folder)
    for name in LINKED:
        (ROOT / name).mkdir(parents=True, exist_ok=True)
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).symlink_to(ROOT / name)
    return folder


def test_demo_stage_is_created_after_failures_then_changed_and_deleted(project: Project) -> None:
    key = {"STRIPE_SECRET_KEY": "sk_test_1"}

    project.write("infra/template/broken.yaml", BROKEN)
    broken = project.make("deploy", "demo", SENDER_EMAIL=SENDER, **key)
    assert "Stack storefront-demo is ROLLBACK_COMPLETE\n  Broken (AWS::Events::EventBus): " in broken.output, (
        broken.output
    )
    assert re.search(r"warning │ SES account +│ is in the sandbox", broken.output), broken.output
    assert project.status("storefront-demo") == "ROLLBACK_COMPLETE"

    (project.folder / "infra/template/broken.yaml").unlink()
    project.interrupt("deploy", "demo", " added", **key)
    first = project.make("deploy", "demo", SENDER_EMAIL=SENDER)
    assert first.code == 0, first.output
    assert project.status("storefront-demo") == "UPDATE_COMPLETE"
    assert project.status("storefront-demo-edge", "us-east-1") == "CREATE_COMPLETE"
    (endpoint,) = project.stripe.endpoints.values()
    assert endpoint["url"].removesuffix("/api/webhooks/stripe") in first.output
    _pages_come_last(project)

    again = project.make("deploy", "demo")
    assert again.output.count("nothing has changed") == 2, again.output
    assert list(project.stripe.endpoints.values()) == [endpoint]

    with (project.folder / "chalicelib/__init__.py").open("a") as code:
        code.write("# changed\n")
    changed = project.make("deploy", "demo")
    assert changed.code == 0, changed.output
    assert re.search(r"\d+ changed\n +APIHandler \(AWS::Lambda::Function\)", changed.output), changed.output

    gone = project.make("destroy", "demo", NAME="demo")
    assert gone.code == 0, gone.output
    assert "aws dynamodb delete-table --table-name storefront-demo-OrdersTable" in gone.output
    assert project.status("storefront-demo-edge", "us-east-1") is project.status("storefront-demo") is None
    assert not project.stripe.endpoints
    assert not project.client("ssm").get_parameters_by_path(Path="/storefront-demo/", Recursive=True)["Parameters"]
    log = (project.folder / ".build/demo/deploy.log").read_text()
    assert "failed: Stack storefront-demo is ROLLBACK_COMPLETE" in log and "sk_test_1" not in log


def _pages_come_last(project: Project) -> None:
    """The home page is newer than every asset that it loads."""
    stack = project.client("cloudformation").describe_stack_resource(
        StackName="storefront-demo", LogicalResourceId="StorefrontBucket"
    )
    bucket = stack["StackResourceDetail"]["PhysicalResourceId"]
    objects = project.client("s3").list_objects_v2(Bucket=bucket)["Contents"]
    at = {each["Key"]: each["LastModified"] for each in objects}
    assert at["index.html"] >= max(when for key, when in at.items() if key.startswith("assets/"))
    assert "config.json" in at


def test_prod_stage_survives_a_broken_update_and_is_deleted_only_with_confirmation(project: Project) -> None:
    keys = {"STRIPE_SECRET_KEY": "sk_live_1", "STRIPE_PUBLISHABLE_KEY": "pk_live_1"}
    unsafe = project.make("doctor", "prod", SENDER_EMAIL=SENDER, STRIPE_SECRET_KEY="sk_live_1")
    assert unsafe.code == 1 and "there is no publishable key" in unsafe.output, unsafe.output
    first = project.make("deploy", "prod", SENDER_EMAIL=SENDER, **keys)
    assert first.code == 0, first.output

    project.write("infra/template/broken.yaml", BROKEN)
    broken = project.make("deploy", "prod", STRIPE_SECRET_KEY="sk_live_2")
    (project.folder / "infra/template/broken.yaml").unlink()
    assert "Stack storefront-prod is UPDATE_ROLLBACK_COMPLETE\n  Broken " in broken.output, broken.output
    (stack,) = project.client("cloudformation").describe_stacks(StackName="storefront-prod")["Stacks"]
    values = {each["ParameterKey"]: each["ParameterValue"] for each in stack["Parameters"]}
    assert (values["SenderEmail"], values["StripePublishableKey"]) == (SENDER, "pk_live_1")
    assert values["DeletionProtection"] == "true"
    assert {"Key": "project", "Value": "storefront"} in stack["Tags"]
    kept = project.client("ssm").get_parameter(Name="/storefront-prod/stripe/secret-key", WithDecryption=True)
    assert kept["Parameter"]["Value"] == "sk_live_1"

    gone = project.make("destroy", "prod", NAME="prod", CONFIRM="prod")
    assert gone.code == 0, gone.output
    assert project.status("storefront-prod") is None
