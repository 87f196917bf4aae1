"""Definition of the HTTP API: the routes of the REST API, for an API Gateway that checks less.

The function receives the same event from both, because format 1.0 is that of a REST API: API Gateway developer guide,
"Create AWS Lambda proxy integrations for HTTP APIs in API Gateway". Routes of partners are left out: an HTTP API has no
keys. Quotas: 300 routes for each API ("Quotas for configuring and running an HTTP API in API Gateway").
"""

import re
from typing import Any

from chalicelib import api
from chalicelib.platform.http import OPERATIONS, answered_methods

api.load_rooms()

Template = dict[str, Any]

AUTHORIZER = "customers"
FORMAT = "1.0"
URI = "arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${APIHandler.Arn}/invocations"
"""Replaced by the function's alias, like that of the REST API: infra/build/releases.py."""
ISSUER = "https://cognito-idp.${AWS::Region}.amazonaws.com/${UserPool}"


def definition(template: Template) -> Template:
    """Return the API's body, and the limits of its routes, which are those of the REST API."""
    limits = template["Resources"]["RestAPI"]["Properties"]["MethodSettings"]
    default, *of_routes = [(_route(each), _limit(each)) for each in limits]
    body = {
        "openapi": "3.0.1",
        "info": {"title": {"Ref": "AWS::StackName"}, "version": "1"},
        "components": {"securitySchemes": {AUTHORIZER: _authorizer()}},
        "paths": _paths(),
    }
    stage = {"DefaultRouteSettings": default[1] | {"DetailedMetricsEnabled": False}, "RouteSettings": dict(of_routes)}
    return {"HttpApi": {"Properties": {"Body": body}}, "HttpStage": {"Properties": stage}}


def _paths() -> dict[str, Any]:
    paths: dict[str, Any] = {api.DOCUMENT_PATH: _methods("GET", api.DOCUMENT_PATH, [])}
    for operation in OPERATIONS:
        if operation.access != "partner":
            security: list[Any] = [{AUTHORIZER: []}] if operation.access in ("customer", "admin") else []
            paths.setdefault(operation.path, {}).update(_methods(operation.method, operation.path, security))
    return paths


def _methods(method: str, path: str, security: list[Any]) -> dict[str, Any]:
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", path)
    ]
    written: dict[str, Any] = {
        "x-amazon-apigateway-integration": _integration(),
        "responses": {"default": {"description": "See /openapi.json."}},
    }
    written |= {"parameters": parameters} if parameters else {}
    written |= {"security": security} if security else {}
    return {name.lower(): written for name in answered_methods(method)}


def _integration() -> Template:
    return {"type": "aws_proxy", "httpMethod": "POST", "payloadFormatVersion": FORMAT, "uri": {"Fn::Sub": URI}}


def _authorizer() -> Template:
    """For the routes that only customers or admins may call. Which of them is left to the function.

    "Control access to HTTP APIs with JWT authorizers in API Gateway", API Gateway developer guide.
    """
    return {
        "type": "oauth2",
        "x-amazon-apigateway-authorizer": {
            "type": "jwt",
            "identitySource": "$request.header.Authorization",
            "jwtConfiguration": {"issuer": {"Fn::Sub": ISSUER}, "audience": [{"Ref": "UserPoolClient"}]},
        },
    }


def _route(setting: Template) -> str:
    """Return the route key of a method's setting of a REST API."""
    path = setting["ResourcePath"].removeprefix("/").replace("~1", "/")
    return f"{setting['HttpMethod']} {path}"


def _limit(setting: Template) -> Template:
    return {name: setting[name] for name in ("ThrottlingRateLimit", "ThrottlingBurstLimit")}
