"""Gradual releases: API and workflows are reached by aliases of published versions, which move step by step in prod."""

import json

from infra.build.releases import ALIAS, MACHINE, is_standard
from infra.deploy import stages
from infra.deploy.release import stamped
from infra.local.transform import Local, localized

from .physical import transformed
from .template import FUNCTION, environment_of, of_type, referred

VERSION, WORKFLOW_ALIAS = "AWS::StepFunctions::StateMachineVersion", "AWS::StepFunctions::StateMachineAlias"
ROLLOUT = {"local": "AllAtOnce", "demo": "AllAtOnce", "prod": "Canary"}


def test_stage_has_its_rollout(template, stage):
    rule = template["Parameters"]["Rollout"]
    assert stages.read(stage).parameters.get("Rollout", rule["Default"]) == ROLLOUT[stage]
    assert set(rule["AllowedValues"]) == {"AllAtOnce", "Canary"}


def test_api_starts_as_its_stage_says(final):
    """At most one of both: AWS Lambda developer guide, SnapStart, "Supported features and limitations"."""
    conditions = final["Conditions"]
    assert conditions["IsSnapStart"] == {"Fn::Equals": [{"Ref": "ApiStart"}, "SnapStart"]}
    assert conditions["IsProvisioned"] == {"Fn::Equals": [{"Ref": "ApiStart"}, "Provisioned"]}
    function = final["Resources"]["APIHandler"]["Properties"]
    assert function["SnapStart"] == {"ApplyOn": {"Fn::If": ["IsSnapStart", "PublishedVersions", "None"]}}
    assert "EphemeralStorage" not in function and "FileSystemConfigs" not in function
    kept = final["Resources"]["APIHandlerAliaslive"]["Properties"]["ProvisionedConcurrencyConfig"]["Fn::If"]
    assert kept == [
        "IsProvisioned",
        {"ProvisionedConcurrentExecutions": {"Ref": "ApiEnvironments"}},
        {"Ref": "AWS::NoValue"},
    ]


def test_steps_on_the_way_forward_start_as_their_stage_says(final):
    """A compensation starts on demand: it is rare, and each published version with a snapshot costs."""
    conditions, resources = final["Conditions"], final["Resources"]
    assert conditions["StepsHaveSnapshots"] == {"Fn::Equals": [{"Ref": "StepStart"}, "SnapStart"]}
    assert conditions["StepsAreProvisioned"] == {"Fn::Equals": [{"Ref": "StepStart"}, "Provisioned"]}
    aliases = {name for name in of_type(final, "AWS::Lambda::Alias") if name != "APIHandlerAliaslive"}
    forward = {"ReserveInventory", "AuthorizePayment", "ShipOrder", "CapturePayment", "CompleteOrder"}
    assert aliases == {f"{name}Aliaslive" for name in forward}
    for name in forward:
        ways = resources[name]["Properties"]["SnapStart"]
        assert ways == {"ApplyOn": {"Fn::If": ["StepsHaveSnapshots", "PublishedVersions", "None"]}}
        _, kept, _ = resources[f"{name}Aliaslive"]["Properties"]["ProvisionedConcurrencyConfig"]["Fn::If"]
        assert kept == {"ProvisionedConcurrentExecutions": {"Ref": "StepEnvironments"}}


def test_workflows_call_aliases_of_steps_and_may_call_nothing_else_of_them(final):
    """A permission for a function does not cover its alias: AWS Lambda developer guide, "Working with aliases in
    function policies and permissions"."""
    steps = {name.removesuffix("Aliaslive") for name in of_type(final, "AWS::Lambda::Alias")}
    by_alias = set()
    for name, machine in of_type(final, MACHINE).items():
        role = final["Resources"][referred(machine["RoleArn"])]["Properties"]
        for part in (machine["DefinitionSubstitutions"], role["Policies"]):
            text = json.dumps(part)
            by_alias |= {(name, step) for step in steps if json.dumps({"Ref": f"{step}Aliaslive"}) in text}
            assert not [step for step in steps if json.dumps([step, "Arn"]) in text], name
    assert {("OrderFulfilment", "ShipOrder"), ("OrderUndo", "CapturePayment")} <= by_alias


def test_replaced_version_of_a_function_is_deleted(final):
    """A snapshot costs as long as its version exists: AWS Lambda developer guide, "Lambda SnapStart", Pricing."""
    versions = [each for each in final["Resources"].values() if each["Type"] == "AWS::Lambda::Version"]
    assert len(versions) == 6 and {each["DeletionPolicy"] for each in versions} == {"Delete"}


def test_gateway_invokes_the_alias_of_the_function_only(final):
    definition = json.dumps(final["Resources"]["RestAPI"]["Properties"]["Body"])
    assert "/functions/${APIHandlerAliaslive}/invocations" in definition
    assert "APIHandler.Arn" not in definition and "${APIHandler}" not in definition
    permissions = of_type(final, "AWS::Lambda::Permission").values()
    of_gateway = [each for each in permissions if each["Principal"] == "apigateway.amazonaws.com"]
    assert {"Ref": "APIHandlerAliaslive"} in [each["FunctionName"] for each in of_gateway]
    assert {"Ref": "APIHandler"} not in [each["FunctionName"] for each in of_gateway]


def test_api_is_released_by_codedeploy_with_alarms(final):
    """https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-groups-configure-advanced-options.html:
    an alarm stops a deployment and, with this rollback configuration, reverts it."""
    alias = final["Resources"]["APIHandlerAliaslive"]
    assert alias["Properties"]["Name"] == ALIAS
    group = alias["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]["DeploymentGroupName"]["Ref"]
    properties = final["Resources"][group]["Properties"]
    configuration = properties["DeploymentConfigName"]["Fn::If"]
    assert [each["Fn::Sub"][1]["ConfigName"] for each in configuration[1:]] == ["Canary10Percent5Minutes", "AllAtOnce"]
    condition, watching, silent = properties["AlarmConfiguration"]["Fn::If"]
    assert (condition, silent) == ("IsCanary", {})
    by_type = {"Fn::If": ["IsRestApi", {"Ref": "ApiErrors"}, {"Ref": "HttpApiErrors"}]}
    assert [each["Name"] for each in watching["Alarms"]] == [{"Ref": "ReleaseFailures"}, by_type]
    assert {"ReleaseFailures", "ApiErrors", "HttpApiErrors"} <= of_type(final, "AWS::CloudWatch::Alarm").keys()
    assert "DEPLOYMENT_STOP_ON_ALARM" in properties["AutoRollbackConfiguration"]["Events"]


def standard(template):
    return [name for name, resource in template["Resources"].items() if is_standard(resource)]


def test_express_workflow_has_no_alias(template):
    """StartSyncExecution takes the ARN of a state machine, and StartExecution also that of an alias: AWS Step Functions
    API reference, both actions, stateMachineArn."""
    express = set(of_type(template, MACHINE)) - set(standard(template))
    assert express == {"ImportSmall"}
    assert environment_of(template, "APIHandler")["IMPORT_SMALL_MACHINE_ARN"] == {"Ref": "ImportSmall"}


def test_workflow_has_a_version_and_an_alias_that_moves_to_it(template):
    machines, versions = standard(template), of_type(template, VERSION)
    assert {each["StateMachineArn"]["Ref"] for each in versions.values()} == set(machines)
    for version in versions.values():
        assert version["StateMachineRevisionId"] == {
            "Fn::GetAtt": [version["StateMachineArn"]["Ref"], "StateMachineRevisionId"]
        }
    aliases = of_type(template, WORKFLOW_ALIAS)
    assert len(aliases) == len(machines) == 4
    for name, alias in aliases.items():
        condition, gradual, at_once = alias["DeploymentPreference"]["Fn::If"]
        assert (condition, alias["Name"]) == ("IsCanary", ALIAS)
        assert gradual["StateMachineVersionArn"] == at_once["StateMachineVersionArn"]
        assert referred(gradual["StateMachineVersionArn"]) == f"{name.removesuffix('Live')}Version"
        assert (gradual["Type"], at_once["Type"], "Alarms" in at_once) == ("CANARY", "ALL_AT_ONCE", False)
        assert {referred(each) for each in gradual["Alarms"]} <= of_type(template, "AWS::CloudWatch::Alarm").keys()


def test_function_that_starts_a_workflow_starts_its_alias(template):
    """A permission names the state machine: https://docs.aws.amazon.com/step-functions/latest/dg/auth-version-alias.html"""
    aliases = of_type(template, WORKFLOW_ALIAS)
    starters = 0
    for function, properties in of_type(template, FUNCTION).items():
        role = template["Resources"][referred(properties["Role"])]["Properties"]
        for statement in (each for policy in role["Policies"] for each in policy["PolicyDocument"]["Statement"]):
            if "states:StartExecution" not in statement["Action"]:
                continue
            named = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
            machines = {referred(each) for each in named}
            referenced = [
                each["Ref"]
                for each in environment_of(template, function).values()
                if isinstance(each, dict) and "Ref" in each
            ]
            assert {f"{machine}Live" for machine in machines} <= set(referenced) & aliases.keys(), function
            assert machines.isdisjoint(referenced), function
            starters += 1
    assert starters >= 7


def test_failed_workflow_matches_the_rule_with_or_without_its_alias(template):
    """Express workflows send no such events: AWS Step Functions developer guide, "Automating Step Functions event
    delivery with EventBridge"."""
    detail = template["Resources"]["DeadWorkflowsRule"]["Properties"]["EventPattern"]["detail"]
    of_orders = [name for name in standard(template) if name != "ImportLarge"]
    assert [referred(each["prefix"]) for each in detail["stateMachineArn"]] == of_orders


def test_changed_parameter_or_code_publishes_a_version(template, tmp_path):
    """Lambda keeps the environment in a version: https://docs.aws.amazon.com/lambda/latest/dg/configuration-versions.html"""
    template["Resources"] = {"APIHandler": template["Resources"]["APIHandler"]}
    code = tmp_path / template["Resources"]["APIHandler"]["Properties"]["CodeUri"]
    code.write_bytes(b"one")

    def version(values):
        resources = transformed(stamped(template, tmp_path, values))["Resources"]
        description = resources["APIHandler"]["Properties"]["Description"]
        return resources["APIHandlerAliaslive"]["Properties"]["FunctionVersion"]["Fn::GetAtt"][0], description

    first = version({"SenderEmail": "a@example.com"})
    assert version({"SenderEmail": "a@example.com"}) == first
    others = [version({"SenderEmail": "b@example.com"})]
    code.write_bytes(b"two")
    others.append(version({"SenderEmail": "a@example.com"}))
    assert len({first[0], *(name for name, _ in others)}) == len({first[1], *(text for _, text in others)}) == 3


def test_local_shop_calls_function_and_workflows_themselves(packaged):
    local = localized(json.loads(packaged["local"].read_text()), Local(4566))
    types = {each["Type"] for each in transformed(local)["Resources"].values()}
    assert not {kind for kind in types if "CodeDeploy" in kind} | (types & {VERSION, WORKFLOW_ALIAS})
    assert "Aliaslive" not in json.dumps(local["Resources"])
    assert environment_of(local, "StartFulfilment")["FULFILMENT_MACHINE_ARN"] == {"Ref": "OrderFulfilment"}
    steps = of_type(local, MACHINE)["OrderFulfilment"]["DefinitionSubstitutions"]
    assert steps["ShipOrder"] == {"Fn::GetAtt": ["ShipOrder", "Arn"]}
    assert 'Live"' not in json.dumps(environment_of(local, "RecoverWorkflow"))
