"""What API Gateway decides before a function runs: merged into the API's definition that Chalice writes.

It follows from how the routes are declared, so a new route needs no entry here: who may call, whether the
body can be one at all, and how a refusal is worded. It refuses early and cheaply what the function would refuse
anyway; the function keeps all of its own checks.
"""

import json
import re
from http import HTTPStatus
from typing import Any

from pydantic.json_schema import models_json_schema

from chalicelib import api
from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.errors import Refusal, ValidationFailed
from chalicelib.platform.http import OPERATIONS, BodyTooLarge, Operation, SignInRequired, answered_methods
from chalicelib.platform.problems import (
    UNAVAILABLE,
    ApiKeyRequired,
    QuotaExceeded,
    RequestFiltered,
    RequestRejected,
    RouteNotFound,
    TooManyRequests,
    challenge,
    status_of,
)
from infra.build.api_cache import key_parameters

api.load_rooms()

Template = dict[str, Any]

AUTHORIZER = "customers"
AUTHORIZER_CACHED_SECONDS = 300
VALIDATOR = "bodies"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
"""Each path has all of these. OPTIONS is left out: no page of another site is to send more than simple requests."""

ANSWERS: dict[str, type[Refusal]] = {
    "MISSING_AUTHENTICATION_TOKEN": RouteNotFound,
    "UNAUTHORIZED": SignInRequired,
    "INVALID_API_KEY": ApiKeyRequired,
    "QUOTA_EXCEEDED": QuotaExceeded,
    "THROTTLED": TooManyRequests,
    "WAF_FILTERED": RequestFiltered,
    "BAD_REQUEST_BODY": ValidationFailed,
    "REQUEST_TOO_LARGE": BodyTooLarge,
    "DEFAULT_4XX": RequestRejected,
}
"""How what goes wrong in the gateway is answered: like the function's own refusals. Only the refusal of a body
has a variable: the validator's reason, which names fields and types of the model and nothing that came."""

ANSWER_HEADERS = {
    "Content-Type": "application/problem+json",
    "Cache-Control": "no-store",
    # So that a page of another site, which may read the catalog, learns why it was refused.
    "Access-Control-Allow-Origin": "*",
}
RETRY_AFTER = {"THROTTLED": "1", "DEFAULT_5XX": "2"}

KEPT = ("type", "required")
"""Of a model, the gateway checks the shape. Values, unknown fields, lengths, ranges and patterns are left to the
function: it says what is wrong with which field, the gateway's reason would repeat names and values of the request, and
the gateway's dialect is an old one in which not all keywords exist."""

REASON = "$context.error.validationErrorString"
"""Such as `[object has missing required properties (["quantity"])]`. API Gateway developer guide, "Variables for data
models, authorizers, mapping templates, and CloudWatch access logging"."""


def definition() -> Template:
    answers = {kind: _answer(kind, _problem(refusal), status_of(refusal())) for kind, refusal in ANSWERS.items()}
    body = {
        "securityDefinitions": {AUTHORIZER: _authorizer()},
        "definitions": models(),
        "x-amazon-apigateway-request-validators": {
            VALIDATOR: {"validateRequestBody": True, "validateRequestParameters": False}
        },
        "x-amazon-apigateway-gateway-responses": answers | {"DEFAULT_5XX": _failure()},
        "paths": _paths(),
    }
    return {"Resources": {"RestAPI": {"Properties": {"DefinitionBody": body}}}}


def models() -> dict[str, Any]:
    """The bodies that are validated, as far as the gateway checks them."""
    bodies = sorted({body for body in map(_validated, OPERATIONS) if body}, key=lambda model: model.__name__)
    _, schemas = models_json_schema([(body, "validation") for body in bodies], ref_template="#/definitions/{model}")
    return {name: _shape(schema) for name, schema in schemas["$defs"].items()}


def _shape(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema's shape. What the old dialect cannot express, such as a choice of types, is left open."""
    if "$ref" in schema:
        return {"$ref": schema["$ref"]}
    shape = {key: schema[key] for key in KEPT if key in schema}
    if "properties" in schema:
        shape["properties"] = {name: _shape(each) for name, each in schema["properties"].items()}
    if "items" in schema:
        shape["items"] = _shape(schema["items"])
    return shape


def _validated(operation: Operation) -> type[BaseModel] | None:
    """Its body's model. Not of a body that may be absent: to the gateway an absent one is an invalid one."""
    return operation.body if operation.body_required else None


def _paths() -> dict[str, Any]:
    paths: dict[str, Any] = {path: {} for path in _answered()}
    for operation in OPERATIONS:
        method: dict[str, Any] = {}
        if key := key_parameters(operation):
            method |= _cached(operation, key)
        if operation.access in ("customer", "admin"):
            method["security"] = [{AUTHORIZER: []}]
        if body := _validated(operation):
            method["consumes"] = ["application/json"]
            method["parameters"] = [*_path_parameters(operation.path), _body_parameter(body)]
            method["x-amazon-apigateway-request-validator"] = VALIDATOR
        if method:
            paths[operation.path] |= {name.lower(): method for name in answered_methods(operation.method)}
    for path, answered in _answered().items():
        paths[path] |= {method.lower(): _refused(path) for method in METHODS if method not in answered}
    return paths


def _answered() -> dict[str, set[str]]:
    """By path: the methods that the function answers."""
    answered: dict[str, set[str]] = {api.DOCUMENT_PATH: set(answered_methods("GET"))}
    for operation in OPERATIONS:
        answered.setdefault(operation.path, set()).update(answered_methods(operation.method))
    return answered


def _refused(path: str) -> dict[str, Any]:
    """A method that a path does not answer. The gateway would call such a path unknown; the function refuses the
    method and names those that it answers."""
    uri = (
        "arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${APIHandler.Arn}/invocations"
    )
    return {
        "parameters": _path_parameters(path),
        "responses": {},
        "x-amazon-apigateway-integration": {"type": "aws_proxy", "httpMethod": "POST", "uri": {"Fn::Sub": uri}},
    }


def _cached(operation: Operation, key: list[tuple[str, str]]) -> dict[str, Any]:
    """Declare what the cache distinguishes requests by, path parameters included."""
    path = _path_parameters(operation.path)
    others = [
        {"name": name, "in": "query" if place == "querystring" else place, "required": False, "type": "string"}
        for place, name in key
    ]
    names = [f"method.request.path.{each['name']}" for each in path]
    names += [f"method.request.{place}.{name}" for place, name in key]
    return {"parameters": [*path, *others], "x-amazon-apigateway-integration": {"cacheKeyParameters": names}}


def _path_parameters(path: str) -> list[dict[str, Any]]:
    """Chalice names them too, in a list that this one takes the place of."""
    names = re.findall(r"{(\w+)}", path)
    return [{"name": name, "in": "path", "required": True, "type": "string"} for name in names]


def _body_parameter(body: type[BaseModel]) -> dict[str, Any]:
    name = body.__name__
    return {"name": name, "in": "body", "required": True, "schema": {"$ref": f"#/definitions/{name}"}}


def _authorizer() -> dict[str, Any]:
    """For routes on which only customers and admins have business. Which of them, and that the token was issued for
    our client, is for the function to see."""
    return {
        "type": "apiKey",
        "name": "Authorization",
        "in": "header",
        "x-amazon-apigateway-authtype": "cognito_user_pools",
        "x-amazon-apigateway-authorizer": {
            "type": "cognito_user_pools",
            "providerARNs": [{"Fn::GetAtt": ["UserPool", "Arn"]}],
            "authorizerResultTtlInSeconds": AUTHORIZER_CACHED_SECONDS,
        },
    }


def _problem(refusal: type[Refusal]) -> dict[str, Any]:
    status = status_of(refusal())
    problem: dict[str, Any] = {"title": status.phrase, "status": status}
    problem |= {"detail": refusal().detail, "code": refusal().code}
    return problem | ({"errors": [{"field": "body", "message": REASON}]} if refusal is ValidationFailed else {})


def _failure() -> dict[str, Any]:
    problem = {"title": "Service Unavailable", "status": 503, "detail": UNAVAILABLE, "code": "service_unavailable"}
    return _answer("DEFAULT_5XX", problem, 503)


def _answer(kind: str, problem: dict[str, Any], status: int) -> dict[str, Any]:
    headers = ANSWER_HEADERS | ({"Retry-After": RETRY_AFTER[kind]} if kind in RETRY_AFTER else {})
    if status == HTTPStatus.UNAUTHORIZED:
        headers |= {"WWW-Authenticate": challenge(ANSWERS[kind]())}
    return {
        "statusCode": int(status),
        "responseTemplates": {"application/json": json.dumps({"type": "about:blank", **problem})},
        "responseParameters": {f"gatewayresponse.header.{name}": f"'{value}'" for name, value in headers.items()},
    }
