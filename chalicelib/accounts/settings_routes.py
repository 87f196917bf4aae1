"""Account settings over HTTP: a new password, an export of the customer's data, and the account's deletion."""

from typing import Annotated, Literal

from chalice import Blueprint
from pydantic import Field, StringConstraints

from chalicelib import wiring
from chalicelib.accounts import sessions
from chalicelib.accounts.deletion import OrdersUnderWay
from chalicelib.accounts.export import AccountExport
from chalicelib.accounts.model import Password, PasswordRefused, PasswordWrong, SignInStepUnknown, TooManyAttempts
from chalicelib.accounts.sessions import SessionView
from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.errors import CursorInvalid
from chalicelib.platform.http import Answer, Call, SignInRequired, endpoint
from chalicelib.wiring import account_settings as wired

routes = Blueprint(__name__)


class PasswordChange(BaseModel):
    current_password: Password
    new_password: Password


class AccountDeletionRequest(BaseModel):
    password: Password


class AccountDeleted(BaseModel):
    deleted: Literal[True] = True


class ExportQuery(BaseModel):
    cursor: Annotated[str, StringConstraints(max_length=1000)] | None = Field(
        default=None, description="From `next_cursor` of the previous part."
    )


@endpoint(
    routes, "PUT", "/me/password", summary="Change the password", access="customer", body=PasswordChange,
    answer=SessionView, answer_headers=("Set-Cookie",),
    refusals=(PasswordWrong, PasswordRefused, SignInStepUnknown, TooManyAttempts),
)  # fmt: skip
def change_password(call: Call, body: PasswordChange) -> Answer:
    """Set a new password. All sessions of the account end, and the response begins a new one."""
    tokens = wiring.accounts().change_password(_email(call), body.current_password, body.new_password)
    return sessions.begun(tokens)


@endpoint(
    routes, "GET", "/me/export", summary="Export the customer's data", access="customer",
    query=ExportQuery, answer=AccountExport, refusals=(CursorInvalid,),
)  # fmt: skip
def export_account(call: Call, query: ExportQuery) -> AccountExport:
    """Return all that the shop holds of the customer. Further orders, if there are many, follow at `next_cursor`."""
    return wired.account_export().of(call.customer_id, _email(call), query.cursor)


@endpoint(
    routes, "POST", "/me/deletion", summary="Delete the account", access="customer", body=AccountDeletionRequest,
    answer=AccountDeleted, answer_headers=("Set-Cookie",),
    refusals=(PasswordWrong, OrdersUnderWay, SignInStepUnknown, TooManyAttempts),
)  # fmt: skip
def delete_account(call: Call, body: AccountDeletionRequest) -> Answer:
    """Delete the account, its addresses, cart, points and preferences, and erase the buyer from its orders.

    Invoices are kept as the law requires. May be repeated.
    """
    wired.account_deletion().delete(call.customer_id, _email(call), body.password)
    return sessions.ended(AccountDeleted())


def _email(call: Call) -> str:
    """The pool requires an email address of each user. Raises SignInRequired for a token without one."""
    if not call.caller.email:
        raise SignInRequired
    return call.caller.email
