"""Command line: help, stages, bad input, and text that looks like markup."""

import json
import re
import subprocess
import sys
from importlib import import_module
from io import StringIO

import boto3
import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner

from infra.audit.auditor import Verdict
from infra.build import storefront
from infra.build.template import ROOT
from infra.commands import audit, deployment, dlq, import_products, job, local_shop
from infra.commands.cli import cli
from infra.commands.client import Buyer, Reply
from infra.commands.failures import EXIT_CODES
from infra.commands.output import PlainConsole
from infra.cost import model as cost_model
from infra.local import run

API = "http://127.0.0.1:9/api"
HOSTILE = "[bold]x[/bold] [/] :smile: \x1b[31mred\x1b[0m"
SHOWN = "[bold]x[/bold] [/] :smile: \N{REPLACEMENT CHARACTER}[31mred\N{REPLACEMENT CHARACTER}[0m"


@pytest.fixture(autouse=True)
def environment(monkeypatch, tmp_path):
    """Run without a local shop and without the developer's AWS credentials."""
    monkeypatch.setattr(run, "HOME", tmp_path)
    monkeypatch.setattr(run, "RUNNING", tmp_path / "running.json")
    monkeypatch.setattr(storefront, "NPM_LOG", tmp_path / "npm.log")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "STAGE", "NAME", "ADMIN_EMAIL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")


@pytest.fixture
def demo(monkeypatch):
    """The stage `demo`, deployed, whose API gives the same answer to every request and records it."""

    class Api:
        answer = Reply(200, {}, {"id_token": "token", "items": []})
        requests: list = []

    def call(self, method, path, body=None, headers=None):
        Api.requests.append((method, path, body, headers, self.token))
        return Api.answer

    Api.requests = []
    found = deployment.Deployment("demo", "storefront-demo", boto3.Session(), {"PublicApiUrl": API})
    monkeypatch.setattr(deployment, "find", lambda stage: found)
    monkeypatch.setattr(Buyer, "call", call)
    return Api


def command(*arguments, **options):
    return CliRunner().invoke(cli, arguments, **options)


def is_refused(result, text):
    """Return whether the command ended with exit code 2 and a single line on stderr that contains `text`."""
    lines = result.stderr.splitlines()
    return result.exit_code == 2 and result.stdout == "" and len(lines) == 1 and text in lines[0]


def test_command_has_a_description_in_its_help():
    for name in cli.commands:
        result = command(name, "--help")
        assert result.exit_code == 0, name
        assert re.search(r"\n\n  [A-Z].+", result.stdout), name


def test_make_target_names_a_command():
    makefile = (ROOT / "Makefile").read_text().replace("\\\n", " ")
    targets = re.search(r"^COMMANDS := (.+)$", makefile, re.MULTILINE)[1].split()
    assert "up" in targets and set(targets) <= set(cli.commands)


def test_help_imports_no_command_and_no_aws_client():
    code = (
        "import sys\nfrom infra.commands.cli import cli\n"
        "try: cli(['dlq', '--help'])\nexcept SystemExit: pass\n"
        "print(*(m for m in sys.modules if m.startswith(('infra', 'boto3', 'chalicelib', 'rich'))), file=sys.stderr)"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = {name.removeprefix("infra.commands.") for name in result.stderr.split()}
    assert loaded == {"infra", "infra.commands", "cli", "cli_models", "cli_testbed", "options"}


@pytest.mark.parametrize("name", EXIT_CODES)
def test_failure_with_an_exit_code_is_an_exception(name):
    module, _, kind = name.rpartition(".")
    assert issubclass(getattr(import_module(module), kind), Exception)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["no-such-command"], "No such command"),
        (["audit", "--stage", "Not A Stage"], "is not the name of a stage"),
        (["deploy", "--stage", "local"], "is the shop of `make up`"),
        (["deploy", "--stage", "demo"], "credentials"),
        (["deploy", "--stage", "moon"], "There is no stage moon"),
        (["deploy", "--stage", "demo", "--parameter", "SenderEmail"], "is not NAME=VALUE"),
        (["deploy", "--stage", "demo", "--parameter", "Sender=a@b.example"], "Sender is not a parameter"),
        (["doctor", "--stage", "demo"], "credentials"),
        (["destroy", "--stage", "demo", "--name", "prod"], "is not the stage demo: nothing was deleted"),
        (["destroy", "--stage", "demo", "--name", "demo"], "credentials"),
        (["audit"], "The shop is not running"),
        (["dlq"], "The shop is not running"),
        (["dlq", "--drop", "notifications"], "give --id"),
        (["replay", "--from", "yesterday"], "is not an ISO 8601 time"),
        (["import", "--file", "no/such/file.csv"], "does not exist"),
        (["import"], "--file"),
        (["job", "--name", "[/]"], "There is no job '[/]'"),
        (["job", "--name", "sweep_reservations", "--input", "tomorrow"], "is not JSON"),
        (["job", "--name", "sweep_reservations", "--input", "[1]"], "is not a JSON object"),
        (["audit", "--stage", "demo"], "credentials"),
        (["admin"], "--email"),
        (["admin", "--email", "bad"], "'bad': An email address must have an @-sign"),
        (["logs", "--order", "12"], "'12' is not the id of an order"),
        (["chaos", "--plan", "no/such/plan.yaml"], "does not exist"),
        (["chaos", "--plan", "README.md"], "README.md is no YAML"),
        (["chaos", "--faults", "payments.capture=explode"], "faults.0.what: Input should be"),
        (["chaos", "--faults", "payments.capture"], "'payments.capture' is no fault"),
        (["chaos", "--faults", "queue.*=reorder"], "queue.*=reorder: make chaos cannot inject this"),
        (["chaos", "--faults", "payments.*=error#3"], "payments take a probability"),
        (["chaos", "--faults", "ssm.*=error", "--plan", "README.md"], "not both"),
        (["chaos", "--orders", "0"], "--orders"),
        (["replay", "--type", "Nope"], "'Nope' is not a type of event, such as OrderCompleted"),
    ],
)
def test_bad_input_is_refused_in_one_line(arguments, text):
    assert is_refused(command(*arguments), text), command(*arguments).output


@pytest.mark.parametrize("port", ["abc", "0", "65536", "-1", "٤٥٦٦"])
def test_port_that_is_none_is_refused_in_one_line(port):
    assert is_refused(command("up", env={"SHOP_PORT": port}), f"SHOP_PORT={port!a} is not a port")


def test_start_beside_another_start_is_refused():
    with run.alone():
        assert is_refused(command("up"), "Another make up or make down is at work")


def test_packages_that_npm_cannot_install_are_named_in_one_line(monkeypatch, tmp_path):
    def offline(folder, *arguments):
        raise storefront.BuildFailed("npm error code ENOTFOUND\nnpm error network")

    monkeypatch.setattr(storefront, "npm", offline)
    monkeypatch.setattr(local_shop.run, "start", lambda progress: storefront.install(tmp_path))
    (tmp_path / "package-lock.json").write_text("{}")
    assert is_refused(command("up"), "Is there a network?")
    assert "ENOTFOUND" in (tmp_path / "npm.log").read_text()


def test_stage_that_is_not_deployed_is_refused(monkeypatch):
    def outputs(session, name):
        error = {"Code": "ValidationError", "Message": f"Stack with id {name} does not exist"}
        raise ClientError({"Error": error}, "DescribeStacks")

    monkeypatch.setattr(deployment.outputs, "outputs", outputs)
    assert is_refused(command("audit", "--stage", "demo"), "eu-west-1 has no stack storefront-demo")


def test_stage_comes_from_the_environment():
    assert is_refused(command("audit", env={"STAGE": "demo"}), "credentials")


def test_shop_that_does_not_answer_is_named(monkeypatch):
    found = deployment.Deployment("demo", "storefront-demo", boto3.Session(), {"PublicApiUrl": API})
    monkeypatch.setattr(deployment, "find", lambda stage: found)
    monkeypatch.setenv("ADMIN_PASSWORD", "long-stories-1")
    result = command("dlq", "--stage", "demo", "--admin-email", "ada@example.com")
    assert is_refused(result, f"{API} does not answer: [Errno 111] Connection refused")


def test_admin_of_a_stage_signs_in_with_a_hidden_password(demo):
    result = command("dlq", "--stage", "demo", "--admin-email", "ada@example.com", input="secret-password\n")
    assert result.exit_code == 0, result.output
    credentials = {"email": "ada@example.com", "password": "secret-password"}
    assert demo.requests == [
        ("POST", "/session", credentials, {"X-Session-Request": "1"}, None),
        ("GET", "/admin/queues", None, None, "token"),
    ]
    assert "secret-password" not in result.output


def test_admin_of_a_stage_must_be_named(demo):
    assert is_refused(command("dlq", "--stage", "demo"), "ADMIN_EMAIL")
    assert demo.requests == []


def test_problem_of_the_api_is_shown_in_one_line(demo, monkeypatch):
    monkeypatch.setenv("ADMIN_PASSWORD", "long-stories-1")
    demo.answer = Reply(404, {}, {"detail": "There is no\nqueue [/].", "code": "queue_not_found"})
    result = command("dlq", "--stage", "demo", "--admin-email", "ada@example.com", "--show", "[/]")
    assert is_refused(result, "Sign-in of ada@example.com: 404 There is no queue [/].")


def test_refused_fields_are_named_with_the_reason(demo, monkeypatch):
    monkeypatch.setenv("ADMIN_PASSWORD", "long-stories-1")
    errors = [{"field": "from", "message": "Must be in the past"}]
    demo.answer = Reply(422, {}, {"detail": "Please correct the named fields.", "errors": errors})
    result = command("replay", "--stage", "demo", "--admin-email", "ada@example.com")
    assert is_refused(result, "422 Please correct the named fields. from: Must be in the past")


def printed(show):
    console = PlainConsole(file=StringIO(), width=300, force_terminal=True, no_color=True)
    show(console)
    return console.file.getvalue()


class Admin:
    """Answers every request with `body`."""

    def __init__(self, body):
        self.body = body

    def must(self, method, path, body=None):
        return self.body


def test_dead_letter_text_is_printed_as_it_is():
    context = {"event_type": HOSTILE, "order_id": None, "reason": HOSTILE}
    dead_letter = {"id": "1", "sent_at": "now", "receive_count": 1, "context": context}
    page = {"queue": HOSTILE, "items": [dead_letter]}
    assert printed(lambda console: dlq.show(console, Admin(page), "any")).count(SHOWN) == 3
    answer = {"redriven": [], "failed": {HOSTILE: HOSTILE}, "complete": True, "left": 1}
    assert printed(lambda console: dlq.redrive(console, Admin(answer), HOSTILE)).count(SHOWN) == 3


def test_audit_text_is_printed_as_it_is():
    verdicts = [Verdict(HOSTILE, 1, {HOSTILE: HOSTILE})]
    assert printed(lambda console: audit.show(console, verdicts)).count(SHOWN) == 4


def test_import_report_is_printed_as_it_is():
    rows = [{"line": "1", "sku": HOSTILE, "problem": HOSTILE}]
    assert printed(lambda console: console.print(import_products._failed(rows))).count(SHOWN) == 2


class FakeStack:
    """CloudFormation and Lambda of one stack; the function answers with `answer`, or fails with it."""

    def __init__(self, answer, fails=False):
        self.answer = answer
        self.fails = fails
        self.requests = []

    def client(self, service, config=None):
        return self

    def describe_stack_resource(self, StackName, LogicalResourceId):
        return {"StackResourceDetail": {"PhysicalResourceId": f"{StackName}-{LogicalResourceId}-1A2B"}}

    def invoke(self, FunctionName, Payload):
        self.requests.append((FunctionName, json.loads(Payload)))
        answer = {"Payload": StringIO(json.dumps(self.answer))}
        return answer | ({"FunctionError": "Unhandled"} if self.fails else {})


@pytest.fixture
def stack(monkeypatch):
    def deployed(answer, fails=False):
        fake = FakeStack(answer, fails)
        monkeypatch.setattr(
            deployment, "find", lambda stage: deployment.Deployment(stage, f"storefront-{stage}", fake, {})
        )
        return fake

    return deployed


def test_command_prints_costs_and_writes_a_chart(tmp_path):
    chart = tmp_path / "cost.svg"

    result = CliRunner().invoke(cli, ["cost", "--out", str(chart)], env={"COLUMNS": "200"})

    assert result.exit_code == 0, result.output
    total = 1_000_000 * sum(cost_model.per_order("completed", cost_model.scenario()).values())
    assert f"{total:,.0f}" in result.output
    assert "<svg" in chart.read_text()


def test_schedule_is_a_job():
    expected = {"sweep_reservations", "reconcile_payments", "write_sales_report", "remind_of_carts"}
    assert expected <= set(job.jobs())
    assert job.jobs()["write_sales_report"] == "WriteSalesReport"
    assert set(command("job").stdout.split()) == set(job.jobs())


def test_job_runs_the_function_of_its_stage_and_prints_the_answer(stack):
    fake = stack({"written": "sales/2030-05-17"})
    result = command("job", env={"NAME": "write_sales_report", "STAGE": "demo", "INPUT": '{"date": "2030-05-17"}'})
    assert result.exit_code == 0, result.output
    assert fake.requests == [("storefront-demo-WriteSalesReport-1A2B", {"date": "2030-05-17"})]
    assert json.loads(result.stdout) == {"written": "sales/2030-05-17"}


def test_job_that_fails_prints_the_error(stack):
    stack({"errorType": "ValueError", "errorMessage": "no date"}, fails=True)
    result = command("job", "--name", "write_sales_report")
    assert (result.exit_code, result.stderr) == (1, "ValueError: no date\n")
