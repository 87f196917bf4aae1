"""CloudFormation: which states of a stack allow what, its events, and who may describe it."""

import json

import pytest

from tests.strict.conftest import allowed, eventually, failed_stack, refused

QUEUE = {"Type": "AWS::SQS::Queue"}
PAGE = 100


def template(**resources):
    return json.dumps({"Resources": resources})


@pytest.fixture
def stacks(session):
    return session.client("cloudformation")


def status(stacks, name):
    return stacks.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]


def test_stack_whose_creation_failed_can_only_be_deleted(session, stacks):
    failed_stack(session, "failed", Queue={"Type": "AWS::SQS::Queue", "Properties": {"DelaySeconds": "never"}})
    plan = {"StackName": "failed", "ChangeSetName": "change", "TemplateBody": template(Queue=QUEUE)}

    update = refused(stacks.update_stack, StackName="failed", TemplateBody=template(Queue=QUEUE))
    create = refused(stacks.create_stack, StackName="failed", TemplateBody=template(Queue=QUEUE))
    change = refused(stacks.create_change_set, **plan)
    creation = refused(stacks.create_change_set, **plan, ChangeSetType="CREATE")
    stacks.delete_stack(StackName="failed")
    stacks.get_waiter("stack_delete_complete").wait(StackName="failed", WaiterConfig={"Delay": 0.1})
    stacks.create_stack(StackName="failed", TemplateBody=template(Queue=QUEUE))

    assert update["Code"] == "ValidationError"
    assert update["Message"].endswith(" is in ROLLBACK_COMPLETE state and can not be updated.")
    assert change == update
    assert (create["Code"], creation["Code"]) == ("AlreadyExistsException", "ValidationError")


def test_stack_in_review_is_updated_by_its_change_set_only(stacks):
    plan = {"StackName": "review", "ChangeSetName": "first", "TemplateBody": template(Queue=QUEUE)}
    stacks.create_change_set(**plan, ChangeSetType="CREATE")

    update = refused(stacks.update_stack, StackName="review", TemplateBody=template(Queue=QUEUE))
    change = refused(stacks.create_change_set, **{**plan, "ChangeSetName": "second"})
    stacks.execute_change_set(StackName="review", ChangeSetName="first")

    assert update["Message"].endswith(" is in REVIEW_IN_PROGRESS state and can not be updated.")
    assert change["Message"] == "Stack [review] does not exist"
    assert eventually(lambda: status(stacks, "review") == "CREATE_COMPLETE")


def test_api_keeps_its_id_and_stage_when_its_routes_change(session, stacks):
    """The emulator's CloudFormation replaces the API otherwise (`infra/local/api_address.py`)."""

    def body(*paths):
        return {"swagger": "2.0", "info": {"title": "lasting"}, "paths": {path: {"get": {}} for path in paths}}

    def ids():
        return [api["id"] for api in gateway.get_rest_apis()["items"] if api["name"] == "lasting"]

    def described(*paths):
        api = {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Body": body(*paths)}}
        deployment = {"RestApiId": {"Ref": "Api"}, "StageName": "api"}
        return template(Api=api, Deployment={"Type": "AWS::ApiGateway::Deployment", "Properties": deployment})

    gateway, wait = session.client("apigateway"), {"StackName": "api", "WaiterConfig": {"Delay": 0.1}}
    stacks.create_stack(StackName="api", TemplateBody=described("/carts"))
    stacks.get_waiter("stack_create_complete").wait(**wait)
    (before,) = ids()

    stacks.update_stack(StackName="api", TemplateBody=described("/orders", "/products"))
    stacks.get_waiter("stack_update_complete").wait(**wait)

    assert ids() == [before]
    assert {each["path"] for each in gateway.get_resources(restApiId=before)["items"]} == {"/", "/orders", "/products"}
    assert [stage["stageName"] for stage in gateway.get_stages(restApiId=before)["item"]] == ["api"]


def test_events_of_a_stack_come_in_pages_with_the_newest_first(stacks):
    queues = {f"Queue{number}": QUEUE for number in range(PAGE // 2)}
    stacks.create_stack(StackName="large", TemplateBody=template(**queues), ClientRequestToken="deploy-1")
    eventually(lambda: status(stacks, "large") == "CREATE_COMPLETE")

    first = stacks.describe_stack_events(StackName="large")
    rest = stacks.describe_stack_events(StackName="large", NextToken=first["NextToken"])
    events = [*first["StackEvents"], *rest["StackEvents"]]

    assert (len(first["StackEvents"]), len(events)) == (PAGE, 2 * len(queues) + 2)
    assert [event["LogicalResourceId"] for event in (events[0], events[-1])] == ["large", "large"]
    assert {event["ClientRequestToken"] for event in events} == {"deploy-1"}


@pytest.mark.parametrize(("suffix", "may"), [("*", True), ("an-id", False)])
def test_stack_described_by_name_is_authorized_for_every_stack_of_that_name(session, stacks, suffix, may):
    stacks.create_stack(StackName=f"named-{may}", TemplateBody=template(Queue=QUEUE))
    resource = f"arn:aws:cloudformation:eu-west-1:*:stack/named-{may}/{suffix}"
    described = allowed(session, f"stack-{may}", "cloudformation:DescribeStacks", resource=resource).client(
        "cloudformation"
    )

    if may:
        assert described.describe_stacks(StackName="named-True")["Stacks"]
    else:
        assert refused(described.describe_stacks, StackName="named-False")["Code"] == "AccessDenied"


@pytest.mark.parametrize(("group", "may"), [("/aws/lambda/Shop-*", True), ("/aws/lambda/shop-*", False)])
def test_logs_are_authorized_for_their_group_with_its_case(session, group, may):
    session.client("logs").create_log_group(logGroupName=f"/aws/lambda/Shop-{may}")
    actions = ("logs:StartQuery", "logs:FilterLogEvents", "logs:DescribeLogGroups")
    logs = allowed(session, f"logs-{may}", *actions, resource=f"arn:aws:logs:*:*:log-group:{group}").client("logs")
    query = {
        "logGroupNames": [f"/aws/lambda/Shop-{may}"],
        "startTime": 0,
        "endTime": 1,
        "queryString": "fields @message",
    }

    if may:
        assert logs.start_query(**query)["queryId"]
        assert logs.filter_log_events(logGroupName=query["logGroupNames"][0])["events"] == []
    else:
        assert refused(logs.start_query, **query)["Code"] == "AccessDeniedException"
    # A listing is checked against a group without a name.
    assert refused(logs.describe_log_groups, logGroupNamePrefix="/aws/lambda/Shop-")["Code"] == "AccessDeniedException"
