"""Problem documents (RFC 9457): the status code of each kind of refusal, and the response that describes it."""

import json
import uuid
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from chalice import Response

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
    WrongMethod,
)
from chalicelib.platform.identity import TokenInvalid
from chalicelib.platform.log import log

CHALLENGE = 'Bearer realm="storefront"'
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


def translated(call_view: Callable[[], Response]) -> Response:
    """Return the view's response, or the problem document of what it raises: only here exceptions become statuses.

    It stands right under `@route`, because Chalice's middleware sees a finished 500 and never the exception.
    """
    try:
        return call_view()
    except Refusal as refusal:
        return refused(refusal)
    except Unavailable:
        log.exception("dependency unavailable")
        status = HTTPStatus.SERVICE_UNAVAILABLE
        return _problem(status, "service_unavailable", UNAVAILABLE, {}, {"Retry-After": "2"})
    except Exception:
        incident = uuid.uuid4().hex[:12]
        log.exception("unexpected failure", extra={"incident": incident})
        detail = f"An unexpected error occurred. Quote {incident}."
        return _problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", detail, {})


def refused(refusal: Refusal) -> Response:
    """Return the problem document of a refusal."""
    fields, members = getattr(refusal, "fields", {}), refusal.members
    status = status_of(refusal)
    headers = {"WWW-Authenticate": challenge(refusal)} if status == HTTPStatus.UNAUTHORIZED else {}
    return _problem(status, refusal.code, refusal.detail, fields, headers, members)


def challenge(refusal: Refusal) -> str:
    """Return the `WWW-Authenticate` header of a 401 (RFC 6750).

    A REST API of API Gateway renames this header of a function's answer to `x-amzn-remapped-www-authenticate`; its
    own answers keep the name.
    """
    return CHALLENGE + (', error="invalid_token"' if isinstance(refusal, TokenInvalid) else "")


def with_allowed_methods(request: Any, answer: Callable[[Any], Response]) -> Response:
    """Chalice middleware: refuse a method that the path does not answer with a problem document."""
    answered = answer(request)
    if answered.status_code != HTTPStatus.METHOD_NOT_ALLOWED:
        return answered
    refusal = MethodNotAllowed()
    return _problem(status_of(refusal), refusal.code, refusal.detail, {}, {"Allow": str(answered.headers["Allow"])})


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
    return response(json.dumps(content), "application/problem+json", status, headers or {})


def response(body: str, kind: str, status: int, headers: Mapping[str, Any]) -> Response:
    """Return a response with this body and content type, which no cache stores unless `headers` say otherwise."""
    return Response(body, {"Content-Type": kind, "Cache-Control": "no-store", **headers}, status)
