"""Account use cases on the Cognito user pool: sign up, confirm, sign in, refresh, reset the password.

All calls are public ones that carry the app client's secret or a hash of it, so that nobody calls the pool past the
API's limits. The API function's only Cognito permission is to read that secret. No answer reveals whether an address
has an account.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.accounts.app_client import AppClient
from chalicelib.accounts.model import (
    AccountNotConfirmed,
    CodeRefused,
    CredentialsRefused,
    NewPasswordRequired,
    PasswordRefused,
    PasswordResetRequired,
    SessionEnded,
    SignInStepUnknown,
    Tokens,
    TooManyAttempts,
    checked_password,
)
from chalicelib.platform.errors import Refusal, ValidationFailed
from chalicelib.platform.identity import IdentityProviderUnavailable
from chalicelib.platform.log import log

if TYPE_CHECKING:
    from types_boto3_cognito_idp.client import CognitoIdentityProviderClient

Refusals = Mapping[str, type[Refusal]]

ALWAYS: Refusals = {
    "InvalidParameter": ValidationFailed,
    "InvalidPassword": PasswordRefused,
    "LimitExceeded": TooManyAttempts,
    "TooManyFailedAttempts": TooManyAttempts,
    "TooManyRequests": TooManyAttempts,
}
"""By the name of the pool's exception, without its ending."""

AT_SIGN_IN: Refusals = {
    "NotAuthorized": CredentialsRefused,
    "UserNotFound": CredentialsRefused,
    "InvalidParameter": CredentialsRefused,
    "UserNotConfirmed": AccountNotConfirmed,
    "PasswordResetRequired": PasswordResetRequired,
}
AT_REFRESH: Refusals = {
    name: SessionEnded
    for name in ("NotAuthorized", "UserNotFound", "InvalidParameter", "RefreshTokenReuse", "PasswordResetRequired")
}
AT_A_CODE: Refusals = {
    name: CodeRefused
    for name in (
        "CodeMismatch", "ExpiredCode", "NotAuthorized", "UserNotFound", "UserNotConfirmed", "AliasExists",
        "InvalidParameter",
    )
}  # fmt: skip
REVEALS_ACCOUNT = ("UsernameExists", "UserNotFound", "UserNotConfirmed", "NotAuthorized", "InvalidParameter")
"""Answers that differ between an address with an account and one without, where a code is asked for."""


class _NothingSent(Exception):
    """The pool sent no code, for a reason that is not revealed."""


class Accounts:
    def __init__(self, cognito: "CognitoIdentityProviderClient", app_client: AppClient) -> None:
        self._cognito = cognito
        self._app = app_client

    def sign_in(self, email: str, password: str, new_password: str | None = None) -> Tokens:
        """Raises CredentialsRefused, AccountNotConfirmed, NewPasswordRequired, PasswordRefused,
        PasswordResetRequired, SignInStepUnknown, TooManyAttempts."""
        answer = self._by_password(email, password)
        if answer.get("ChallengeName") == "NEW_PASSWORD_REQUIRED":
            answer = self._with_a_password_of_their_own(answer, email, new_password)
        if "AuthenticationResult" not in answer:
            raise SignInStepUnknown
        return _tokens(answer)

    def refresh(self, refresh_token: str) -> Tokens:
        """Raises SessionEnded, TooManyAttempts."""
        session = {"RefreshToken": refresh_token, "ClientSecret": self._app.secret}
        return _tokens(self._call("get_tokens_from_refresh_token", AT_REFRESH, **session))

    def sign_out(self, refresh_token: str) -> None:
        """A token that is none any more needs no revoking."""
        none_any_more: dict[str, type[Refusal]] = {
            "UnsupportedTokenType": SessionEnded,
            "Unauthorized": SessionEnded,
            **AT_REFRESH,
        }
        try:
            self._call("revoke_token", none_any_more, Token=refresh_token, ClientSecret=self._app.secret)
        except SessionEnded:
            return

    def sign_up(self, email: str, password: str) -> None:
        """Sends a code. If the address has an account that was never confirmed, another one.

        Raises PasswordRefused, TooManyAttempts.
        """
        checked_password(password, email, "password")
        attributes = [{"Name": "email", "Value": email}]
        if not self._sends_code("sign_up", email, Password=password, UserAttributes=attributes):
            self.resend(email)

    def confirm(self, email: str, code: str) -> None:
        """Raises CodeRefused, TooManyAttempts."""
        self._call("confirm_sign_up", AT_A_CODE, **self._user(email), ConfirmationCode=code)

    def resend(self, email: str) -> None:
        """Raises TooManyAttempts."""
        self._sends_code("resend_confirmation_code", email)

    def ask_reset(self, email: str) -> None:
        """Raises TooManyAttempts."""
        self._sends_code("forgot_password", email)

    def reset(self, email: str, code: str, new_password: str) -> None:
        """Set a new password and end all sessions.

        Raises CodeRefused, PasswordRefused, TooManyAttempts.
        """
        checked_password(new_password, email, "new_password")
        proof = self._user(email) | {"ConfirmationCode": code}
        self._call("confirm_forgot_password", AT_A_CODE, **proof, Password=new_password)
        self._end_sessions(email, new_password)

    def _by_password(self, email: str, password: str) -> Any:
        credentials = {"USERNAME": email, "PASSWORD": password, "SECRET_HASH": self._app.secret_hash(email)}
        return self._call("initiate_auth", AT_SIGN_IN, AuthFlow="USER_PASSWORD_AUTH", AuthParameters=credentials)

    def _end_sessions(self, email: str, password: str) -> None:
        """Sign in and sign out globally. A failure is ignored: the new password is already set."""
        try:
            signed_in = self._by_password(email, password)
            self._cognito.global_sign_out(AccessToken=signed_in["AuthenticationResult"]["AccessToken"])
        except (Refusal, IdentityProviderUnavailable, ClientError, BotoCoreError, KeyError) as error:
            log.warning("sessions outlive a new password", extra={"why": type(error).__name__})

    def _with_a_password_of_their_own(self, challenge: Any, email: str, new_password: str | None) -> Any:
        if new_password is None:
            raise NewPasswordRequired
        user = challenge["ChallengeParameters"]["USER_ID_FOR_SRP"]
        return self._call(
            "respond_to_auth_challenge",
            AT_SIGN_IN,
            ChallengeName=challenge["ChallengeName"],
            Session=challenge["Session"],
            ChallengeResponses={
                "USERNAME": user,
                "NEW_PASSWORD": checked_password(new_password, email, "new_password"),
                "SECRET_HASH": self._app.secret_hash(user),
            },
        )

    def _sends_code(self, operation: str, email: str, **request: Any) -> bool:
        try:
            self._call(operation, {}, *REVEALS_ACCOUNT, **self._user(email), **request)
        except _NothingSent:
            return False
        return True

    def _user(self, email: str) -> dict[str, str]:
        return {"Username": email, "SecretHash": self._app.secret_hash(email)}

    def _call(self, operation: str, refusals: Refusals, *silent: str, **request: Any) -> Any:
        try:
            return getattr(self._cognito, operation)(ClientId=self._app.id, **request)
        except ClientError as error:
            name = error.response["Error"]["Code"].removesuffix("Exception")
            if name in silent:
                raise _NothingSent from None
            refusal = {**ALWAYS, **refusals}.get(name)
            if refusal:
                raise refusal from None
            raise IdentityProviderUnavailable(name) from None
        except BotoCoreError as error:
            raise IdentityProviderUnavailable(type(error).__name__) from None


def _tokens(answer: Any) -> Tokens:
    result = answer["AuthenticationResult"]
    return Tokens(result["IdToken"], result.get("RefreshToken"))
