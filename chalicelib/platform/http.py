"""How a route is declared: parse, call, answer, and every refusal as a problem document (RFC 9457).

Chalice's middleware sees a finished 500 and never the exception, so the translation stands here,
right under `@route`. The same declaration feeds the OpenAPI document.
"""

import json
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Literal

from chalice import Blueprint, Response
from pydantic import ValidationError

from chalicelib.platform import identity, strict_json
from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.errors import (
    Conflict,
    Forbidden,
    Malformed,
    NotFound,
    PreconditionFailed,
    Refusal,
    TooLarge,
    TooMany,
    Unauthenticated,
    Unavailable,
    UnprocessableRequest,
    ValidationFailed,
    WrongMethod,
)
from chalicelib.platform.identity import Caller, TokenInvalid
from chalicelib.platform.log import bind_log_context, log

Access = Literal["public", "customer", "admin", "partner"]
Headers = dict[str, str | list[str]]
"""A partner shows an API key, which the gateway checks and counts; to the function they are a guest."""

CHALLENGE = 'Bearer realm="storefront"'

BODY_LIMIT = 32 * 1024
"""Bytes. The largest honest request is a checkout of about one kilobyte."""

ORDER_ID = re.compile(r"ord_[0-9a-f]{24}")

UNAVAILABLE = "A dependency of the API did not answer. Try again."

STATUS_OF: dict[type[Exception], HTTPStatus] = {
    Malformed: HTTPStatus.BAD_REQUEST,
    Unauthenticated: HTTPStatus.UNAUTHORIZED,
    Forbidden: HTTPStatus.FORBIDDEN,
    NotFound: HTTPStatus.NOT_FOUND,
    WrongMethod: HTTPStatus.METHOD_NOT_ALLOWED,
    Conflict: HTTPStatus.CONFLICT,
    PreconditionFailed: HTTPStatus.PRECONDITION_FAILED,
    TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    UnprocessableRequest: HTTPStatus.UNPROCESSABLE_ENTITY,
    TooMany: HTTPStatus.TOO_MANY_REQUESTS,
}


class BodyNotJson(Malformed):
    """The request body is not a JSON object."""


class JsonKeyDuplicate(Malformed):
    """An object in the request body contains the same key twice."""


class BodyTooLarge(TooLarge):
    """The request body is larger than this path takes: 32 KiB, or 256 KiB from Stripe."""


class SignInRequired(Unauthenticated):
    """Sign in and send the token as `Authorization: Bearer <token>`."""


class AdminOnly(Forbidden):
    """Only members of the admin group may do this."""


# What the gateway in front of the function answers; `infra/build/gateway.py` says when.


class ApiKeyRequired(Forbidden):
    """Send a partner's key as `x-api-key`."""


class RequestFiltered(Forbidden):
    """The firewall blocked this request."""


class RequestRejected(Malformed):
    """The request cannot be understood."""


class RouteNotFound(NotFound):
    """No route has this path and method."""


class TooManyRequests(TooMany):
    """Too many requests. Try again later."""


class MethodNotAllowed(WrongMethod):
    """This path does not answer this method; `Allow` names those that it answers."""


class QuotaExceeded(TooMany):
    """The daily quota of this API key is used up."""


@dataclass(frozen=True)
class Call:
    """Who calls, the headers (names in lower case), and the body as it came. `peer` is the address that connected to
    the gateway."""

    caller: Caller
    headers: Mapping[str, str]
    raw_body: bytes = b""
    peer: str = ""

    @property
    def cookies(self) -> dict[str, str]:
        pairs = (pair.strip().partition("=") for pair in self.headers.get("cookie", "").split(";"))
        return {name: value for name, _, value in pairs if name}

    @property
    def customer_id(self) -> str:
        """Raises SignInRequired; never on a route whose access is `customer` or `admin`."""
        if self.caller.customer_id is None:
            raise SignInRequired
        return self.caller.customer_id


@dataclass(frozen=True)
class Answer:
    """A view returns this instead of a bare model when it has headers to add. Several values make several headers."""

    body: BaseModel
    headers: dict[str, str | list[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Operation:
    """One route, as the OpenAPI document describes it. `room` is the folder that declares it."""

    name: str
    room: str
    method: str
    path: str
    summary: str
    description: str
    access: Access
    answer: type[BaseModel]
    status: int
    body: type[BaseModel] | None
    body_required: bool
    query: type[BaseModel] | None
    headers: tuple[str, ...]
    required_headers: tuple[str, ...]
    cookies: tuple[str, ...]
    answer_headers: tuple[str, ...]
    refusals: tuple[type[Refusal], ...]


OPERATIONS: list[Operation] = []


def answered_methods(method: str) -> list[str]:
    """Return the methods that a route of this method answers. HEAD is answered like GET; the gateway leaves
    out the body."""
    return ["GET", "HEAD"] if method == "GET" else [method]


def endpoint(
    routes: Blueprint,
    method: str,
    path: str,
    *,
    summary: str,
    answer: type[BaseModel],
    status: int = 200,
    access: Access = "public",
    body: type[BaseModel] | None = None,
    body_required: bool = True,
    body_limit: int = BODY_LIMIT,
    check: Callable[[Call], None] = lambda call: None,
    query: type[BaseModel] | None = None,
    headers: tuple[str, ...] = (),
    required_headers: tuple[str, ...] = (),
    cookies: tuple[str, ...] = (),
    answer_headers: tuple[str, ...] = (),
    shared_seconds: int = 0,
    refusals: tuple[type[Refusal], ...] = (),
) -> Callable[..., Any]:
    """Declare a route. The view gets the call, the path's parameters, and `body` and `query` as models. Its docstring
    is the operation's description in the OpenAPI document.

    `check` sees the call before its body is read. `body_limit` is bytes. An answer that is the same for everybody may
    be shared for so many seconds, also with pages of other sites.
    """

    def register(view: Callable[..., Any]) -> Callable[..., Any]:
        OPERATIONS.append(
            Operation(
                view.__name__, _room(view), method, path, summary, view.__doc__ or summary, access, answer, status,
                body, body_required, query, headers, required_headers, cookies, answer_headers, refusals,
            )
        )  # fmt: skip

        def handle(**path_parameters: str) -> Response:
            request = routes.current_request
            ids = {
                "request_id": request.context.get("requestId"),
                "operation": view.__name__,
                # A client that follows an order asks often, so reads are not logged under its id.
                "order_id": None if method == "GET" else _order_id(path_parameters.get("order_id")),
            }

            def call_view() -> Response:
                call = _call(request, access)
                bind_log_context(caller=call.caller.role, **ids)
                if body and len(call.raw_body) > body_limit:
                    raise BodyTooLarge
                check(call)
                arguments: dict[str, Any] = dict(path_parameters)
                if body:
                    is_empty = not call.raw_body and not body_required
                    arguments["body"] = _validated(body, {} if is_empty else _json_object(call.raw_body))
                if query:
                    arguments["query"] = _validated(query, _given_once(request.query_params or {}))
                result = view(call, **arguments)
                result = result if isinstance(result, Answer) else Answer(result)
                return _response(result.body, status, _sharing(shared_seconds) | result.headers)

            bind_log_context(**ids)
            answer = _translated(call_view)
            _note(method, path, answer)
            return answer

        # Chalice would refuse other content types in words of its own; `_json_object` decides here.
        by_key = access == "partner"
        routes.route(
            path, methods=answered_methods(method), name=view.__name__, content_types=[], api_key_required=by_key
        )(handle)
        return view

    return register


def _room(view: Callable[..., Any]) -> str:
    """Return the folder of the module that declares the view; `health` where that is no room."""
    folders = view.__module__.split(".")[1:-1]
    return folders[0] if folders else "health"


def _call(request: Any, access: Access) -> Call:
    headers = {name.lower(): value for name, value in request.headers.items()}
    caller = identity.identify(headers)
    if access in ("customer", "admin") and caller.customer_id is None:
        raise SignInRequired
    if access == "admin" and not caller.is_admin:
        raise AdminOnly
    peer = (request.context.get("identity") or {}).get("sourceIp", "")
    return Call(caller, headers, request.raw_body, peer)


def _note(method: str, path: str, answer: Response) -> None:
    """Log the request and its outcome. The only value from the caller is an order's id."""
    told = {} if method == "GET" else json.loads(answer.body)
    outcome = {"method": method, "path": path, "status": int(answer.status_code), "code": told.get("code")}
    placed = _order_id(told.get("order_id"))
    log.info("call answered", extra=outcome | ({"order_id": placed} if placed else {}))


def _order_id(text: str | None) -> str | None:
    """If it looks like one."""
    return text if text and ORDER_ID.fullmatch(text) else None


def _json_object(raw: bytes) -> dict[str, Any]:
    """Return the body's object. Raises BodyNotJson, JsonKeyDuplicate, ValidationFailed."""
    try:
        parsed = strict_json.parse(raw)
    except strict_json.JsonKeyRepeated as repeated:
        raise JsonKeyDuplicate(str(repeated)) from None
    except strict_json.JsonValueRefused as refused:
        raise ValidationFailed("Please correct the named fields.", {refused.path or "body": refused.message}) from None
    except strict_json.JsonRefused:
        raise BodyNotJson from None
    if not isinstance(parsed, dict):
        raise BodyNotJson
    return parsed


def _given_once(parameters: Any) -> dict[str, str]:
    """Return a query's parameters. Raises ValidationFailed for a repeated one: which value counts would be unclear."""
    twice = [name for name in parameters if len(parameters.getlist(name)) > 1]
    if twice:
        raise ValidationFailed("Please correct the named fields.", dict.fromkeys(twice, "Must be given at most once."))
    return dict(parameters)


def _validated(model: type[BaseModel], values: dict[str, Any]) -> BaseModel:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        fields = {".".join(map(str, e["loc"])) or "body": e["msg"] for e in error.errors()}
        raise ValidationFailed("Please correct the named fields.", fields) from None


def _translated(call_view: Callable[[], Response]) -> Response:
    """The one place where exceptions become status codes."""
    try:
        return call_view()
    except Refusal as refusal:
        fields, members = getattr(refusal, "fields", {}), refusal.members
        status = status_of(refusal)
        headers = {"WWW-Authenticate": challenge(refusal)} if status == HTTPStatus.UNAUTHORIZED else {}
        return _problem(status, refusal.code, refusal.detail, fields, headers, members)
    except Unavailable:
        log.exception("dependency unavailable")
        status = HTTPStatus.SERVICE_UNAVAILABLE
        return _problem(status, "service_unavailable", UNAVAILABLE, {}, {"Retry-After": "2"})
    except Exception:
        incident = uuid.uuid4().hex[:12]
        log.exception("unexpected failure", extra={"incident": incident})
        detail = f"An unexpected error occurred. Quote {incident}."
        return _problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", detail, {})


def challenge(refusal: Refusal) -> str:
    """Return the `WWW-Authenticate` header of a 401 (RFC 6750).

    A REST API of API Gateway renames this header of a function's answer to `x-amzn-remapped-www-authenticate`; its
    own answers keep the name.
    """
    return CHALLENGE + (', error="invalid_token"' if isinstance(refusal, TokenInvalid) else "")


def with_allowed_methods(request: Any, answer: Callable[[Any], Response]) -> Response:
    """Chalice middleware: refuse a method that the path does not answer with a problem document."""
    response = answer(request)
    if response.status_code != HTTPStatus.METHOD_NOT_ALLOWED:
        return response
    refusal = MethodNotAllowed()
    return _problem(status_of(refusal), refusal.code, refusal.detail, {}, {"Allow": str(response.headers["Allow"])})


def status_of(refusal: Refusal) -> HTTPStatus:
    return next(status for kind, status in STATUS_OF.items() if isinstance(refusal, kind))


def _problem(
    status: HTTPStatus,
    code: str,
    detail: str,
    fields: dict[str, str],
    headers: dict[str, str] | None = None,
    members: BaseModel | None = None,
) -> Response:
    problem = Problem(
        title=status.phrase,
        status=status,
        detail=detail,
        code=code,
        errors=[FieldError(field=name, message=message) for name, message in fields.items()] or None,
    )
    content = problem.model_dump(mode="json", exclude_none=True)
    content |= members.model_dump(mode="json") if members else {}
    return _answered(json.dumps(content), "application/problem+json", status, headers or {})


def _sharing(seconds: int) -> Headers:
    """For how long the edge may answer by itself. Browsers ask each time, as they would not with
    `stale-while-revalidate`."""
    if not seconds:
        return {"Cache-Control": "no-store"}
    told = f"public, max-age=0, s-maxage={seconds}"
    return {"Cache-Control": told, "Access-Control-Allow-Origin": "*"}


def _response(model: BaseModel, status: int, headers: Headers) -> Response:
    return _answered(model.model_dump_json(by_alias=True), "application/json", status, headers)


def _answered(body: str, kind: str, status: int, headers: Mapping[str, Any]) -> Response:
    return Response(body, {"Content-Type": kind, "Cache-Control": "no-store", **headers}, status)


class FieldError(BaseModel):
    field: str
    message: str


class Problem(BaseModel):
    """An RFC 9457 problem document. `code` is stable; `detail` is for people and may change."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    code: str
    errors: list[FieldError] | None = None
