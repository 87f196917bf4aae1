"""Account use cases on the Cognito user pool: sign up, confirm, sign in, refresh, reset the password.

All calls are public ones that carry the app client's secret or a hash of it, so that no call to the pool gets past
the API's limits. The API function's only Cognito permission is to read that secret. No answer reveals whether an
address has an account.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TypedDict

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.accounts.app_client import AppClient
from chalicelib.accounts.model import (
    AccountNotConfirmed,
    CodeRefused,
    CredentialsRefused,
    NewPasswordRequired,
    PasswordRefused,
    PasswordResetRequired,
    PasswordWrong,
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
    from types_boto3_cognito_idp.type_defs import (
        AuthenticationResultTypeTypeDef,
        InitiateAuthResponseTypeDef,
        RespondToAuthChallengeResponseTypeDef,
    )

Refusals = Mapping[str, type[Exception]]

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
AT_A_PROOF: Refusals = {"NotAuthorized": PasswordWrong, "UserNotFound": PasswordWrong}
AT_A_CODE: Refusals = {
    name: CodeRefused
    for name in (
        "CodeMismatch", "ExpiredCode", "NotAuthorized", "UserNotFound", "UserNotConfirmed", "AliasExists",
        "InvalidParameter",
    )
}  # fmt: skip


class _NothingSent(Exception):
    """The pool sent no code, for a reason that is not revealed."""


AT_SENDING: Refusals = {
    name: _NothingSent
    for name in ("UsernameExists", "UserNotFound", "UserNotConfirmed", "NotAuthorized", "InvalidParameter")
}
"""Answers that differ between an address with an account and one without."""


class _User(TypedDict):
    """What each call about one user names."""

    ClientId: str
    Username: str
    SecretHash: str


@contextmanager
def _refused_as(refusals: Refusals) -> Iterator[None]:
    """Translate the pool's exceptions: by `refusals`, else by ALWAYS, else to IdentityProviderUnavailable."""
    try:
        yield
    except ClientError as error:
        name = error.response["Error"]["Code"].removesuffix("Exception")
        refusal = {**ALWAYS, **refusals}.get(name)
        if refusal:
            raise refusal from None
        raise IdentityProviderUnavailable(name) from None
    except BotoCoreError as error:
        raise IdentityProviderUnavailable(type(error).__name__) from None


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
        result = answer.get("AuthenticationResult")
        if not result:
            raise SignInStepUnknown
        return _tokens(result)

    def refresh(self, refresh_token: str) -> Tokens:
        """Raises SessionEnded, TooManyAttempts."""
        with _refused_as(AT_REFRESH):
            answer = self._cognito.get_tokens_from_refresh_token(
                ClientId=self._app.id, RefreshToken=refresh_token, ClientSecret=self._app.secret
            )
        return _tokens(answer["AuthenticationResult"])

    def sign_out(self, refresh_token: str) -> None:
        """A token that is none any more needs no revoking."""
        none_any_more: Refusals = {"UnsupportedTokenType": SessionEnded, "Unauthorized": SessionEnded, **AT_REFRESH}
        with suppress(SessionEnded), _refused_as(none_any_more):
            self._cognito.revoke_token(ClientId=self._app.id, Token=refresh_token, ClientSecret=self._app.secret)

    def sign_up(self, email: str, password: str) -> None:
        """Sends a code. If the address has an account that was never confirmed, another one.

        Raises PasswordRefused, TooManyAttempts.
        """
        checked_password(password, email, "password")
        try:
            with _refused_as(AT_SENDING):
                self._cognito.sign_up(
                    **self._user(email), Password=password, UserAttributes=[{"Name": "email", "Value": email}]
                )
        except _NothingSent:
            self.resend(email)

    def confirm(self, email: str, code: str) -> None:
        """Raises CodeRefused, TooManyAttempts."""
        with _refused_as(AT_A_CODE):
            self._cognito.confirm_sign_up(**self._user(email), ConfirmationCode=code)

    def resend(self, email: str) -> None:
        """Raises TooManyAttempts."""
        with suppress(_NothingSent), _refused_as(AT_SENDING):
            self._cognito.resend_confirmation_code(**self._user(email))

    def ask_reset(self, email: str) -> None:
        """Raises TooManyAttempts."""
        with suppress(_NothingSent), _refused_as(AT_SENDING):
            self._cognito.forgot_password(**self._user(email))

    def reset(self, email: str, code: str, new_password: str) -> None:
        """Set a new password and end all sessions.

        Raises CodeRefused, PasswordRefused, TooManyAttempts.
        """
        checked_password(new_password, email, "new_password")
        with _refused_as(AT_A_CODE):
            self._cognito.confirm_forgot_password(**self._user(email), ConfirmationCode=code, Password=new_password)
        self._end_sessions(email, new_password)

    def change_password(self, email: str, current: str, new_password: str) -> Tokens:
        """Set a new password, end all sessions and begin a new one.

        Raises PasswordWrong, PasswordRefused, SignInStepUnknown, TooManyAttempts.
        """
        checked_password(new_password, email, "new_password")
        access_token = self.prove(email, current)
        with _refused_as(AT_A_PROOF):
            self._cognito.change_password(
                PreviousPassword=current, ProposedPassword=new_password, AccessToken=access_token
            )
        self._end_sessions(email, new_password)
        return self.sign_in(email, new_password)

    def prove(self, email: str, password: str) -> str:
        """Return an access token for this password. It has the scope `aws.cognito.signin.user.admin`, which
        ChangePassword and DeleteUser need ("Understanding the access token", Cognito developer guide).

        Raises PasswordWrong, SignInStepUnknown, TooManyAttempts.
        """
        try:
            answer = self._by_password(email, password)
        except CredentialsRefused:
            raise PasswordWrong from None
        if not answer.get("AuthenticationResult"):
            raise SignInStepUnknown
        return answer["AuthenticationResult"]["AccessToken"]

    def delete(self, access_token: str) -> None:
        """Delete the user that the token is of; their sessions end. Raises PasswordWrong, TooManyAttempts."""
        with _refused_as(AT_A_PROOF):
            self._cognito.delete_user(AccessToken=access_token)

    def _by_password(self, email: str, password: str) -> "InitiateAuthResponseTypeDef":
        credentials = {"USERNAME": email, "PASSWORD": password, "SECRET_HASH": self._app.secret_hash(email)}
        with _refused_as(AT_SIGN_IN):
            return self._cognito.initiate_auth(
                ClientId=self._app.id, AuthFlow="USER_PASSWORD_AUTH", AuthParameters=credentials
            )

    def _end_sessions(self, email: str, password: str) -> None:
        """Sign in and sign out globally. A failure is ignored: the new password is already set."""
        try:
            signed_in = self._by_password(email, password)
            self._cognito.global_sign_out(AccessToken=signed_in["AuthenticationResult"]["AccessToken"])
        except (Refusal, IdentityProviderUnavailable, ClientError, BotoCoreError, KeyError) as error:
            log.warning("sessions outlive a new password", extra={"why": type(error).__name__})

    def _with_a_password_of_their_own(
        self, challenge: "InitiateAuthResponseTypeDef", email: str, new_password: str | None
    ) -> "RespondToAuthChallengeResponseTypeDef":
        if new_password is None:
            raise NewPasswordRequired
        user = challenge["ChallengeParameters"]["USER_ID_FOR_SRP"]
        responses = {
            "USERNAME": user,
            "NEW_PASSWORD": checked_password(new_password, email, "new_password"),
            "SECRET_HASH": self._app.secret_hash(user),
        }
        with _refused_as(AT_SIGN_IN):
            return self._cognito.respond_to_auth_challenge(
                ClientId=self._app.id,
                ChallengeName=challenge["ChallengeName"],
                Session=challenge["Session"],
                ChallengeResponses=responses,
            )

    def _user(self, email: str) -> _User:
        return {"ClientId": self._app.id, "Username": email, "SecretHash": self._app.secret_hash(email)}


def _tokens(result: "AuthenticationResultTypeTypeDef") -> Tokens:
    return Tokens(result["IdToken"], result.get("RefreshToken"))
