"""The OpenAPI document, generated from the declarations and models that the routes themselves use."""

import re
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema
from pydantic_core import core_schema

from chalicelib.platform.errors import Refusal, ValidationFailed
from chalicelib.platform.http import (
    OPERATIONS,
    Access,
    AdminOnly,
    ApiKeyRequired,
    BodyNotJson,
    BodyTooLarge,
    JsonKeyDuplicate,
    Operation,
    Problem,
    QuotaExceeded,
    RequestFiltered,
    SignInRequired,
    TooManyRequests,
    status_of,
)
from chalicelib.platform.identity import TokenInvalid
from chalicelib.platform.shop import shop

SCHEMA = "#/components/schemas/{model}"

HEADERS = {
    "X-Cart-Token": "A guest's cart: issued with the first write, unguessable, kept by the client.",
    "X-Order-Token": "A guest's order: issued at checkout.",
    "Idempotency-Key": "Chosen by the client, one for each thing it wants done. Repeating it repeats the answer.",
    "If-Match": "Entity tags, or `*`: write only if one of them is current. Without it the last write wins.",
    "If-None-Match": "`*`: write only if there is nothing yet.",
    "X-Variant": "Which half of an experiment the buyer sees. Anything else than `a` or `b` is passed over.",
    "Stripe-Signature": "Stripe's signature over the body.",
    "X-Session-Request": "`1`. Pages of other sites cannot send it.",
}
ACCESS_REFUSALS: dict[Access, list[type[Refusal]]] = {
    "public": [],
    "customer": [SignInRequired],
    "admin": [SignInRequired, AdminOnly],
    "partner": [ApiKeyRequired, QuotaExceeded],
}
SECURITY: dict[Access, list[dict[str, list[str]]]] = {
    "public": [{}, {"customer": []}],
    "customer": [{"customer": []}],
    "admin": [{"customer": []}],
    "partner": [{"partner": []}],
}
HEADER_SCHEMAS: dict[str, dict[str, Any]] = {
    "Idempotency-Key": {"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[!-~]+$"},
    "X-Session-Request": {"type": "string", "enum": ["1"]},
}


class AnswersAreComplete(GenerateJsonSchema):
    """JSON schemas in which every field of an answer is required: an answer also contains the fields with a default."""

    def field_is_required(
        self,
        field: core_schema.ModelField | core_schema.DataclassField | core_schema.TypedDictField,
        total: bool,
    ) -> bool:
        if self.mode == "serialization":
            return field.get("serialization_exclude_if") is None
        return super().field_is_required(field, total)


def document(server_path: str) -> dict[str, Any]:
    """`server_path` is the path below which the API answers, for example `/api`."""
    models = {model for o in OPERATIONS for model in (o.answer, o.body, o.query) if model} | {Problem} | _members()
    ordered = sorted(models, key=lambda model: model.__name__)
    definitions = [(model, _mode(model)) for model in ordered]
    _, schemas = models_json_schema(definitions, ref_template=SCHEMA, schema_generator=AnswersAreComplete)
    paths: dict[str, Any] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"{shop().name} storefront",
            "version": "1.0.0",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": server_path}],
        "paths": paths,
        "components": {
            "schemas": schemas.get("$defs", {}),
            "securitySchemes": {
                "customer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "partner": {"type": "apiKey", "in": "header", "name": "x-api-key"},
            },
        },
    }


def _mode(model: type[BaseModel]) -> Literal["validation", "serialization"]:
    """Problem documents leave out what is null, so their fields with a default are optional, as in a body."""
    return "serialization" if any(model is o.answer for o in OPERATIONS) else "validation"


def _operation(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "parameters": [
            *_path_parameters(operation),
            *_query_parameters(operation),
            *_header_parameters(operation),
            *_cookie_parameters(operation),
        ],
        "responses": {
            str(operation.status): {
                "description": operation.summary,
                "headers": {name: {"schema": {"type": "string"}} for name in operation.answer_headers},
                "content": {"application/json": {"schema": _ref(operation.answer)}},
            },
            **_problems(operation),
        },
        "security": SECURITY[operation.access],
    }
    if operation.body:
        described["requestBody"] = {
            "required": operation.body_required,
            "content": {"application/json": {"schema": _ref(operation.body)}},
        }
    return described


def _path_parameters(operation: Operation) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", operation.path)
    ]


def _query_parameters(operation: Operation) -> list[dict[str, Any]]:
    if not operation.query:
        return []
    schema = operation.query.model_json_schema(ref_template=SCHEMA)
    return [
        {"name": name, "in": "query", "required": name in schema.get("required", []), "schema": property_schema}
        for name, property_schema in schema["properties"].items()
    ]


def _header_parameters(operation: Operation) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "header",
            "required": name in operation.required_headers,
            "description": HEADERS[name],
            "schema": HEADER_SCHEMAS.get(name, {"type": "string"}),
        }
        for name in (*operation.required_headers, *operation.headers)
    ]


def _cookie_parameters(operation: Operation) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "cookie", "required": False, "schema": {"type": "string"}} for name in operation.cookies
    ]


def _problems(operation: Operation) -> dict[str, Any]:
    refusals: list[type[Refusal]] = [TokenInvalid, RequestFiltered, TooManyRequests, *ACCESS_REFUSALS[operation.access]]
    refusals += operation.refusals
    if operation.body:
        refusals += [BodyNotJson, JsonKeyDuplicate, BodyTooLarge, ValidationFailed]
    if operation.query:
        refusals.append(ValidationFailed)
    by_status: dict[int, list[type[Refusal]]] = {}
    for refusal in refusals:
        by_status.setdefault(status_of(refusal()), []).append(refusal)
    return {
        str(int(status)): {
            "description": " or ".join(f"`{code}`" for code in sorted({refusal().code for refusal in kinds})),
            "content": {"application/problem+json": {"schema": _problem_schema(kinds)}},
        }
        for status, kinds in sorted(by_status.items())
    }


def _problem_schema(refusals: list[type[Refusal]]) -> dict[str, Any]:
    """Return a problem's schema, with the further members that one of these refusals may have."""
    members = sorted({refusal.Members for refusal in refusals if refusal.Members}, key=lambda model: model.__name__)
    return {"allOf": [_ref(Problem), *map(_ref, members)]} if members else _ref(Problem)


def _members() -> set[type[BaseModel]]:
    return {refusal.Members for o in OPERATIONS for refusal in o.refusals if refusal.Members}


def _ref(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": SCHEMA.format(model=model.__name__)}
