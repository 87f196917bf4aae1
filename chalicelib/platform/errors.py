"""The kinds of refusal the domain can give; `platform.problems` turns each kind into a status code.

A room's own errors subclass a kind. The stable `code` of an error is its class name in snake case:
`class CartEmpty(UnprocessableRequest)` is answered as `cart_empty`.
"""

import re
from typing import ClassVar

from chalicelib.platform.base_model import BaseModel


class Refusal(Exception):
    """The caller asked for something that cannot be done; nothing was changed.

    `members` are the extension members of its problem document (RFC 9457); `Members` is their model, whose
    fields are all optional, because other refusals of the same status do not have them.
    """

    Members: ClassVar[type[BaseModel] | None] = None
    members: BaseModel | None = None

    @property
    def code(self) -> str:
        return re.sub(r"(?<!^)(?=[A-Z])", "_", type(self).__name__).lower()

    @property
    def detail(self) -> str:
        return str(self) or (type(self).__doc__ or "").strip().splitlines()[0]


class Malformed(Refusal):
    """The request cannot be read."""


class CursorInvalid(Malformed):
    """The cursor is not one that this list gave out."""


class Unauthenticated(Refusal):
    """The caller did not prove who they are."""


class Forbidden(Refusal):
    """The caller is known and may not do this."""


class NotFound(Refusal):
    """There is no such thing, or it is not the caller's."""


class WrongMethod(Refusal):
    """The thing is there and does not answer this method."""


class Conflict(Refusal):
    """The thing is not in a state that allows this."""


class PreconditionFailed(Refusal):
    """The thing is not in the version that the caller's If-Match or If-None-Match asks for."""


class TooLarge(Refusal):
    """The request is larger than this API reads."""


class TooMany(Refusal):
    """The caller asks too often; the same call may succeed later."""


class UnprocessableRequest(Refusal):
    """The request can be read, and breaks a rule."""

    def __init__(self, detail: str = "", fields: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.fields = fields or {}


class ValidationFailed(UnprocessableRequest):
    """One or more fields are missing or out of range."""


class Unavailable(Exception):
    """Something this service depends on did not answer; the same call may succeed later."""
