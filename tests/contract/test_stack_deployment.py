"""Deployment and deletion of a stage against a fake CloudFormation: what stops them, and what they recover from."""

from io import StringIO

import pytest
from moto import mock_aws

from infra.commands import deploying
from infra.commands.output import PlainConsole
from infra.deploy import aws, stack
from infra.deploy.destroy import Destruction, ProtectedStage
from infra.deploy.doctor.findings import blocker, warning
from infra.deploy.stages import Stage, StageFileInvalid
from tests.fake_cloudformation import FakeSession

TEMPLATE = {"Parameters": {"Wait": {"Type": "Number", "Default": 0}}, "Resources": {}}
SEVEN = {"ParameterKey": "Wait", "ParameterValue": "7"}


@pytest.fixture(autouse=True)
def account(monkeypatch):
    for variable in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(variable, raising=False)
    with mock_aws():
        yield


@pytest.fixture
def session():
    return FakeSession()


def deploy(session, code, name="storefront-demo", progress=lambda line: None, **options):
    given = stack.Options(**{"stage": "demo", "poll_seconds": 0, **options})
    stack.deploy(session, TEMPLATE, code, name, {}, progress, given)


class TestRecovery:
    @pytest.mark.parametrize("status", sorted(stack.NEVER_CREATED))
    def test_stack_that_was_never_created_is_made_again_with_its_values(self, session, tmp_path, status):
        failed = session.cloudformation.add("storefront-demo", status, [SEVEN])
        lines = []
        deploy(session, tmp_path, progress=lines.append)
        (found,) = session.cloudformation.stacks.values()
        assert found["StackStatus"] == "CREATE_COMPLETE" and found["StackId"] != failed["StackId"]
        assert found["Parameters"] == [SEVEN]
        assert lines[0] == f"stack storefront-demo {stack.NEVER_CREATED[status]}: deleting what is left of it"

    @pytest.mark.parametrize("status", sorted(stack.UPDATABLE))
    def test_stack_that_exists_is_updated_with_its_values(self, session, tmp_path, status):
        before = session.cloudformation.add("storefront-demo", status, [SEVEN])["StackId"]
        deploy(session, tmp_path)
        (found,) = session.cloudformation.stacks.values()
        assert (found["StackId"], found["StackStatus"], found["Parameters"]) == (before, "UPDATE_COMPLETE", [SEVEN])


def test_release_with_several_new_indexes_adds_the_first_ones_before(session, tmp_path, monkeypatch):
    deploy(session, tmp_path)
    table = {"Type": "AWS::DynamoDB::Table", "Properties": {"AttributeDefinitions": []}}
    deployed = {"TemplateBody": {"Resources": {"T": table}}}
    monkeypatch.setattr(session.cloudformation, "get_template", lambda **_: deployed)
    by = [{"IndexName": name, "KeySchema": [{"AttributeName": name, "KeyType": "HASH"}]} for name in "abc"]
    wanted = {"GlobalSecondaryIndexes": by, "AttributeDefinitions": [{"AttributeName": name} for name in "abc"]}
    lines, template = [], TEMPLATE | {"Resources": {"T": table | {"Properties": wanted}}}
    options = stack.Options("demo", poll_seconds=0)
    stack.deploy(session, template, tmp_path, "storefront-demo", {}, lines.append, options)
    step = "stack storefront-demo: adding indexes to its tables, one at a time"
    assert lines.count(step) == 2 and lines.index(step) == 0


class TestDeletion:
    @pytest.fixture
    def protected(self, session, tmp_path):
        deploy(session, tmp_path, "storefront-prod", termination_protection=True)
        found = session.cloudformation.stack("storefront-prod")
        assert found["EnableTerminationProtection"]
        return found

    def destruction(self, session, *confirmed):
        options = stack.Options("prod", confirmed=frozenset(confirmed), poll_seconds=0)
        stage = Stage(name="prod", region=session.region_name, termination_protection=True)
        return Destruction(stage, session, FakeSession("us-east-1"), options, lambda line: None)

    @pytest.mark.parametrize("confirmed", [(), ("demo",), ("Queue",)], ids=["nothing", "other-stage", "resource"])
    def test_protected_stage_keeps_its_protection_without_confirmation(self, session, protected, confirmed):
        with pytest.raises(ProtectedStage, match="CONFIRM=prod"):
            self.destruction(session, *confirmed).delete_main()
        assert session.cloudformation.stack("storefront-prod")["EnableTerminationProtection"]

    def test_protected_stage_is_deleted_after_confirmation(self, session, protected):
        self.destruction(session, "prod").delete_main()
        assert session.cloudformation.stacks == {}


class TestDoctor:
    """`deploying.deploy` runs the preflight checks before it changes anything."""

    ASKED = {"parameter": [], "sender_email": "shop@example.com", "alarm_email": "", "stripe_publishable_key": ""}

    @pytest.fixture
    def deployed(self, monkeypatch, session, tmp_path):
        """Record the deployments that begin."""
        begun = []
        monkeypatch.setattr(Stage, "session", lambda stage: session)
        monkeypatch.setattr(aws, "deploy_stage", lambda asked, *_: begun.append(asked.stage.name))
        monkeypatch.setattr(deploying.log, "path", lambda stage: tmp_path / "deploy.log")
        return begun

    def deploy(self, monkeypatch, finding):
        monkeypatch.setattr(deploying, "CHECKS", (lambda subject: [finding],))
        shown = StringIO()
        asked = deploying.request("demo", **self.ASKED, stripe_secret_key="sk_test_1")
        try:
            deploying.deploy(PlainConsole(file=shown, width=200), asked)
        finally:
            shown = shown.getvalue()
            assert finding.message in shown and finding.remedy in shown

    def test_deployment_with_a_blocker_ends_before_any_change(self, monkeypatch, deployed):
        with pytest.raises(deploying.Blocked):
            self.deploy(monkeypatch, blocker("email", "is disabled", "Ask AWS."))
        assert deployed == []

    def test_deployment_with_a_warning_goes_on(self, monkeypatch, deployed):
        self.deploy(monkeypatch, warning("email", "is in the sandbox", "Ask AWS."))
        assert deployed == ["demo"]

    def test_deployment_without_a_required_value_ends_before_any_check(self, monkeypatch, deployed):
        monkeypatch.setattr(deploying, "CHECKS", ())
        asked = deploying.request("demo", **self.ASKED | {"sender_email": ""}, stripe_secret_key="sk_test_1")
        with pytest.raises(StageFileInvalid, match=r"^SenderEmail has no value"):
            deploying.deploy(PlainConsole(file=StringIO()), asked)
        assert deployed == []
