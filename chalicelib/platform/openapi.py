"""OpenAPI document: generated from the declarations, docstrings and models that the routes themselves use."""

import re
from dataclasses import dataclass
from inspect import cleandoc
from typing import Any, Literal

from pydantic.json_schema import GenerateJsonSchema, models_json_schema
from pydantic_core import core_schema

from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.edge_mark import DirectCallRefused, is_direct
from chalicelib.platform.errors import Refusal, ValidationFailed
from chalicelib.platform.examples import VALUES, example_of
from chalicelib.platform.http import (
    OPERATIONS,
    Access,
    AdminOnly,
    BodyTooLarge,
    Operation,
    SignInRequired,
)
from chalicelib.platform.identity import TokenInvalid
from chalicelib.platform.openapi_text import (
    ANSWER_HEADERS,
    COOKIES,
    DESCRIPTION,
    HEADERS,
    PARAMETER_VALUES,
    PATH_PARAMETERS,
    TAGS,
)
from chalicelib.platform.problems import (
    ApiKeyRequired,
    Problem,
    QuotaExceeded,
    RequestFiltered,
    TooManyRequests,
    status_of,
)
from chalicelib.platform.request_input import BodyNotJson, JsonKeyDuplicate, TextNotUnicode
from chalicelib.platform.shop import shop

SCHEMA = "#/components/schemas/{model}"

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


SECURITY_SCHEMES = {
    "customer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "The id token of a customer or an admin, as `POST /session` returns it.",
    },
    "partner": {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "A partner's API key."},
}


@dataclass(frozen=True)
class Schemas:
    """The schemas of all models, by component name, and the reference to each model."""

    definitions: dict[str, Any]
    references: dict[Any, dict[str, str]]

    def ref(self, model: type[BaseModel]) -> dict[str, str]:
        return self.references[model, _mode(model)]

    def content(self, model: type[BaseModel], kind: str = "application/json") -> dict[str, Any]:
        """Return the content of a body of this model, with an example."""
        reference = self.ref(model)
        return {kind: {"schema": reference, "example": example_of(reference, self.definitions)}}


def document(server_path: str) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document. `server_path` is the path below which the API answers, for example `/api`."""
    schemas = _schemas()
    paths: dict[str, Any] = {}
    for operation in sorted(OPERATIONS, key=lambda each: (each.room == "health", each.room)):
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, schemas)
    queries = {schemas.ref(operation.query)["$ref"] for operation in OPERATIONS if operation.query}
    refusals = {refusal().code: refusal() for operation in OPERATIONS for refusal in _refusals(operation)}
    return {
        "openapi": "3.1.0",
        "info": _info(),
        "servers": [{"url": server_path, "description": "This deployment."}],
        "tags": [{"name": _tag(room), "description": TAGS[room]} for room in sorted({o.room for o in OPERATIONS})],
        "paths": paths,
        "components": {
            "schemas": {
                name: each for name, each in schemas.definitions.items() if SCHEMA.format(model=name) not in queries
            },
            "examples": {code: {"value": _problem_example(refusal)} for code, refusal in sorted(refusals.items())},
            "securitySchemes": SECURITY_SCHEMES,
        },
    }


def _schemas() -> Schemas:
    models = {model for o in OPERATIONS for model in (o.answer, o.body, o.query) if model} | {Problem} | _members()
    ordered = sorted(models, key=lambda model: (model.__name__, model.__module__))
    references, schemas = models_json_schema(
        [(model, _mode(model)) for model in ordered], ref_template=SCHEMA, schema_generator=AnswersAreComplete
    )
    return Schemas(schemas.get("$defs", {}), references)


def _info() -> dict[str, Any]:
    seller = shop().seller
    return {
        "title": f"{shop().name} storefront",
        "version": "1.0.0",
        "description": DESCRIPTION,
        "contact": {"name": seller.legal_name, "email": seller.email},
        "license": {"name": "MIT", "identifier": "MIT"},
    }


def _tag(room: str) -> str:
    return room.replace("_", " ").capitalize()


def _mode(model: type[BaseModel]) -> Literal["validation", "serialization"]:
    """Problem documents leave out what is null, so their fields with a default are optional, as in a body."""
    return "serialization" if any(model is o.answer for o in OPERATIONS) else "validation"


def _operation(operation: Operation, schemas: Schemas) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [_tag(operation.room)],
        "summary": operation.summary,
        "description": cleandoc(operation.description),
        "parameters": [
            *_path_parameters(operation),
            *_query_parameters(operation),
            *_header_parameters(operation),
            *_cookie_parameters(operation),
        ],
        "responses": {
            str(operation.status): {
                "description": operation.summary,
                "headers": {
                    name: {"description": ANSWER_HEADERS[name], "schema": {"type": "string"}}
                    for name in operation.answer_headers
                },
                "content": schemas.content(operation.answer),
            },
            **_problems(operation, schemas),
        },
        "security": SECURITY[operation.access],
    }
    if operation.body:
        described["requestBody"] = {"required": operation.body_required, "content": schemas.content(operation.body)}
    return described


def _path_parameters(operation: Operation) -> list[dict[str, Any]]:
    return [
        _parameter(name, "path", PATH_PARAMETERS[name], {"type": "string"}, is_required=True)
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
        _parameter(
            name,
            "header",
            HEADERS[name],
            HEADER_SCHEMAS.get(name, {"type": "string"}),
            is_required=name in operation.required_headers,
        )
        for name in (*operation.required_headers, *operation.headers)
    ]


def _cookie_parameters(operation: Operation) -> list[dict[str, Any]]:
    return [
        _parameter(name, "cookie", COOKIES[name], {"type": "string"}, is_required=False) for name in operation.cookies
    ]


def _parameter(name: str, place: str, description: str, schema: dict[str, Any], *, is_required: bool) -> dict[str, Any]:
    return {
        "name": name,
        "in": place,
        "required": is_required,
        "description": description,
        "schema": schema,
        "example": PARAMETER_VALUES.get(name) or VALUES[name],
    }


def _refusals(operation: Operation) -> list[type[Refusal]]:
    refusals: list[type[Refusal]] = [TextNotUnicode, TokenInvalid, RequestFiltered, TooManyRequests]
    refusals += ACCESS_REFUSALS[operation.access]
    refusals += [] if is_direct(operation.path) else [DirectCallRefused]
    refusals += operation.refusals
    if operation.body:
        refusals += [BodyNotJson, JsonKeyDuplicate, BodyTooLarge, ValidationFailed]
    if operation.query:
        refusals.append(ValidationFailed)
    return list(dict.fromkeys(refusals))


def _problems(operation: Operation, schemas: Schemas) -> dict[str, Any]:
    by_status: dict[int, list[type[Refusal]]] = {}
    for refusal in _refusals(operation):
        by_status.setdefault(status_of(refusal()), []).append(refusal)
    return {str(int(status)): _problem_response(kinds, schemas) for status, kinds in sorted(by_status.items())}


def _problem_response(kinds: list[type[Refusal]], schemas: Schemas) -> dict[str, Any]:
    codes = sorted({refusal().code for refusal in kinds})
    content = {
        "schema": _problem_schema(kinds, schemas),
        "examples": {code: {"$ref": f"#/components/examples/{code}"} for code in codes},
    }
    return {
        "description": " or ".join(f"`{code}`" for code in codes),
        "content": {"application/problem+json": content},
    }


def _problem_schema(refusals: list[type[Refusal]], schemas: Schemas) -> dict[str, Any]:
    """Return a problem's schema, with the further members that one of these refusals may have."""
    members = sorted({refusal.Members for refusal in refusals if refusal.Members}, key=lambda model: model.__name__)
    return {"allOf": [schemas.ref(Problem), *map(schemas.ref, members)]} if members else schemas.ref(Problem)


def _problem_example(refusal: Refusal) -> dict[str, Any]:
    status = status_of(refusal)
    problem = Problem(title=status.phrase, status=status, detail=refusal.detail, code=refusal.code)
    return problem.model_dump(mode="json", exclude_none=True)


def _members() -> set[type[BaseModel]]:
    return {refusal.Members for o in OPERATIONS for refusal in o.refusals if refusal.Members}
