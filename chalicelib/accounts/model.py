"""Account rules: email address, password, refusals. No answer reveals whether an account exists."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from chalicelib.accounts.password import opaque
from chalicelib.platform.email_address import DOCUMENTED, Email
from chalicelib.platform.errors import Conflict, Forbidden, TooMany, Unauthenticated, UnprocessableRequest

PASSWORD_MINIMUM = 12
"""The user pool asks for the same. Length is what counts; no rules about capitals and digits."""

DISTINCT_CHARACTERS = 5

NAME_LENGTH = 4
"""A shorter name in an address is in many good passwords by chance."""

USER_NAME_LIMIT = 128
"""Characters. The address is the user name, and Cognito takes no longer one."""


def _as_user_name(email: str) -> str:
    if len(email) > USER_NAME_LIMIT:
        raise PydanticCustomError(
            "email_too_long_for_account",
            "The email address of an account has at most {limit} characters.",
            {"limit": USER_NAME_LIMIT},
        )
    return email.lower()


AccountEmail = Annotated[
    Email, AfterValidator(_as_user_name), Field(json_schema_extra=DOCUMENTED | {"maxLength": USER_NAME_LIMIT})
]
Code = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=32, pattern=r"^[!-~]+$")]
Password = Annotated[str, AfterValidator(opaque), StringConstraints(min_length=1, max_length=256)]
"""A password as it is compared. A new one must also pass `checked_password`."""


class CredentialsRefused(Unauthenticated):
    """This email and password do not open an account."""


class SessionEnded(Unauthenticated):
    """There is no session to go on with; sign in again."""


class SessionHeaderMissing(Forbidden):
    """A session is changed by the shop's own pages only, which send `X-Session-Request: 1`."""


class AccountNotConfirmed(Conflict):
    """This account still waits for the code from its email."""


class NewPasswordRequired(Conflict):
    """The password was for one time only: send one of your own as `new_password` along with it."""


class PasswordResetRequired(Conflict):
    """This account needs a new password: ask for a code."""


class SignInStepUnknown(Conflict):
    """This account asks for a step that this shop does not offer."""


class CodeRefused(UnprocessableRequest):
    """This code is not the one that was sent last, or it has expired."""


class PasswordRefused(UnprocessableRequest):
    """Please choose another password."""


class PasswordWrong(UnprocessableRequest):
    """This is not the account's password."""


class TooManyAttempts(TooMany):
    """Too many attempts. Please wait a few minutes."""


@dataclass(frozen=True)
class Tokens:
    """What a session consists of. `refresh_token` is None if the one that was sent stays valid."""

    id_token: str
    refresh_token: str | None


def checked_password(password: str, email: str, field: str) -> str:
    """Raises PasswordRefused, which names the field."""
    if len(password) < PASSWORD_MINIMUM:
        raise PasswordRefused(fields={field: f"A password has at least {PASSWORD_MINIMUM} characters."})
    if password != password.strip() or not password.isprintable():
        raise PasswordRefused(fields={field: "A password has no space at its ends, and nothing that cannot be seen."})
    if len(set(password)) < DISTINCT_CHARACTERS or _contains_name(password.lower(), email):
        raise PasswordRefused(fields={field: "This password is easy to guess."})
    return password


def _contains_name(password: str, email: str) -> bool:
    name = email.partition("@")[0]
    return len(name) >= NAME_LENGTH and name in password
