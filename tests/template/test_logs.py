"""Logs: every group has the stage's retention, exists before its writer, and holds no personal data."""

import json
import re

from .template import FUNCTION, allowed, of_type, role_of

GROUP = "AWS::Logs::LogGroup"
RETENTION = {"Ref": "LogRetentionDays"}
ACCESS_LOG_SETTINGS = {"RestAPI": "AccessLogSetting", "LiveStage": "AccessLogSettings"}
PERSONAL = (
    "identity.sourceIp",
    "identity.userAgent",
    "context.path",
    "authorizer.claims",
    "querystring",
    "error.message",
)


def test_log_group_has_the_retention_of_its_stage(template):
    groups = of_type(template, GROUP)
    assert len(groups) > 40
    assert {name for name, group in groups.items() if group["RetentionInDays"] != RETENTION} == set()


def test_function_writes_to_a_group_that_exists_before_it(template):
    """Under the default name a function that runs first makes the group, and CloudFormation then fails to create it.

    https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-loggroups.html
    """
    for name, function in of_type(template, FUNCTION).items():
        group = function["LoggingConfig"]["LogGroup"]["Ref"]
        written = template["Resources"][group]["Properties"]["LogGroupName"]["Fn::Sub"]
        [pattern] = allowed(template, role_of(template, name))["logs:PutLogEvents"]
        assert re.fullmatch(re.escape(pattern["Fn::Sub"]).replace(r"\*", ".+"), _arn(written)), name


def test_function_logs_what_of_the_platform_its_stage_wants(template):
    """Levels need the format JSON, and apply to the platform's lines only: AWS Lambda developer guide, "Log-level
    filtering". The shop's own lines are JSON in either format."""
    assert template["Conditions"]["LogsEachInvocation"] == {"Fn::Equals": [{"Ref": "PlatformLogs"}, "All"]}
    for name, function in of_type(template, FUNCTION).items():
        setting = function["LoggingConfig"]
        assert setting["LogFormat"] == {"Fn::If": ["LogsEachInvocation", "Text", "JSON"]}, name
        assert setting["SystemLogLevel"] == {"Fn::If": ["LogsEachInvocation", {"Ref": "AWS::NoValue"}, "WARN"]}, name
        assert "ApplicationLogLevel" not in setting, name


def _arn(group):
    return "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:" + group + ":log-stream:x"


def test_access_logs_are_json_lines_without_personal_data(template):
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html"""
    for name, key in ACCESS_LOG_SETTINGS.items():
        line = template["Resources"][name]["Properties"][key]["Format"]
        assert set(json.loads(line)) >= {"request_id", "route", "status"}, name
        assert "\n" not in line and not [word for word in PERSONAL if word in line], name
        assert [field for field in json.loads(line).values() if not field.startswith("$context.")] == [], name


def test_stages_are_created_after_the_account_may_write_logs(template):
    """API Gateway refuses access logs while the account has no role for them: same page."""
    for name in ACCESS_LOG_SETTINGS:
        assert template["Resources"][name]["DependsOn"] == "ApiGatewayAccount", name
    [account] = of_type(template, "AWS::ApiGateway::Account").values()
    role = template["Resources"][account["CloudWatchRoleArn"]["Fn::GetAtt"][0]]
    assert role["DeletionPolicy"] == "RetainExceptOnCreate", "the account's setting outlives the stack"


def test_workflows_log_errors_without_their_data(template):
    """The prefix avoids the resource policy's limit: https://docs.aws.amazon.com/step-functions/latest/dg/bp-cwl.html"""
    for name, machine in of_type(template, "AWS::StepFunctions::StateMachine").items():
        logging = machine["LoggingConfiguration"]
        assert (logging["Level"], logging["IncludeExecutionData"]) == ("ERROR", False), name
        [destination] = logging["Destinations"]
        group = destination["CloudWatchLogsLogGroup"]["LogGroupArn"]["Fn::GetAtt"][0]
        written = template["Resources"][group]["Properties"]["LogGroupName"]["Fn::Sub"]
        assert written.startswith("/aws/vendedlogs/"), name
        policy = template["Resources"][name]["DependsOn"]
        assert template["Resources"][policy]["Properties"]["Roles"] == [{"Ref": f"{name}Role"}], name
