"""Template transform: every difference between the template for AWS and the one for the AWS emulator (MiniStack).

Each is one function, whose docstring states the reason. They run in the order of `DIFFERENCES`.
"""

import json
from dataclasses import dataclass
from typing import Any

from infra.build.guards import TLS_ONLY
from infra.build.releases import API_FUNCTION, published
from infra.build.variants import variants
from infra.local.forker import LAYERS_OF_FUNCTION

Template = dict[str, Any]
LAYER = "AWS::Serverless::LayerVersion"
API_ID = {"Fn::If": ["IsRestApi", {"Ref": "RestAPI"}, {"Ref": "HttpApi"}]}
RELEASE = {"AutoPublishAlias", "VersionDeletionPolicy", "DeploymentPreference", "ProvisionedConcurrencyConfig"}
"""Properties of a function's versions and alias."""


@dataclass(frozen=True)
class Local:
    """Addresses of the emulator and of the Stripe sandbox."""

    port: int
    payments_url: str = "http://127.0.0.1:4567"


def own_runtime(template: Template, local: Local) -> None:
    """Run the functions under AWS's own runtime client, from the virtual environment and on its Python.

    The emulator's Python executor reports every exception as `Runtime.HandlerError`, so the saga could
    catch no error by name. The zip's `bootstrap` starts `awslambdaric`, which names errors as AWS does.
    """
    for resource in _of_type(template, "AWS::Serverless::Function"):
        resource["Properties"]["Runtime"] = "provided.al2023"


def no_layers(template: Template, local: Local) -> None:
    """Name each function's layers in a variable instead: the emulator mounts none for such a runtime. The libraries are
    in the virtual environment, of which `infra/local/forker.py` hides what no layer of the function holds."""
    for name in [name for name, each in template["Resources"].items() if each["Type"] == LAYER]:
        del template["Resources"][name]
    for resource in _of_type(template, "AWS::Serverless::Function"):
        if layers := resource["Properties"].pop("Layers", []):
            variables = resource["Properties"].setdefault("Environment", {}).setdefault("Variables", {})
            variables[LAYERS_OF_FUNCTION] = " ".join(layer["Ref"] for layer in layers)


def no_images(template: Template, local: Local) -> None:
    """Keep the zip of a function that may be a container image, which the emulator could run with Docker only."""
    resources = template["Resources"]
    for function, variant in variants(template).items():
        condition = resources.pop(variant)["Condition"]
        del resources[function]["Condition"]
        template["Resources"] = resources = _otherwise(resources, condition)


def _otherwise(value: Any, condition: str) -> Any:
    """Return a part of a template with what it chooses if this condition is not met."""
    match value:
        case {"Fn::If": [str(name), _, other]} if name == condition:
            return other
        case dict():
            return {key: _otherwise(each, condition) for key, each in value.items()}
        case list():
            return [_otherwise(each, condition) for each in value]
    return value


def no_archive(template: Template, local: Local) -> None:
    """Remove the archive: the emulator's CloudFormation rejects it, so `infra/local/shop.py` creates it by the API."""
    del template["Resources"]["EventArchive"]


def no_schema_registry(template: Template, local: Local) -> None:
    """Remove the schema registry, which the emulator does not support. No code reads it at run time."""
    for name, resource in list(template["Resources"].items()):
        if resource["Type"].startswith("AWS::EventSchemas::"):
            del template["Resources"][name]


def api_origin(template: Template, local: Local) -> None:
    """Set the API's origin: the emulator's CloudFront rejects AWS host names and serves APIs below a path."""
    distribution = template["Resources"]["Distribution"]["Properties"]["DistributionConfig"]
    origin = next(origin for origin in distribution["Origins"] if origin["Id"] == "api")
    origin["DomainName"] = "localhost"
    origin["OriginPath"] = {"Fn::Sub": ["/_aws/execute-api/${Api}", {"Api": API_ID}]}
    origin["CustomOriginConfig"] = {"HTTPPort": local.port, "OriginProtocolPolicy": "http-only"}


def gateway_responses(template: Template, local: Local) -> None:
    """Move the gateway responses from the API's definition to resources, from which the emulator reads them."""
    definition = template["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]
    for kind, response in definition.pop("x-amazon-apigateway-gateway-responses").items():
        properties = {
            "RestApiId": {"Ref": "RestAPI"},
            "ResponseType": kind,
            "StatusCode": str(response["statusCode"]),
            "ResponseTemplates": response["responseTemplates"],
            "ResponseParameters": response["responseParameters"],
        }
        name = "GatewayResponse" + kind.title().replace("_", "")
        response_of_rest = {"Type": "AWS::ApiGateway::GatewayResponse", "Condition": "IsRestApi"}
        template["Resources"][name] = response_of_rest | {"Properties": properties}


def method_settings(template: Template, local: Local) -> None:
    """Write plain slashes in the paths of method limits, where AWS requires `~1`."""
    for setting in template["Resources"]["RestAPI"]["Properties"]["MethodSettings"]:
        setting["ResourcePath"] = setting["ResourcePath"].replace("~1", "/").replace("//", "/")


def no_api_firewall(template: Template, local: Local) -> None:
    """Remove the web ACL, which the emulator does not apply."""
    for name in ("ApiFirewallAssociation", "ApiFirewall"):
        del template["Resources"][name]


def no_metric_math(template: Template, local: Local) -> None:
    """Remove alarms on metric math, which the emulator's CloudFormation rejects."""
    for name, resource in list(template["Resources"].items()):
        if resource["Type"] == "AWS::CloudWatch::Alarm" and "Metrics" in resource["Properties"]:
            del template["Resources"][name]


def no_budget(template: Template, local: Local) -> None:
    """Remove the budget, which the emulator's CloudFormation rejects. Nothing costs anything locally."""
    del template["Resources"]["CostBudget"]


def no_function_versions(template: Template, local: Local) -> None:
    """Invoke the functions themselves: the emulator's CloudFormation rejects CodeDeploy, which moves the API's alias.

    Without an alias there is nothing whose environments could be kept initialized.
    """
    resources = template["Resources"]
    released = [name for name, each in resources.items() if "AutoPublishAlias" in each.get("Properties", {})]
    text = json.dumps(resources)
    for name in released:
        alias = published(name)
        text = text.replace(f"${{{alias}}}", f"${{{name}.Arn}}")
        direct = {"Ref": name} if name == API_FUNCTION else {"Fn::GetAtt": [name, "Arn"]}
        text = text.replace(json.dumps({"Ref": alias}), json.dumps(direct))
    template["Resources"] = json.loads(text)
    for name in released:
        for release in RELEASE & template["Resources"][name]["Properties"].keys():
            del template["Resources"][name]["Properties"][release]


def no_workflow_versions(template: Template, local: Local) -> None:
    """Start the workflows themselves: the emulator's CloudFormation rejects their versions and aliases."""
    resources = template["Resources"]
    aliases = [name for name, each in resources.items() if each["Type"] == "AWS::StepFunctions::StateMachineAlias"]
    versions = [name for name, each in resources.items() if each["Type"] == "AWS::StepFunctions::StateMachineVersion"]
    for name in [*aliases, *versions]:
        del resources[name]
    for function in _of_type(template, "AWS::Serverless::Function"):
        variables = function["Properties"].get("Environment", {}).get("Variables", {})
        for name, value in variables.items():
            if isinstance(value, dict) and value.get("Ref") in aliases:
                variables[name] = {"Ref": value["Ref"].removesuffix("Live")}


def plain_http(template: Template, local: Local) -> None:
    """Remove redirects to https and the buckets' demand for TLS: on loopback there is no certificate."""
    distribution = template["Resources"]["Distribution"]["Properties"]["DistributionConfig"]
    for behaviour in (distribution["DefaultCacheBehavior"], *distribution["CacheBehaviors"]):
        behaviour["ViewerProtocolPolicy"] = "allow-all"
    for name, resource in list(template["Resources"].items()):
        if resource["Type"] == "AWS::S3::BucketPolicy":
            document = resource["Properties"]["PolicyDocument"]
            document["Statement"] = [each for each in document["Statement"] if each.get("Sid") != TLS_ONLY]
            if not document["Statement"]:
                del template["Resources"][name]


def identity_endpoint(template: Template, local: Local) -> None:
    """Read the user pool's keys from the emulator."""
    variables = template["Globals"]["Function"]["Environment"]["Variables"]
    variables["IDENTITY_ENDPOINT"] = f"http://127.0.0.1:{local.port}"


def local_addresses(template: Template, local: Local) -> None:
    """Set the local addresses of the storefront and the API, in outputs and in the links of emails."""
    label = {"Fn::Select": [0, {"Fn::Split": [".", {"Fn::GetAtt": ["Distribution", "DomainName"]}]}]}
    storefront = {"Fn::Join": ["", ["http://", label, f".cloudfront.localhost:{local.port}"]]}
    for name in ("AuthorizePayment", "SendConfirmation", "SendNotifications", "RemindOfCarts", "Live"):
        variables = template["Resources"][name]["Properties"]["Environment"]["Variables"]
        variables["STOREFRONT_URL"] = storefront
    outputs = template["Outputs"]
    outputs["StorefrontUrl"]["Value"] = storefront
    api = {"Fn::Sub": [f"http://127.0.0.1:{local.port}/_aws/execute-api/${{Api}}/api", {"Api": API_ID}]}
    outputs["ApiUrl"]["Value"] = outputs["PublicApiUrl"]["Value"] = api


def websocket_addresses(template: Template, local: Local) -> None:
    """Set the paths at which the emulator serves WebSocket APIs and their management endpoint."""
    place = f"127.0.0.1:{local.port}/_aws/execute-api/${{LiveApi}}/${{LiveStage}}"
    for name in ("Live", "PushUpdates"):
        variables = template["Resources"][name]["Properties"]["Environment"]["Variables"]
        variables["WEBSOCKET_MANAGEMENT_ENDPOINT"] = {"Fn::Sub": f"http://{place}"}
    template["Outputs"]["WebSocketUrl"]["Value"] = {"Fn::Sub": f"ws://{place}"}


def page_connections(template: Template, local: Local) -> None:
    """Allow pages to connect to the emulator's WebSocket API and buckets, and the lab to the Stripe sandbox."""
    here = f"127.0.0.1:{local.port}"
    addresses = {
        "LiveUpdates": f"ws://{here}",
        "Uploads": f"http://{here} http://*.localhost:{local.port} {local.payments_url}",
    }
    for policy in _of_type(template, "AWS::CloudFront::ResponseHeadersPolicy"):
        headers = policy["Properties"]["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]
        policy_text = headers["ContentSecurityPolicy"]["ContentSecurityPolicy"]
        if isinstance(policy_text, dict):
            _, names = policy_text["Fn::Sub"]
            names.update({name: addresses[name] for name in addresses.keys() & names.keys()})


DIFFERENCES = (
    no_images,
    own_runtime,
    no_layers,
    no_archive,
    no_schema_registry,
    gateway_responses,
    method_settings,
    no_api_firewall,
    no_metric_math,
    no_budget,
    no_function_versions,
    no_workflow_versions,
    api_origin,
    plain_http,
    identity_endpoint,
    local_addresses,
    websocket_addresses,
    page_connections,
)


def localized(template: Template, local: Local) -> Template:
    """Return a copy of the template with all differences applied."""
    copy = json.loads(json.dumps(template))
    for difference in DIFFERENCES:
        difference(copy, local)
    return copy


def _of_type(template: Template, kind: str) -> list[dict[str, Any]]:
    return [resource for resource in template["Resources"].values() if resource["Type"] == kind]
