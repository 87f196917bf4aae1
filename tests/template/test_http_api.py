"""HTTP API: the same routes and checks as the REST API's, except for those that an HTTP API does not have."""

import json

import pytest

from chalicelib import api
from chalicelib.platform.http import OPERATIONS, answered_methods

from .template import of_type

ONLY_REST = ("RestAPI", "APIHandlerInvokePermission", "PartnerPlan", "ApiErrors", "ApiLatency")
LONGEST_ROUTES = 300
"""https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html, routes per API."""


@pytest.fixture
def body(template):
    return of_type(template, "AWS::ApiGatewayV2::Api")["HttpApi"]["Body"]


def test_routes_are_those_of_the_rest_api_without_partners(body):
    expected = {
        (each.path, method.lower())
        for each in OPERATIONS
        if each.access != "partner"
        for method in answered_methods(each.method)
    }
    expected |= {(api.DOCUMENT_PATH, method.lower()) for method in answered_methods("GET")}
    assert {(path, method) for path, methods in body["paths"].items() for method in methods} == expected
    assert len(expected) < LONGEST_ROUTES


def test_route_for_customers_and_admins_needs_a_token_for_our_client(body):
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html"""
    ((name, scheme),) = body["components"]["securitySchemes"].items()
    authorizer = scheme["x-amazon-apigateway-authorizer"]
    assert authorizer["jwtConfiguration"]["audience"] == [{"Ref": "UserPoolClient"}]
    assert authorizer["jwtConfiguration"]["issuer"]["Fn::Sub"].endswith(".amazonaws.com/${UserPool}")
    for operation in (each for each in OPERATIONS if each.access != "partner"):
        needed = [{name: []}] if operation.access in ("customer", "admin") else None
        assert body["paths"][operation.path][operation.method.lower()].get("security") == needed, operation.path


def test_function_receives_the_event_of_a_rest_api_by_its_alias(body):
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html"""
    integrations = [
        each["x-amazon-apigateway-integration"] for methods in body["paths"].values() for each in methods.values()
    ]
    assert {each["payloadFormatVersion"] for each in integrations} == {"1.0"}
    assert all("${APIHandlerAliaslive}" in each["uri"]["Fn::Sub"] for each in integrations)


def test_limits_are_those_of_the_rest_api_and_name_routes_that_exist(template, body):
    stage = of_type(template, "AWS::ApiGatewayV2::Stage")["HttpStage"]
    default, *limits = of_type(template, "AWS::Serverless::Api")["RestAPI"]["MethodSettings"]
    assert stage["DefaultRouteSettings"]["ThrottlingRateLimit"] == default["ThrottlingRateLimit"]
    assert len(stage["RouteSettings"]) == len(limits)
    routes = {f"{method.upper()} {path}" for path, methods in body["paths"].items() for method in methods}
    assert set(stage["RouteSettings"]) <= routes


def test_stage_has_one_of_both_apis_and_their_parts(template):
    resources = template["Resources"]
    assert {resources[name]["Condition"] for name in ONLY_REST} == {"IsRestApi"}
    of_http = [name for name, each in resources.items() if each.get("Condition") == "IsHttpApi"]
    assert of_http == [name for name in resources if name.startswith("Http")]
    assert {template["Outputs"][name]["Condition"] for name in ("RestAPIId", "EndpointURL", "PartnerPlanId")} == {
        "IsRestApi"
    }


def test_firewall_of_the_api_is_refused_for_an_http_api(template):
    """https://docs.aws.amazon.com/waf/latest/developerguide/waf-chapter.html lists REST APIs only."""
    rule = json.dumps(template["Rules"]["RestApiOnly"])
    assert '"Ref": "ApiType"}, "Http"' in rule and '"Ref": "Firewall"}, "edge+api"' in rule


def test_addresses_follow_the_type_of_the_api(template):
    origins = of_type(template, "AWS::CloudFront::Distribution")["Distribution"]["DistributionConfig"]["Origins"]
    (origin,) = [each["DomainName"] for each in origins if each["Id"] == "api"]
    for address in (origin, template["Outputs"]["ApiUrl"]["Value"]):
        assert address["Fn::Sub"][1] == {"Api": {"Fn::If": ["IsRestApi", {"Ref": "RestAPI"}, {"Ref": "HttpApi"}]}}
