"""Limits that AWS enforces at deployment and the emulator does not, computed with realistic physical names."""

import json
from typing import Any

import pytest

from chalicelib.console.logs import GROUPS_AT_ONCE

from .physical import Physical, compact_size
from .template import FUNCTION, environment_of, listed, managed_policies, of_type, referred

IAM = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"
INLINE_LIMIT = 10_240
"""All inline policies of a role, white space excluded: IAM."""
MANAGED_LIMIT, MANAGED_PER_ROLE = 6_144, 10
TRUST_LIMIT = 2_048
CLOUDFORMATION = "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"
TEMPLATE_LIMIT, RESOURCES, OUTPUTS, PARAMETERS, MAPPED_NAME = 1_000_000, 500, 200, 200, 255
HEADROOM = 0.95
ENVIRONMENT_LIMIT = 4_096
"""https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html, environment variables, in total."""
ADVANCED_PARAMETER_LIMIT = 8_192
"""https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html"""
QUERIED_GROUPS = 50
"""https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_StartQuery.html, logGroupNames."""
PATTERN_LIMIT = 2_048
"""https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html, event pattern size."""
DEFINITION_LIMIT = 1_048_576
"""https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html, state machine definition."""
NAME_LIMITS = {
    "AWS::Lambda::Function": 64,
    "AWS::IAM::Role": 64,
    "AWS::SQS::Queue": 80,
    "AWS::StepFunctions::StateMachine": 80,
    "AWS::Events::Rule": 64,
    "AWS::Events::Archive": 48,
    "AWS::Scheduler::Schedule": 64,
    "AWS::CloudFront::Function": 64,
}
"""Longest names that we give: API references of each service."""


@pytest.fixture
def physical(template, stage):
    return Physical(template, stage)


def test_inline_policies_of_each_role_fit_into_aws_limit(template, physical):
    documents: dict[str, list[Any]] = {
        name: [policy["PolicyDocument"] for policy in role.get("Policies", [])]
        for name, role in of_type(template, "AWS::IAM::Role").items()
    }
    for policy in of_type(template, "AWS::IAM::Policy").values():
        for role in policy["Roles"]:
            documents[referred(role)].append(policy["PolicyDocument"])
    sizes = {role: sum(compact_size(physical.resolved(each)) for each in found) for role, found in documents.items()}
    assert {role: size for role, size in sizes.items() if size > INLINE_LIMIT} == {}


def test_trust_policy_of_each_role_fits_into_aws_limit(template, physical):
    roles = of_type(template, "AWS::IAM::Role")
    sizes = {name: compact_size(physical.resolved(role["AssumeRolePolicyDocument"])) for name, role in roles.items()}
    assert {name: size for name, size in sizes.items() if size > TRUST_LIMIT} == {}


def test_managed_policies_fit_into_aws_limits(template, physical):
    policies = of_type(template, "AWS::IAM::ManagedPolicy")
    sizes = {name: compact_size(physical.resolved(policy["PolicyDocument"])) for name, policy in policies.items()}
    assert {name: size for name, size in sizes.items() if size > MANAGED_LIMIT} == {}
    roles = [referred(role) for policy in policies.values() for role in policy.get("Roles", [])]
    roles += [name for name, role in of_type(template, "AWS::IAM::Role").items() for _ in managed_policies(role)]
    assert {role: roles.count(role) for role in roles if roles.count(role) > MANAGED_PER_ROLE} == {}


def test_template_after_the_sam_transform_fits_into_cloudformation(template, final):
    """The template is uploaded to S3 as `json.dumps` writes it, and SAM's result counts too."""
    assert max(len(json.dumps(template)), len(json.dumps(final))) <= TEMPLATE_LIMIT * HEADROOM
    assert len(final["Resources"]) <= RESOURCES * HEADROOM
    assert len(final.get("Outputs", {})) <= OUTPUTS
    assert len(final.get("Parameters", {})) <= PARAMETERS
    names = [*final["Resources"], *final.get("Outputs", {}), *final.get("Parameters", {})]
    assert [name for name in names if len(name) > MAPPED_NAME or not name.isalnum()] == []


def test_api_has_one_stage_after_the_sam_transform(final):
    """SAM adds a stage named `Stage` to an API without OpenApiVersion: SAM specification, Globals section."""
    stages = of_type(final, "AWS::ApiGateway::Stage") | of_type(final, "AWS::ApiGatewayV2::Stage")
    apis = sorted(referred(stage.get("RestApiId") or stage["ApiId"]) for stage in stages.values())
    assert apis == ["HttpApi", "LiveApi", "RestAPI"]
    assert [deployment.get("StageName") for deployment in of_type(final, "AWS::ApiGateway::Deployment").values()] == [
        None
    ]


def test_environment_of_each_function_fits_into_lambda(template, physical):
    sizes = {
        name: sum(
            len(key) + len(str(value)) for key, value in physical.resolved(environment_of(template, name)).items()
        )
        for name in of_type(template, FUNCTION)
    }
    assert {name: size for name, size in sizes.items() if size > ENVIRONMENT_LIMIT} == {}


def test_parameter_fits_into_the_parameter_store(template, physical):
    parameters = of_type(template, "AWS::SSM::Parameter")
    assert parameters
    for name, parameter in parameters.items():
        assert parameter["Tier"] == "Intelligent-Tiering", name
        assert len(physical.resolved(parameter["Value"])) <= ADVANCED_PARAMETER_LIMIT * HEADROOM, name


def test_log_query_covers_the_groups_of_all_functions(template):
    """Logs Insights refuses a query over more groups, and `Logs` names at most as many."""
    assert len(of_type(template, FUNCTION)) <= QUERIED_GROUPS == GROUPS_AT_ONCE


def test_event_patterns_and_workflow_definitions_fit(template, physical):
    for name, rule in of_type(template, "AWS::Events::Rule").items():
        pattern = physical.resolved(rule["EventPattern"])
        assert len(pattern if isinstance(pattern, str) else json.dumps(pattern)) <= PATTERN_LIMIT, name
    for name, machine in of_type(template, "AWS::StepFunctions::StateMachine").items():
        assert len(machine["DefinitionString"]) <= DEFINITION_LIMIT * HEADROOM, name


def test_names_that_the_template_gives_are_short_enough(final, stage):
    physical = Physical(final, stage)
    for kind, limit in NAME_LIMITS.items():
        for name, properties in of_type(final, kind).items():
            keys = [key for key in properties if key in (f"{kind.split('::')[2]}Name", "Name", "StateMachineName")]
            assert all(len(str(physical.resolved(properties[key]))) <= limit for key in keys), name


def test_retained_resources_have_no_fixed_name(template):
    """It outlives its stack, and its name would block the stack's next creation.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html
    """
    for name, resource in template["Resources"].items():
        if "Retain" in resource.get("DeletionPolicy", ""):
            given = [key for key in resource.get("Properties", {}) if key.endswith("Name")]
            assert given == [] or resource["Type"] == "AWS::Cognito::UserPool", (name, given)


def test_event_rules_publish_to_topics_whose_policy_has_no_condition(template):
    """EventBridge user guide, troubleshooting: "you can't use of Condition blocks in Amazon SNS topic policies".

    A RoleArn on the target would not help: the guide's page eb-use-resource-based advises against it for SNS.
    """
    targets = [target for rule in of_type(template, "AWS::Events::Rule").values() for target in rule["Targets"]]
    topics = {referred(target["Arn"]) for target in targets} & set(of_type(template, "AWS::SNS::Topic"))
    assert topics == {"CompletedOrders", "StaffTopic"}
    policies = of_type(template, "AWS::SNS::TopicPolicy").values()
    for topic in topics:
        [policy] = [policy for policy in policies if {"Ref": topic} in policy["Topics"]]
        statements = listed(policy["PolicyDocument"]["Statement"])
        assert [statement.get("Condition") for statement in statements] == [None], topic
    assert [target["Id"] for target in targets if "RoleArn" in target] == []
