"""The reporting stack of a stage: deployed while it is wanted, deleted when it is not, rebuilt step by step."""

import io
import json

import pytest

from infra.deploy import aws, reporting
from infra.deploy.aws import Request
from infra.deploy.stack import Operation, Options
from infra.deploy.stages import Stage
from tests.fake_cloudformation import FakeCloudFormation

MAIN = "storefront-demo"
SHOP = {name: name.lower() for name in reporting.SHOP_OUTPUTS}


class FakeLambda:
    def __init__(self, *answers):
        self.answers, self.asked = list(answers), []

    def invoke(self, FunctionName, Payload):
        self.asked.append((FunctionName, json.loads(Payload)))
        answer = self.answers.pop(0)
        error = {"FunctionError": "Unhandled"} if "errorType" in answer else {}
        return {"Payload": io.BytesIO(json.dumps(answer).encode()), **error}


class FakeSession:
    region_name = "eu-west-1"

    def __init__(self, *answers):
        self.clients = {"cloudformation": FakeCloudFormation(), "lambda": FakeLambda(*answers)}

    def client(self, service, **options):
        return self.clients[service]

    def with_stack(self):
        found = self.clients["cloudformation"].add(reporting.name(MAIN), "CREATE_COMPLETE")
        found["Outputs"] = [
            {"OutputKey": f"{each}FunctionName", "OutputValue": each.lower()} for each in ("Migrate", "Rebuild")
        ]
        return self


def test_rebuild_passes_each_step_on_until_nothing_is_left():
    steps = [
        {"table": "orders", "start": {"pk": "1"}, "projected": 4},
        {"table": "stock", "start": None, "projected": 6},
        {"table": None, "start": None, "projected": 9},
    ]
    session = FakeSession(*steps).with_stack()
    assert reporting.rebuild(session, MAIN, lambda line: None) == 9
    asked = session.clients["lambda"].asked
    assert {function for function, _ in asked} == {"rebuild"}
    assert [step for _, step in asked[1:]] == steps[:2] and asked[0][1]["table"] == "orders"


def test_stage_without_reporting_refuses_a_rebuild():
    with pytest.raises(reporting.ReportingOff):
        reporting.rebuild(FakeSession(), MAIN, lambda line: None)


def test_failure_of_a_function_is_reported_in_one_line():
    session = FakeSession({"errorType": "DatabaseUnavailable", "errorMessage": "53300"}).with_stack()
    with pytest.raises(reporting.ReportingFailed, match=r"^DatabaseUnavailable: 53300$"):
        reporting.migrate(session, MAIN)


@pytest.mark.parametrize("was_there", [True, False])
def test_reporting_stack_is_removed_if_it_is_there_even_if_protected(was_there):
    session = FakeSession().with_stack() if was_there else FakeSession()
    for each in session.clients["cloudformation"].stacks.values():
        each["EnableTerminationProtection"] = True
    reporting.remove(Operation(session, reporting.name(MAIN), lambda line: None, Options()))
    assert session.clients["cloudformation"].stacks == {}


@pytest.mark.parametrize(("value", "expected"), [("true", "deployed"), ("false", "removed"), (None, "removed")])
def test_stage_deploys_or_removes_its_reporting_stack_as_the_parameter_says(value, expected, monkeypatch, tmp_path):
    done = []
    monkeypatch.setattr(aws.built_reporting, "package", lambda out: {"Parameters": {"ReportingMaxCapacity": {}}})
    monkeypatch.setattr(reporting, "deploy", lambda session, template, out, main, *rest: done.append("deployed"))
    monkeypatch.setattr(reporting, "remove", lambda operation: done.append("removed"))
    request = Request(Stage(name="demo", region="eu-west-1"))
    values = {"Reporting": value} if value else {}
    aws._deploy_reporting(request, FakeSession(), SHOP, tmp_path, values, lambda line: None)
    assert done == [expected]


def test_stack_is_deployed_with_the_shops_outputs_and_then_migrated(monkeypatch, tmp_path):
    given = {}

    def deploy(session, template, out, name, values, progress, options):
        given.update({"name": name, **values})

    monkeypatch.setattr(reporting.stack, "deploy", deploy)
    session = FakeSession({"revision": "0001"}).with_stack()
    template = {"Parameters": {"ReportingMaxCapacity": {}}}
    values = {"ReportingMaxCapacity": "4", "SenderEmail": "shop@example.com"}
    reporting.deploy(session, template, tmp_path, MAIN, SHOP, values)
    assert given == {"name": "storefront-demo-reporting", "ShopStack": MAIN, "ReportingMaxCapacity": "4", **SHOP}
    assert session.clients["lambda"].asked == [("migrate", {})]
