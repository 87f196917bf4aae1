"""Routes of the HTTP API: one declaration each, from which the call is parsed, answered and described in OpenAPI."""

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from chalice import Blueprint, Response

from chalicelib.platform import identity, stage_cache
from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.errors import Forbidden, Refusal, TooLarge, Unauthenticated
from chalicelib.platform.identity import Caller
from chalicelib.platform.ids import CustomerId
from chalicelib.platform.log import bind_log_context, log, milliseconds_since
from chalicelib.platform.problems import response, translated
from chalicelib.platform.request_input import check_unicode, given_once, json_object, validated
from chalicelib.platform.settings import settings

Access = Literal["public", "customer", "admin", "partner"]
"""A partner shows an API key, which the gateway checks and counts; to the function they are a guest."""

Headers = dict[str, str | list[str]]

BODY_LIMIT = 32 * 1024
"""Bytes. The largest honest request is a checkout of about one kilobyte."""

CACHE_KEY_HEADERS = ("Authorization", "X-Edge-Mark")
"""Headers for which any request may be refused: an invalid token, or a call that did not come through the edge."""

ORDER_ID = re.compile(r"ord_[0-9a-f]{24}")


class BodyTooLarge(TooLarge):
    """The request body is larger than this path takes: 32 KiB, or 256 KiB from Stripe."""


class SignInRequired(Unauthenticated):
    """Sign in and send the token as `Authorization: Bearer <token>`."""


class AdminOnly(Forbidden):
    """Only members of the admin group may do this."""


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
    def customer_id(self) -> CustomerId:
        """Raises SignInRequired; never on a route whose access is `customer` or `admin`."""
        if self.caller.customer_id is None:
            raise SignInRequired
        return self.caller.customer_id


@dataclass(frozen=True)
class Answer:
    """A view returns this instead of a bare model when it has headers to add. Several values make several headers."""

    body: BaseModel
    headers: Headers = field(default_factory=dict)


@dataclass(frozen=True)
class Operation:
    """One declared route. `room` is the folder that declares it; the last three fields are not in OpenAPI."""

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
    body_limit: int
    check: Callable[[Call], None]
    shared_seconds: int
    changes_shared: bool


OPERATIONS: list[Operation] = []


def answered_methods(method: str) -> list[str]:
    """Return the methods that a route of this method answers. HEAD is answered like GET; the gateway leaves
    out the body."""
    return ["GET", "HEAD"] if method == "GET" else [method]


View = TypeVar("View", bound=Callable[..., object])


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
    changes_shared: bool = False,
    refusals: tuple[type[Refusal], ...] = (),
) -> Callable[[View], View]:
    """Declare a route. The view gets the call, the path's parameters, and `body` and `query` as models. Its docstring
    is the operation's description in the OpenAPI document.

    `check` sees the call before its body is read. `body_limit` is bytes. An answer that is the same for everybody may
    be shared for so many seconds, also with pages of other sites; a route that `changes_shared` ends that where it can.
    """

    def register(view: View) -> View:
        operation = Operation(
            view.__name__, _room(view), method, path, summary, view.__doc__ or summary, access, answer, status,
            body, body_required, query, headers, required_headers, cookies, answer_headers, refusals,
            body_limit, check, shared_seconds, changes_shared,
        )  # fmt: skip
        _add_route(routes, operation, view)
        return view

    return register


def _add_route(routes: Blueprint, operation: Operation, view: Callable[..., Any]) -> None:
    def handle(**path_parameters: str) -> Response:
        return _handle(routes.current_request, path_parameters, operation, view)

    OPERATIONS.append(operation)
    routes.route(
        operation.path,
        methods=answered_methods(operation.method),
        name=operation.name,
        content_types=[],  # Chalice would refuse other content types in words of its own; `json_object` decides.
        api_key_required=operation.access == "partner",
    )(handle)


def _handle(request: Any, path_parameters: dict[str, str], operation: Operation, view: Callable[..., Any]) -> Response:
    """Return the view's answer or a problem document, and log the call."""
    ids = {
        "request_id": request.context.get("requestId"),
        "operation": operation.name,
        # A client that follows an order asks often, so reads are not logged under its id.
        "order_id": None if operation.method == "GET" else _order_id(path_parameters.get("order_id")),
    }

    def call_view() -> Response:
        query, headers = _distinguishing(request, operation)
        check_unicode(path_parameters, query, headers)
        call = _call(request, operation.access)
        bind_log_context(caller=call.caller.role, **ids)
        result = view(call, **path_parameters, **_input(call, request, operation))
        if operation.changes_shared and settings().api_cache:
            stage_cache.flush(request.context.get("apiId", ""), request.context.get("stage", ""))
        result = result if isinstance(result, Answer) else Answer(result)
        return _response(result.body, operation.status, _sharing(operation.shared_seconds) | result.headers)

    bind_log_context(**ids)
    began = time.monotonic()
    answer = translated(call_view)
    _note(operation.method, operation.path, answer, milliseconds_since(began))
    return answer


def _input(call: Call, request: Any, operation: Operation) -> dict[str, BaseModel]:
    """Return the view's `body` and `query`. Raises what `check` raises, BodyTooLarge, BodyNotJson, ValidationFailed."""
    models: dict[str, BaseModel] = {}
    if operation.body and len(call.raw_body) > operation.body_limit:
        raise BodyTooLarge
    operation.check(call)
    if operation.body:
        is_empty = not call.raw_body and not operation.body_required
        models["body"] = validated(operation.body, {} if is_empty else json_object(call.raw_body))
    if operation.query:
        query, _ = _distinguishing(request, operation)
        models["query"] = validated(operation.query, query if _is_cached(operation) else given_once(query))
    return models


def _is_cached(operation: Operation) -> bool:
    return bool(operation.shared_seconds and settings().api_cache)


def _distinguishing(request: Any, operation: Operation) -> tuple[Any, Mapping[str, str]]:
    """Return the query and the headers for which a request may be refused: if it is cached, those of the cache's key.

    A request that is refused for anything else would put its refusal into the cache, where it answers those of others.
    """
    query: Any = request.query_params or {}
    if not _is_cached(operation):
        return query, request.headers
    known = operation.query.model_fields if operation.query else ()
    last = {name: query.getlist(name)[-1] for name in query if name in known}
    return last, {name: value for name, value in request.headers.items() if name.title() in CACHE_KEY_HEADERS}


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


def _note(method: str, path: str, answer: Response, duration: int) -> None:
    """Log the request and its outcome. The only value from the caller is an order's id."""
    content = {} if method == "GET" else json.loads(answer.body)
    outcome = {"method": method, "path": path, "status": int(answer.status_code), "code": content.get("code")}
    outcome["duration_ms"] = duration
    placed = _order_id(content.get("order_id"))
    log.info("call answered", extra=outcome | ({"order_id": placed} if placed else {}))


def _order_id(text: str | None) -> str | None:
    """If it looks like one."""
    return text if text and ORDER_ID.fullmatch(text) else None


def _sharing(seconds: int) -> Headers:
    """Return the headers that say for how long the edge may answer by itself.

    Browsers ask each time, as they would not with `stale-while-revalidate`.
    """
    if not seconds:
        return {"Cache-Control": "no-store"}
    return {"Cache-Control": f"public, max-age=0, s-maxage={seconds}", "Access-Control-Allow-Origin": "*"}


def _response(model: BaseModel, status: int, headers: Headers) -> Response:
    return response(model.model_dump_json(by_alias=True), "application/json", status, headers)
