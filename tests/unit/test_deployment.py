"""Stack deployment, its pure parts: stack states, causes of failures, summaries of changes, values of parameters."""

from datetime import UTC, datetime

import boto3
import botocore.session
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from infra.build import storefront
from infra.deploy import artifacts, aws, changes, events, indexes, parameters, policies, stack, stripe_key
from infra.deploy.changes import ConfirmationNeeded
from infra.deploy.leftovers import Kept
from infra.deploy.parameters import ValueMissing
from infra.deploy.stages import Costs, Stage

NOW = datetime(2026, 11, 28, tzinfo=UTC)
TOKEN = "deploy-1"


def change(action, logical_id, kind="AWS::DynamoDB::Table", **more):
    named = {"Action": action, "LogicalResourceId": logical_id, "ResourceType": kind}
    return {"Type": "Resource", "ResourceChange": named | more}


def event(logical_id, status, reason="", token=TOKEN, kind="AWS::SQS::Queue"):
    return {
        "LogicalResourceId": logical_id,
        "PhysicalResourceId": f"shop-{logical_id}",
        "ResourceType": kind,
        "ResourceStatus": status,
        "ResourceStatusReason": reason,
        "ClientRequestToken": token,
    }


class Pages:
    """Stack events as CloudFormation returns them: pages of 100, newest first."""

    def __init__(self, oldest_first):
        newest_first = oldest_first[::-1]
        self.pages = [newest_first[start : start + 100] for start in range(0, len(newest_first), 100)]
        self.read = 0

    def get_paginator(self, operation):
        assert operation == "describe_stack_events"
        return self

    def paginate(self, StackName):
        for page in self.pages:
            self.read += 1
            yield {"StackEvents": page}


class TestStates:
    def test_stack_states_of_cloudformation_are_all_handled(self):
        model = botocore.session.get_session().get_service_model("cloudformation")
        states = set(model.shape_for("StackStatus").enum) - {"DELETE_COMPLETE"}
        handled = stack.UPDATABLE | set(stack.NEVER_CREATED) | set(stack.STUCK)
        assert {state for state in states if not stack._is_running(state)} == handled

    @pytest.mark.parametrize("status", sorted(stack.STUCK))
    def test_state_that_needs_a_person_names_the_command(self, status):
        found = {"StackName": "storefront-demo", "StackStatus": status, "StackStatusReason": "no access"}
        with pytest.raises(stack.DeploymentFailed, match="no access") as failure:
            stack._refuse_if_stuck(found, "eu-west-1")
        assert "aws cloudformation " in str(failure.value) and "--stack-name storefront-demo" in str(failure.value)

    @pytest.mark.parametrize("status", sorted(stack.UPDATABLE | set(stack.NEVER_CREATED)))
    def test_state_that_a_deployment_resolves_is_not_refused(self, status):
        stack._refuse_if_stuck({"StackName": "shop", "StackStatus": status}, "eu-west-1")


class TestEvents:
    @pytest.mark.parametrize("older", [0, 300])
    def test_events_of_the_operation_are_read_across_pages_and_no_further(self, older):
        before = [event(f"Old{n}", "CREATE_COMPLETE", token="deploy-0") for n in range(older)]
        ours = [event(f"New{n}", "UPDATE_COMPLETE") for n in range(150)]
        pages = Pages(before + ours)
        assert events.of_operation(pages, "shop", TOKEN) == ours
        assert pages.read == 2

    def test_cause_is_the_first_failure_and_not_its_consequences(self):
        found = [
            event("Fine", "CREATE_COMPLETE"),
            event("Early", "CREATE_FAILED", "Resource creation cancelled"),
            event("UserPool", "CREATE_FAILED", "Email address is not verified", kind="AWS::Cognito::UserPool"),
            event("Later", "CREATE_FAILED", "Access denied"),
            event("shop", "ROLLBACK_IN_PROGRESS", "The following resource(s) failed to create.", kind=events.STACK),
        ]
        assert events.cause(found) == "UserPool (AWS::Cognito::UserPool): Email address is not verified"

    def test_cause_without_a_failed_resource_is_the_stacks_own_reason(self):
        found = [event("shop", "UPDATE_ROLLBACK_IN_PROGRESS", "Update timed out", kind=events.STACK)]
        assert events.cause(found) == "Update timed out"
        assert events.cause([]) == "CloudFormation gives no reason"

    def test_progress_counts_what_is_done_and_names_what_is_not(self):
        found = [event("Table", "CREATE_IN_PROGRESS"), event("Table", "CREATE_COMPLETE")]
        found += [event(f"Q{n}", "CREATE_IN_PROGRESS") for n in range(5)]
        assert events.progress(found) == "1 resources done, Q0, Q1, Q2 and 2 more in progress"

    def test_retained_resources_are_found_in_every_operation(self):
        first = event("Orders", "DELETE_SKIPPED", token="deploy-0", kind="AWS::DynamoDB::Table")
        version = event("Version", "DELETE_SKIPPED", kind="AWS::Lambda::Version")
        found = events.retained(Pages([first, version, event("Queue", "DELETE_COMPLETE")]), "id")
        assert found == {"shop-Orders": first}


def queue_policy(queue, **more):
    return {"Type": "AWS::SQS::QueuePolicy", "Properties": {"Queues": [{"Ref": queue}]} | more}


class TestPolicyNames:
    def test_renamed_policy_keeps_its_deployed_name(self):
        new = {"MaySend": queue_policy("Invoices", PolicyDocument="new"), "Rule": {"Type": "R", "DependsOn": "MaySend"}}
        kept = policies.keep_names({"Resources": new}, {"TopicMaySend": queue_policy("Invoices")})
        assert kept["Resources"] == {
            "TopicMaySend": new["MaySend"],
            "Rule": {"Type": "R", "DependsOn": ["TopicMaySend"]},
        }

    def test_policy_of_another_owner_keeps_its_name(self):
        new = {"Resources": {"MaySend": queue_policy("Invoices"), "Other": queue_policy("Sales")}}
        before = {"Old": queue_policy("Points"), "Other": queue_policy("Invoices")}
        assert policies.keep_names(new, before) is new


class TestChanges:
    def test_summary_names_what_is_lost_first(self):
        found = changes.read(
            [
                change("Add", "NewQueue", "AWS::SQS::Queue"),
                change("Modify", "Relay", "AWS::Lambda::Function", Replacement="False"),
                change("Modify", "Orders", Replacement="True"),
                change("Remove", "OldQueue", "AWS::SQS::Queue"),
                change("Modify", "Schedule", "AWS::Scheduler::Schedule", Replacement="Conditional"),
            ]
        )
        assert changes.summary(found) == [
            "1 removed",
            "  OldQueue (AWS::SQS::Queue): loses messages that are not processed yet",
            "1 replaced",
            "  Orders (AWS::DynamoDB::Table): loses its items",
            "1 perhaps replaced",
            "  Schedule (AWS::Scheduler::Schedule)",
            "1 changed",
            "  Relay (AWS::Lambda::Function)",
            "1 added",
            "  NewQueue (AWS::SQS::Queue)",
        ]

    def test_first_deployment_is_counted_and_not_listed(self):
        found = changes.read(change("Add", f"Queue{n}", "AWS::SQS::Queue") for n in range(300))
        assert changes.summary(found) == ["300 added"]

    def test_long_list_of_harmless_changes_is_shortened(self):
        found = changes.read(change("Modify", f"F{n:02}", "AWS::Lambda::Function") for n in range(25))
        assert changes.summary(found)[-1] == "  and 5 more" and len(changes.summary(found)) == 22

    @pytest.mark.parametrize("kind", sorted(changes.STATEFUL))
    @pytest.mark.parametrize("how", [{"Action": "Remove"}, {"Replacement": "True"}])
    def test_loss_of_a_stateful_resource_needs_its_own_confirmation(self, kind, how):
        found = changes.read([change("Modify", "Thing", kind, **how)])
        with pytest.raises(ConfirmationNeeded, match=r"Thing, with what they hold.* CONFIRM=Thing"):
            changes.require_confirmation(found, frozenset({"Other"}), "demo")
        changes.require_confirmation(found, frozenset({"Thing"}), "demo")
        changes.require_confirmation(found, frozenset({"demo"}), "demo")

    @pytest.mark.parametrize(
        ("kind", "recreation", "asks"),
        [
            ("AWS::DynamoDB::Table", "Conditionally", True),
            ("AWS::S3::Bucket", "Always", True),
            ("AWS::CloudFront::Distribution", "Conditionally", False),
            ("AWS::Lambda::Function", "Always", False),
        ],
    )
    def test_conditional_replacement_asks_where_data_could_be_lost(self, kind, recreation, asks):
        details = [{"Target": {"Attribute": "Properties", "Name": "X", "RequiresRecreation": recreation}}]
        (found,) = changes.read([change("Modify", "Thing", kind, Replacement="Conditional", Details=details)])
        assert bool(found.loses) is asks

    def test_harmless_changes_need_no_confirmation(self):
        found = changes.read([change("Add", "Orders"), change("Modify", "Carts", Replacement="False")])
        changes.require_confirmation(found, frozenset(), "prod")


class TestParameters:
    DECLARED = {"Sender": {"Description": "Who sends."}, "Hours": {"Default": 20}, "Mark": {"NoEcho": True}}
    BEFORE = {"Sender": "old@a.example", "Hours": "5", "Mark": parameters.HIDDEN, "Dropped": "x"}

    def test_given_value_wins_and_all_others_are_kept(self):
        given = {"Sender": "new@a.example"}
        assert parameters.of_request(self.DECLARED, given, self.BEFORE, is_update=True) == [
            {"ParameterKey": "Sender", "ParameterValue": "new@a.example"},
            {"ParameterKey": "Hours", "UsePreviousValue": True},
            {"ParameterKey": "Mark", "UsePreviousValue": True},
        ]

    def test_values_of_a_stack_that_was_never_created_are_repeated(self):
        request = parameters.of_request(self.DECLARED, {"Mark": "m"}, self.BEFORE, is_update=False)
        assert {each["ParameterKey"]: each.get("ParameterValue") for each in request} == {
            "Sender": "old@a.example", "Hours": "5", "Mark": "m",
        }  # fmt: skip

    def test_hidden_value_is_never_sent_as_stars(self):
        with pytest.raises(ValueMissing, match="Mark"):
            parameters.of_request(self.DECLARED, {}, self.BEFORE, is_update=False)

    def test_parameter_without_any_value_is_refused(self):
        with pytest.raises(ValueMissing, match=r"The parameter Sender has no value\. Who sends\."):
            parameters.of_request(self.DECLARED, {"Mark": "m"}, {}, is_update=True)

    def test_effective_values_follow_the_same_precedence(self):
        assert parameters.effective(self.DECLARED, {"Sender": "new"}, self.BEFORE) == {
            "Sender": "new", "Hours": "5", "Mark": parameters.HIDDEN,
        }  # fmt: skip
        assert parameters.effective(self.DECLARED, {}, {}) == {"Hours": "20"}


def test_bucket_of_us_east_1_is_created_without_a_location():
    """S3 refuses an empty CreateBucketConfiguration (API reference, CreateBucket)."""
    calls = []

    class S3:
        def __getattr__(self, name):
            return lambda **arguments: calls.append((name, arguments))

    for region in ("us-east-1", "eu-west-1"):
        store = object.__new__(artifacts.Artifacts)
        store._s3, store._region, store.bucket = S3(), region, f"artifacts-{region}"
        store._create_bucket()
    made = [arguments for name, arguments in calls if name == "create_bucket"]
    assert made[0] == {"Bucket": "artifacts-us-east-1"}
    assert made[1]["CreateBucketConfiguration"] == {"LocationConstraint": "eu-west-1"}


@pytest.fixture(scope="module")
def session():
    return boto3.Session("test", "test", region_name="eu-west-1")


class TestSettling:
    """Operations on a stack against botocore's stubbed client: its waiters are the real ones."""

    @pytest.fixture
    def operation(self, session):
        lines = []
        operation = stack.Operation(session, "shop", lines.append, stack.Options(poll_seconds=0))
        with Stubber(operation._cloudformation) as stubbed:
            yield operation, stubbed, lines
            stubbed.assert_no_pending_responses()

    def describe(self, stubbed, *statuses):
        for status in statuses:
            found = {"StackName": "shop", "StackId": "id", "CreationTime": NOW, "StackStatus": status}
            stubbed.add_response("describe_stacks", {"Stacks": [found]})

    @pytest.mark.parametrize(
        ("running", "end"),
        [
            ("CREATE_IN_PROGRESS", "CREATE_COMPLETE"),
            ("ROLLBACK_IN_PROGRESS", "ROLLBACK_COMPLETE"),
            ("UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"),
            ("UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE"),
            ("DELETE_IN_PROGRESS", "DELETE_FAILED"),
            ("IMPORT_IN_PROGRESS", "IMPORT_COMPLETE"),
        ],
    )
    def test_operation_in_progress_is_waited_for(self, operation, running, end):
        operation, stubbed, lines = operation
        self.describe(stubbed, running, running, end, end)
        assert operation.settled()["StackStatus"] == end
        assert lines == [f"stack shop is {running}: waiting for the end of an earlier operation"]

    def test_stack_that_is_being_deleted_does_not_exist_afterwards(self, operation):
        operation, stubbed, _ = operation
        self.describe(stubbed, "DELETE_IN_PROGRESS", "DELETE_COMPLETE")
        stubbed.add_client_error("describe_stacks", "ValidationError", "Stack with id shop does not exist")
        assert operation.settled() is None

    def test_stack_in_review_is_not_waited_for(self, operation):
        operation, stubbed, _ = operation
        self.describe(stubbed, "REVIEW_IN_PROGRESS")
        assert operation.settled()["StackStatus"] == "REVIEW_IN_PROGRESS"

    def test_refused_credentials_are_not_taken_for_a_missing_stack(self, operation):
        operation, stubbed, _ = operation
        stubbed.add_client_error("describe_stacks", "AccessDenied", "not allowed")
        with pytest.raises(ClientError):
            operation.settled()


class TestStripeKey:
    """A rotated key is kept, even if the environment of the next deployment holds another one."""

    class Store:
        """The parameter store, with the key that is stored."""

        def __init__(self, kept):
            self.kept, self.exceptions = kept, self

        class ParameterNotFound(Exception):
            pass

        def client(self, service):
            return self

        def get_parameter(self, Name, WithDecryption):
            if self.kept is None:
                raise self.ParameterNotFound
            return {"Parameter": {"Value": self.kept}}

        def put_parameter(self, Name, Value, Type, Overwrite):
            assert Type == "SecureString" and Overwrite is (self.kept is not None)
            self.kept = Value

    @pytest.mark.parametrize(
        ("kept", "given", "replace", "used"),
        [
            (None, "sk_1", False, "sk_1"),
            ("sk_rotated", "sk_1", False, "sk_rotated"),
            ("sk_rotated", "", False, "sk_rotated"),
            ("sk_old", "sk_new", True, "sk_new"),
        ],
    )
    def test_key_is_stored_only_if_missing_or_to_be_replaced(self, kept, given, replace, used):
        store = self.Store(kept)
        assert stripe_key.ensure(store, "shop", given, replace) == used == store.kept

    @pytest.mark.parametrize("replace", [False, True])
    def test_deployment_without_any_key_is_refused(self, replace):
        with pytest.raises(stripe_key.KeyMissing, match="STRIPE_SECRET_KEY"):
            stripe_key.ensure(self.Store(None), "shop", "", replace)


@pytest.mark.parametrize(
    ("kind", "gigabytes", "cost"),
    [
        ("AWS::DynamoDB::Table", 10, "4.68 EUR"),
        ("AWS::DynamoDB::Table", 0, "under 0.01 EUR"),
        ("AWS::S3::Bucket", None, "0.023 EUR for each GB"),
        ("AWS::IAM::Role", None, "nothing"),
    ],
)
def test_cost_of_what_is_kept_is_in_the_stages_currency(kind, gigabytes, cost):
    assert Kept(kind, "name", gigabytes, "").cost(Costs(currency="EUR", per_dollar=0.9)) == cost


def test_pages_that_do_not_build_leave_aws_untouched(tmp_path, monkeypatch):
    class Calls:
        made = []

        def client(self, service):
            return self

        def describe_stacks(self, StackName):
            return {"Stacks": [{"Parameters": []}]}

        def __getattr__(self, name):
            return lambda **arguments: self.made.append(name)

    def build(progress):
        raise storefront.BuildFailed("src/main.ts: error")

    asked = aws.Request(Stage(name="demo", region="eu-west-1"), stripe_secret_key="sk_test_1")
    asked.__dict__["templates"] = ({"Parameters": {}, "Resources": {}}, {"Outputs": {}})
    written = tmp_path / "sam.json"
    written.write_text("{}")
    monkeypatch.setattr(aws, "package", lambda stage, out: written)
    monkeypatch.setattr(aws.storefront, "build", build)
    with pytest.raises(storefront.BuildFailed):
        aws.deploy_stage(asked, Calls(), lambda line: None)
    assert Calls.made == []


def a_table(*indexes):
    by = [{"IndexName": f"by-{each}", "KeySchema": [{"AttributeName": each, "KeyType": "HASH"}]} for each in indexes]
    keys = [{"AttributeName": each, "AttributeType": "S"} for each in ("pk", *indexes)]
    return {"Type": "AWS::DynamoDB::Table", "Properties": {"AttributeDefinitions": keys, "GlobalSecondaryIndexes": by}}


@pytest.mark.parametrize(
    ("deployed", "released", "expected"),
    [
        (["a"], ["a", "b"], []),
        (["a"], ["a", "b", "c", "d"], [["a", "b"], ["a", "b", "c"]]),
        (["a"], ["b"], [["a", "b"]]),
        (["a", "b"], ["a"], []),
    ],
)
def test_indexes_are_added_to_a_deployed_table_one_at_a_time(deployed, released, expected):
    """CloudFormation template reference, "AWS::DynamoDB::Table": one index may be created or deleted per update."""
    before = {"Resources": {"Orders": a_table(*deployed), "Fine": a_table("x")}}
    template = {"Resources": {"Orders": a_table(*released), "Fine": a_table("x"), "New": a_table("a", "b", "c")}}
    steps = [step["Resources"] for step in indexes.steps(template, before)]
    assert steps == [{"Orders": a_table(*names), "Fine": a_table("x")} for names in expected]
