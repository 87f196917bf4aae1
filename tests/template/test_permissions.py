"""Permissions: the AWS emulator (MiniStack) enforces the functions' own policies. These tests read those of the state
machine, of rules that send to queues, and of the API that invokes functions from the template."""

import json
import re

import pytest

from chalicelib.analytics.store import FUNNEL
from infra.build.guards import TLS_ONLY

from .template import (
    FIND_STREAMS,
    FUNCTION,
    IMAGES,
    MAKE_LOG_GROUP,
    MAPPING,
    QUEUE,
    READ_QUEUE,
    READ_STREAM,
    SAMPLE_TRACES,
    TOPIC,
    WRITE_LOGS,
    WRITE_TRACES,
    allowed,
    listed,
    log_group_of,
    of_type,
    queue_subscriptions,
    referred,
    role_of,
    statements,
)

MACHINES = {
    "OrderFulfilment": "ParkedOrdersQueue",
    "OrderUndo": "ParkedOrdersQueue",
    "OrderReturn": "ParkedOrdersQueue",
    "ImportSmall": "ImportsQueue",
    "ImportLarge": "ImportRowsQueue",
}
"""Workflows, and the queue to which each sends what it cannot settle."""
DISTRIBUTED_MAP = {
    "s3:GetObject": "${ImportsBucket.Arn}/batches/*",
    "states:StartExecution": ":stateMachine:${AWS::StackName}-import-large",
    "states:DescribeExecution": ":execution:${AWS::StackName}-import-large:*",
    "states:StopExecution": ":execution:${AWS::StackName}-import-large:*",
    "states:RedriveExecution": ":execution:${AWS::StackName}-import-large/Batches:*",
}
"""What the role of a Distributed Map may beside its tasks, and the end of each resource: AWS Step Functions developer
guide, "IAM policies for using Distributed Map states"."""
DELIVER_LOGS = {
    "logs:CreateLogDelivery", "logs:GetLogDelivery", "logs:UpdateLogDelivery", "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:DescribeResourcePolicies", "logs:DescribeLogGroups",
}  # fmt: skip
"""https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html, IAM policies for logging to CloudWatch Logs."""
KNOW_NO_RESOURCES = WRITE_TRACES | SAMPLE_TRACES | {"logs:GetQueryResults", "cloudwatch:GetMetricData"} | DELIVER_LOGS
"""AWS takes nothing but `*` for these. Metrics are counts, and the id of a query is known to who started it."""


def _targets(machine):
    """The resources that the definition's Resource, FunctionName and QueueUrl stand for."""
    substitutions = machine["DefinitionSubstitutions"]
    pattern = r'"(Resource|FunctionName|QueueUrl)": "\$\{(\w+)\}"'
    found = re.findall(pattern, machine["DefinitionString"])
    queues = {referred(substitutions[name]) for key, name in found if key == "QueueUrl"}
    return {referred(substitutions[name]) for key, name in found if key != "QueueUrl"}, queues


@pytest.mark.parametrize("name", MACHINES)
def test_state_machine_role_allows_exactly_what_its_definition_needs(template, name):
    machine = of_type(template, "AWS::StepFunctions::StateMachine")[name]
    may = allowed(template, referred(machine["RoleArn"]))
    functions, queues = _targets(machine)
    assert len(functions) >= 2
    assert queues == {MACHINES[name]}
    distributed = DISTRIBUTED_MAP if '"DISTRIBUTED"' in machine["DefinitionString"] else {}
    assert set(may) == {"lambda:InvokeFunction", "sqs:SendMessage", *distributed}
    for action, resource in distributed.items():
        assert [each["Fn::Sub"].endswith(resource) for each in may[action]] == [True], action
    assert {referred(resource) for resource in may["lambda:InvokeFunction"]} == functions
    assert {referred(resource) for resource in may["sqs:SendMessage"]} == queues


def test_state_machines_are_all_known(template):
    assert set(of_type(template, "AWS::StepFunctions::StateMachine")) == set(MACHINES)


@pytest.mark.parametrize("name", MACHINES)
def test_state_machine_is_the_only_one_to_assume_its_role(template, name):
    role = of_type(template, "AWS::IAM::Role")[f"{name}Role"]
    (trusted,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trusted["Principal"] == {"Service": "states.amazonaws.com"}


def test_scheduler_may_invoke_its_jobs_and_nothing_else(template):
    schedules = of_type(template, "AWS::Scheduler::Schedule").values()
    assert {referred(schedule["Target"]["RoleArn"]) for schedule in schedules} == {"ScheduleRole"}
    may = allowed(template, "ScheduleRole")
    assert set(may) == {"lambda:InvokeFunction", "sqs:SendMessage"}
    jobs = {referred(schedule["Target"]["Arn"]) for schedule in schedules}
    assert len(jobs) >= 2
    assert {referred(resource) for resource in may["lambda:InvokeFunction"]} == jobs
    missed = {referred(schedule["Target"]["DeadLetterConfig"]["Arn"]) for schedule in schedules}
    assert {referred(resource) for resource in may["sqs:SendMessage"]} == missed


def _deliveries(template):
    """Every (rule, queue or topic) where a rule sends to: its targets, and where undeliverable events go."""
    for rule, properties in of_type(template, "AWS::Events::Rule").items():
        for target in properties["Targets"]:
            yield rule, referred(target["Arn"])
            yield rule, referred(target["DeadLetterConfig"]["Arn"])


def _may_deliver(template, source, target, service="events.amazonaws.com"):
    """Whether the target's own policy lets this rule or topic in."""
    policies = [(p["Queues"], p, "sqs:SendMessage") for p in of_type(template, "AWS::SQS::QueuePolicy").values()]
    policies += [(p["Topics"], p, "sns:Publish") for p in of_type(template, "AWS::SNS::TopicPolicy").values()]
    return any(
        statement["Effect"] == "Allow"
        and statement["Principal"] == {"Service": service}
        and action in listed(statement["Action"])
        and target in map(referred, listed(statement["Resource"]))
        and ("Condition" not in statement if action == "sns:Publish" else _is_from(statement["Condition"], source))
        for targets, policy, action in policies
        if {"Ref": target} in targets
        for statement in policy["PolicyDocument"]["Statement"]
    )


def _is_from(condition, rule):
    """From this very rule or topic, or from any rule of our bus."""
    match condition:
        case {"ArnEquals": {"aws:SourceArn": source}}:
            return rule in map(referred, listed(source))
        case {"ArnLike": {"aws:SourceArn": {"Fn::Sub": pattern}}}:
            return pattern.endswith(":${AWS::AccountId}:rule/${EventBus}/*")
    return False


def test_queue_has_one_policy(template):
    """A second one would take the place of the first."""
    policies = of_type(template, "AWS::SQS::QueuePolicy").values()
    queues = [referred(queue) for policy in policies for queue in policy["Queues"]]
    assert len(set(queues)) == len(queues)


def test_rule_may_send_to_its_queues_and_topics_and_their_dead_letters(template):
    deliveries = set(_deliveries(template))
    assert len(deliveries) >= 4
    assert {target for _, target in deliveries} <= set(of_type(template, QUEUE)) | set(of_type(template, TOPIC))
    assert [pair for pair in deliveries if not _may_deliver(template, *pair)] == []


def test_topic_may_send_to_its_queues_and_their_dead_letters(template):
    subscriptions = queue_subscriptions(template).values()
    deliveries = {(referred(each["TopicArn"]), referred(each["Endpoint"])) for each in subscriptions}
    deliveries |= {
        (referred(each["TopicArn"]), referred(each["RedrivePolicy"]["deadLetterTargetArn"])) for each in subscriptions
    }
    assert len(deliveries) >= 5
    assert [pair for pair in deliveries if not _may_deliver(template, *pair, "sns.amazonaws.com")] == []


def test_service_may_send_to_a_queue_for_a_named_source_only(template):
    for properties in of_type(template, "AWS::SQS::QueuePolicy").values():
        for statement in properties["PolicyDocument"]["Statement"]:
            assert set(statement["Principal"]) == {"Service"}
            ((_, condition),) = statement["Condition"].items()
            assert condition["aws:SourceArn"]


def test_api_may_invoke_its_function(template):
    permissions = of_type(template, "AWS::Lambda::Permission").values()
    permission, of_http_api = [p for p in permissions if referred(p["FunctionName"]) == "APIHandlerAliaslive"]
    assert of_http_api["SourceArn"]["Fn::Sub"].endswith(":${HttpApi}/*")
    assert permission["Principal"] == "apigateway.amazonaws.com"
    assert permission["Action"] == "lambda:InvokeFunction"
    source, names = permission["SourceArn"]["Fn::Sub"]
    assert source.endswith(":${RestAPIId}/*")
    assert names == {"RestAPIId": {"Ref": "RestAPI"}}


def test_invoke_permissions_name_a_source_of_this_account(template):
    permissions = of_type(template, "AWS::Lambda::Permission")
    assert len(permissions) >= 2
    for name, permission in permissions.items():
        assert permission["Action"] == "lambda:InvokeFunction", name
        assert permission["Principal"].endswith(".amazonaws.com"), name
        assert "${" in json.dumps(permission["SourceArn"]) or referred(permission["SourceArn"]), name


def test_function_may_write_its_own_log_and_no_other(template):
    for function in of_type(template, FUNCTION):
        may = allowed(template, role_of(template, function))
        for action in WRITE_LOGS:
            assert may[action] == [log_group_of(function)], function
        assert MAKE_LOG_GROUP not in may, "a group that a function makes is kept for ever"


def test_storefront_bucket_is_readable_by_the_distribution_only(template):
    policy = of_type(template, "AWS::S3::BucketPolicy")["StorefrontBucketPolicy"]
    (statement,) = (each for each in policy["PolicyDocument"]["Statement"] if each["Effect"] == "Allow")
    assert statement["Principal"] == {"Service": "cloudfront.amazonaws.com"}
    assert statement["Action"] == "s3:GetObject"
    assert "distribution/${Distribution}" in json.dumps(statement["Condition"]["StringEquals"]["AWS:SourceArn"])


def test_readers_may_read_their_source_and_send_dead_letters(template):
    for mapping in of_type(template, MAPPING).values():
        may = allowed(template, role_of(template, referred(mapping["FunctionName"])))
        source = mapping["EventSourceArn"]
        of_queue = referred(source) in of_type(template, QUEUE)
        for action in READ_QUEUE if of_queue else READ_STREAM:
            assert source in may[action]
        assert of_queue or FIND_STREAMS in may
        if "DestinationConfig" in mapping:
            assert mapping["DestinationConfig"]["OnFailure"]["Destination"] in may["sqs:SendMessage"]


def test_roles_allow_no_wildcard_actions_or_resources(template):
    found = [(name, each) for name, each in statements(template) if each.get("Sid") != TLS_ONLY]
    assert len(found) > 40
    for name, statement in found:
        actions = set(listed(statement["Action"]))
        assert statement["Effect"] == "Allow" and "NotAction" not in statement, name
        assert not any("*" in action for action in actions), (name, actions)
        assert "*" not in listed(statement["Resource"]) or actions <= KNOW_NO_RESOURCES, (name, actions)
        assert "*" not in json.dumps(statement.get("Principal", "")), name


def test_api_writes_only_steps_events_and_points_of_the_insights(template):
    """The AWS emulator ignores this condition."""
    table = {"Fn::GetAtt": ["InsightsTable", "Arn"]}
    changing = {"dynamodb:UpdateItem", "dynamodb:PutItem", "dynamodb:DeleteItem", "dynamodb:BatchWriteItem"}
    found = {
        tuple(listed(statement["Action"])): statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
        for name, statement in statements(template)
        if name == "ApiHandlerRole"
        and table in listed(statement["Resource"])
        and changing & set(listed(statement["Action"]))
    }
    assert found == {
        ("dynamodb:UpdateItem",): [FUNNEL, "ORDER#*", "POINTS"],
        ("dynamodb:DeleteItem",): ["CUSTOMER#*"],
    }


def test_auditor_only_reads_and_sees_all_dead_letters(template):
    if "AuditorRole" not in template["Resources"]:
        return
    policies = of_type(template, "AWS::IAM::Policy").values()
    attached = [s for p in policies if {"Ref": "AuditorRole"} in p["Roles"] for s in p["PolicyDocument"]["Statement"]]
    may = allowed(template, "AuditorRole")
    actions = set(may) | {action for statement in attached for action in listed(statement["Action"])}
    assert actions - WRITE_LOGS == {
        "dynamodb:Scan", "states:ListExecutions", "cloudformation:DescribeStacks", "ssm:GetParameter",
        "sqs:GetQueueAttributes",
    }  # fmt: skip
    seen = {referred(queue) for statement in attached for queue in listed(statement["Resource"])}
    urls = template["Outputs"]["DeadLetterQueueUrls"]["Value"]["Fn::Join"][1]
    assert seen == {referred(url) for url in urls}
    # Orders have their workflows. Those of imports are no part of the audit.
    assert {referred(machine) for machine in may["states:ListExecutions"]} == set(MACHINES) - {
        "ImportSmall",
        "ImportLarge",
    }


def test_function_has_a_role_of_its_own(template):
    functions = of_type(template, FUNCTION).keys() - IMAGES
    assert len({role_of(template, name) for name in functions}) == len(functions)


def test_retained_resources_can_be_protected_from_deletion(template):
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::DynamoDB::Table" and "DeletionPolicy" in resource:
            assert resource["Properties"]["DeletionProtectionEnabled"] == {"Fn::If": ["IsProtected", True, False]}, name
            assert resource["Properties"]["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"], name
    pool = template["Resources"]["UserPool"]["Properties"]
    assert pool["DeletionProtection"] == {"Fn::If": ["IsProtected", "ACTIVE", "INACTIVE"]}


MAY_INVOKE = {
    # Who waits: the console shows the answer of an audit that an operator started. Only `local` and `demo` have it.
    "ApiMayAudit": {"Auditor"},
    # Likewise the reports of the optional reporting stack: the API's function stays outside of the database's network.
    "ApiMayReport": {"${AWS::StackName}-reporting-reports"},
    # A redrive starts a job that failed, as an event: the console does not wait for it.
    "OperateQueues": None,
}
"""Permissions of functions to invoke functions: the policy, and the functions; None stands for scheduled jobs."""


def test_no_function_invokes_another_except_the_named_ones(template):
    """A function that waits for another is billed for both, fails with it, and takes twice the concurrency: AWS Lambda
    operator guide, "Anti-patterns in Lambda-based applications", Lambda functions calling Lambda functions."""
    services = {name for name, role in of_type(template, "AWS::IAM::Role").items() if not _is_of_functions(role)}
    found = {}
    for name, statement in statements(template):
        actions = [action for action in listed(statement["Action"]) if re.match(r"\*|lambda:(\*|inv)", action, re.I)]
        if actions and name not in services:
            assert actions == ["lambda:InvokeFunction"], name
            found.setdefault(name, set()).update(_invoked(resource) for resource in listed(statement["Resource"]))
    jobs = {referred(schedule["Target"]["Arn"]) for schedule in of_type(template, "AWS::Scheduler::Schedule").values()}
    expected = {name: functions or jobs for name, functions in MAY_INVOKE.items()}
    assert found == {name: functions for name, functions in expected.items() if name in template["Resources"]}


def _invoked(resource):
    """Return the logical id of a function, or its name if it is in another stack."""
    return resource["Fn::Sub"].partition(":function:")[2] if "Fn::Sub" in resource else referred(resource)


def _is_of_functions(role):
    return "lambda.amazonaws.com" in json.dumps(role["AssumeRolePolicyDocument"])
