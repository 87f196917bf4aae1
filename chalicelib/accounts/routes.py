"""Accounts and sessions over HTTP, for the shop's own pages.

The page gets an id token that lives for minutes, and keeps it in memory only. What prolongs the session is a cookie
that no script can read and that is sent to these routes only. An admin's browser gets one more, with which the
edge decides who may see the console's pages; the API itself never looks at it.
"""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from chalice import Blueprint
from pydantic import Field

from chalicelib import wiring
from chalicelib.accounts import sessions
from chalicelib.accounts.model import (
    AccountEmail,
    AccountNotConfirmed,
    Code,
    CodeRefused,
    CredentialsRefused,
    NewPasswordRequired,
    Password,
    PasswordRefused,
    PasswordResetRequired,
    SessionEnded,
    SessionHeaderMissing,
    SignInStepUnknown,
    TooManyAttempts,
)
from chalicelib.accounts.sessions import REFRESH_COOKIE, SessionView
from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.errors import Refusal
from chalicelib.platform.http import Answer, Call, endpoint

routes = Blueprint(__name__)

SESSION_REQUEST = "X-Session-Request"

FOREIGN = ("cross-site", "same-site")
"""Values of Sec-Fetch-Site that a request from another site's page carries."""


class SignIn(BaseModel):
    email: AccountEmail
    password: Password
    new_password: Annotated[
        Password | None, Field(description="Only if the answer was `new_password_required`: one of their own.")
    ] = None


class SignedOut(BaseModel):
    signed_out: Literal[True] = True


class NewAccount(BaseModel):
    email: AccountEmail
    password: Password


class Confirmation(BaseModel):
    email: AccountEmail
    code: Code


class AccountAddress(BaseModel):
    email: AccountEmail


class PasswordReset(BaseModel):
    email: AccountEmail
    code: Code
    new_password: Password


class Taken(BaseModel):
    """The answer does not reveal whether the account exists or an email was sent."""

    accepted: Literal[True] = True


class Done(BaseModel):
    done: Literal[True] = True


def _from_our_own_pages(call: Call) -> None:
    """Another site's page can make a browser send our cookies, but not this header: that would need our consent.

    Raises SessionHeaderMissing.
    """
    is_foreign = call.headers.get("sec-fetch-site") in FOREIGN
    if is_foreign or call.headers.get(SESSION_REQUEST.lower()) != "1":
        raise SessionHeaderMissing


@endpoint(
    routes, "POST", "/session", summary="Sign in",
    required_headers=(SESSION_REQUEST,), body=SignIn, check=_from_our_own_pages,
    answer=SessionView, answer_headers=("Set-Cookie",),
    refusals=(
        SessionHeaderMissing, CredentialsRefused, AccountNotConfirmed, NewPasswordRequired, PasswordRefused,
        PasswordResetRequired, SignInStepUnknown, TooManyAttempts,
    ),
)  # fmt: skip
def sign_in(call: Call, body: SignIn) -> Answer:
    """Return an id token and set the refresh cookie. Admins also get the cookie that opens the console's pages. An
    account with a temporary password is refused with `new_password_required` until a new one is sent.
    """
    return sessions.begun(wiring.accounts().sign_in(body.email, body.password, body.new_password))


@endpoint(
    routes, "POST", "/session/refresh", summary="Refresh the session",
    required_headers=(SESSION_REQUEST,), cookies=(REFRESH_COOKIE,), check=_from_our_own_pages,
    answer=SessionView, answer_headers=("Set-Cookie",),
    refusals=(SessionHeaderMissing, SessionEnded, TooManyAttempts),
)  # fmt: skip
def refresh_session(call: Call) -> Answer:
    """Return a new id token for the session of the refresh cookie."""
    refresh_token = call.cookies.get(REFRESH_COOKIE)
    if not refresh_token:
        raise SessionEnded
    return sessions.begun(wiring.accounts().refresh(refresh_token))


@endpoint(
    routes, "DELETE", "/session", summary="Sign out",
    required_headers=(SESSION_REQUEST,), cookies=(REFRESH_COOKIE,), check=_from_our_own_pages,
    answer=SignedOut, answer_headers=("Set-Cookie",), refusals=(SessionHeaderMissing, TooManyAttempts),
)  # fmt: skip
def sign_out(call: Call) -> Answer:
    """Revoke the refresh token and delete the session's cookies. Succeeds without a session."""
    if refresh_token := call.cookies.get(REFRESH_COOKIE):
        wiring.accounts().sign_out(refresh_token)
    return sessions.ended(SignedOut())


def _may_send_code(call: Call, email: str) -> None:
    """Raise TooManyAttempts, whether or not there is such an account."""
    if not wiring.mail_limits().allow_code(email, wiring.client_of(call)):
        raise TooManyAttempts


def _code_endpoint(path: str, body: type[BaseModel], summary: str, *refusals: type[Refusal]) -> Callable[..., Any]:
    return endpoint(
        routes, "POST", path, summary=summary, status=202, body=body, answer=Taken,
        refusals=(TooManyAttempts, *refusals),
    )  # fmt: skip


@_code_endpoint("/accounts", NewAccount, "Create an account", PasswordRefused)
def open_account(call: Call, body: NewAccount) -> Taken:
    """Create an account and email a confirmation code. The response is the same if the account exists."""
    _may_send_code(call, body.email)
    wiring.accounts().sign_up(body.email, body.password)
    return Taken()


@_code_endpoint("/accounts/resend", AccountAddress, "Resend a confirmation code")
def resend_code(call: Call, body: AccountAddress) -> Taken:
    """Email the confirmation code of a new account again. The response is the same if there is no such account."""
    _may_send_code(call, body.email)
    wiring.accounts().resend(body.email)
    return Taken()


@_code_endpoint("/accounts/password-reset", AccountAddress, "Request a password reset")
def ask_password_reset(call: Call, body: AccountAddress) -> Taken:
    """Email a code for a password reset. The response is the same if there is no such account."""
    _may_send_code(call, body.email)
    wiring.accounts().ask_reset(body.email)
    return Taken()


@endpoint(
    routes, "POST", "/accounts/confirm", summary="Confirm an account",
    body=Confirmation, answer=Done, refusals=(CodeRefused, TooManyAttempts),
)  # fmt: skip
def confirm_account(call: Call, body: Confirmation) -> Done:
    """Confirm an account with the code from its email, so that its owner can sign in."""
    wiring.accounts().confirm(body.email, body.code)
    return Done()


@endpoint(
    routes, "POST", "/accounts/password-reset/confirm", summary="Set a new password",
    body=PasswordReset, answer=Done, refusals=(CodeRefused, PasswordRefused, TooManyAttempts),
)  # fmt: skip
def confirm_password_reset(call: Call, body: PasswordReset) -> Done:
    """Set a new password with the code from the email. All sessions of the account end."""
    wiring.accounts().reset(body.email, body.code, body.new_password)
    return Done()
