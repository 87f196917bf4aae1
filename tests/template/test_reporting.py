"""The reporting stack: a private database that functions reach through the proxy, each as its own user."""

import json

import pytest

from chalicelib.platform import aws
from infra.build import reporting
from infra.build.template import merged_template
from infra.deploy.reporting import SHOP_OUTPUTS
from infra.local.reporting import localized
from infra.local.transform import Local

from .template import Template, of_type

USERS = {
    "ProjectOrders": "reporting_projector",
    "ProjectAdjustments": "reporting_projector",
    "Rebuild": "reporting_projector",
    "Reports": "reporting_reader",
    "Migrate": "reporting_owner",
}


@pytest.fixture(scope="module")
def template() -> Template:
    return reporting.template()


@pytest.fixture(scope="module")
def resources(template: Template) -> dict:
    return {name: each["Properties"] for name, each in template["Resources"].items()}


def test_database_scales_to_zero_and_the_proxy_demands_tls_and_iam(resources):
    """Aurora user guide, "Scaling to Zero ACUs with automatic pause and resume for Aurora Serverless v2": from
    engine 16.3 on, a minimum of 0, and 300 seconds at least. API reference, `CreateDBProxy`."""
    scaling = resources["Database"]["ServerlessV2ScalingConfiguration"]
    assert scaling["MinCapacity"] == 0 and scaling["SecondsUntilAutoPause"] >= 300
    assert resources["Database"]["EngineVersion"].startswith("17.")
    proxy = resources["Proxy"]
    assert proxy["RequireTLS"] is True and proxy["DefaultAuthScheme"] == "IAM_AUTH"
    assert [each["IAMAuth"] for each in proxy["Auth"]] == ["REQUIRED"]
    assert resources["Database"]["EnableIAMDatabaseAuthentication"] is True


def test_each_function_may_connect_as_its_own_user_only(template, resources):
    """Aurora user guide, "Connecting to a database through RDS Proxy": the resource is the proxy's id, `prx-…`."""
    for function, user in USERS.items():
        assert resources[function]["Environment"]["Variables"]["REPORTING_USER"] == user
        role = resources[resources[function]["Role"]["Fn::GetAtt"][0]]
        statements = [s for policy in role["Policies"] for s in policy["PolicyDocument"]["Statement"]]
        connect = [each["Resource"]["Fn::Sub"] for each in statements if each["Action"] == "rds-db:connect"]
        proxy_id = {"Fn::Select": [6, {"Fn::Split": [":", {"Fn::GetAtt": ["Proxy", "DBProxyArn"]}]}]}
        assert [text.rpartition("dbuser:")[2] for text, _ in connect] == [f"${{ProxyId}}/{user}"]
        assert [values for _, values in connect] == [{"ProxyId": proxy_id}]
    assert set(of_type(template, "AWS::Serverless::Function")) == USERS.keys()


def test_network_has_no_way_to_the_internet_and_only_the_proxy_reaches_the_database(template, resources):
    kinds = {each["Type"] for each in template["Resources"].values()}
    assert not kinds & {"AWS::EC2::InternetGateway", "AWS::EC2::NatGateway", "AWS::EC2::Route"}
    assert resources["DatabaseInstance"]["PubliclyAccessible"] is False
    sources = [each["SourceSecurityGroupId"] for each in resources["DatabaseGroup"]["SecurityGroupIngress"]]
    assert sources == [{"Fn::GetAtt": ["ProxyGroup", "GroupId"]}]
    assert template["Globals"]["Function"]["VpcConfig"]["SecurityGroupIds"] == [{"Ref": "FunctionsGroup"}]


def test_functions_end_before_who_waits_for_them(template, resources):
    """AWS Lambda developer guide, "Using Lambda with Amazon SQS": a visibility timeout of six times the function's. A
    borrowed connection must come, or be refused, within a function's time."""
    assert resources["OrderChangesQueue"]["VisibilityTimeout"] >= 6 * resources["ProjectOrders"]["Timeout"]
    assert resources["Reports"]["Timeout"] < aws.lambda_for_long_calls().meta.config.read_timeout
    borrowed = resources["ProxyTargets"]["ConnectionPoolConfigurationInfo"]["ConnectionBorrowTimeout"]
    assert borrowed < min(resources[name]["Timeout"] for name in USERS)


def test_shop_has_nothing_of_reporting_unless_it_is_turned_on():
    shop = merged_template("prod")
    assert shop["Parameters"]["Reporting"]["Default"] == "false"
    assert shop["Resources"]["ApiMayReport"]["Condition"] == "HasReporting"
    stream = shop["Resources"]["InventoryTable"]["Properties"]["StreamSpecification"]
    assert stream["Fn::If"] == ["HasReporting", {"StreamViewType": "NEW_IMAGE"}, {"Ref": "AWS::NoValue"}]
    assert "ReportingLayer" not in json.dumps(shop)


def test_stack_gets_its_parameters_from_outputs_of_the_shop(template):
    shop = merged_template("prod")["Outputs"]
    assert set(SHOP_OUTPUTS) <= shop.keys()
    required = {name for name, rule in template["Parameters"].items() if "Default" not in rule}
    assert required == {"ShopStack", *SHOP_OUTPUTS}


def test_shop_invokes_the_function_that_the_stack_names(resources):
    variables = merged_template("prod")["Resources"]["APIHandler"]["Properties"]["Environment"]["Variables"]
    shops = variables["REPORTS_FUNCTION"]["Fn::If"][1]["Fn::Sub"]
    assert shops.replace("AWS::StackName", "ShopStack") == resources["Reports"]["FunctionName"]["Fn::Sub"]


def test_local_stack_has_the_same_functions_on_this_machine(template):
    local = localized(template, Local(4566), 4568)
    text = json.dumps(local)
    assert "AWS::RDS" not in text and "AWS::EC2" not in text and '"Proxy"' not in text
    functions = of_type(local, "AWS::Serverless::Function")
    assert {name: each["Handler"] for name, each in functions.items()} == {
        name: each["Handler"] for name, each in of_type(template, "AWS::Serverless::Function").items()
    }
    assert local["Globals"]["Function"]["Environment"]["Variables"]["REPORTING_PORT"] == "4568"
