"""Accounts: no response reveals whether an account exists, and each error of the user pool becomes an API error."""

import hmac
from base64 import b64encode

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from chalicelib.accounts import routes
from chalicelib.accounts.app_client import AppClient
from chalicelib.accounts.model import (
    PASSWORD_MINIMUM,
    AccountNotConfirmed,
    CodeRefused,
    CredentialsRefused,
    NewPasswordRequired,
    PasswordRefused,
    PasswordWrong,
    SessionEnded,
    SessionHeaderMissing,
    SignInStepUnknown,
    TooManyAttempts,
    checked_password,
)
from chalicelib.accounts.service import Accounts
from chalicelib.platform.http import Call
from chalicelib.platform.identity import GUEST, IdentityProviderUnavailable

EMAIL, PASSWORD = "ada@example.com", "a-long-story-1"
SECRET = "the-secret-of-the-app-client"
SIGNED_IN = {"AuthenticationResult": {"IdToken": "id", "AccessToken": "access", "RefreshToken": "refresh"}}


class FakePool:
    """User pool with a prepared answer for each operation, which records its calls."""

    def __init__(self, **answers):
        self.answers = {
            "initiate_auth": SIGNED_IN,
            "get_tokens_from_refresh_token": SIGNED_IN,
            "describe_user_pool_client": {"UserPoolClient": {"ClientSecret": SECRET}},
        } | answers
        self.asked = []

    def __getattr__(self, operation):
        def answer(**request):
            self.asked.append((operation, request))
            answer = self.answers.get(operation, {})
            if isinstance(answer, str):
                raise ClientError({"Error": {"Code": f"{answer}Exception", "Message": "text of the pool"}}, operation)
            if isinstance(answer, Exception):
                raise answer
            return answer

        return answer

    @property
    def operations(self):
        """The calls of visitors, without reading the app client."""
        return [operation for operation, _ in self.asked if operation != "describe_user_pool_client"]


def accounts(**answers):
    pool = FakePool(**answers)
    return Accounts(pool, AppClient(pool, "our-pool", "our-client")), pool


def expected_hash(user_name):
    """Base64(HMAC-SHA256(secret, user name + client id)): "Computing secret hash values", Cognito developer guide."""
    return b64encode(hmac.digest(SECRET.encode(), f"{user_name}our-client".encode(), "sha256")).decode()


def test_calls_for_visitors_carry_the_secret_or_its_hash():
    ours, pool = accounts()
    ours.sign_up(EMAIL, PASSWORD)
    ours.resend(EMAIL)
    ours.confirm(EMAIL, "123456")
    ours.ask_reset(EMAIL)
    ours.reset(EMAIL, "123456", PASSWORD)
    ours.sign_in(EMAIL, PASSWORD)
    ours.refresh("refresh")
    ours.sign_out("refresh")
    sent = dict(pool.asked)
    for operation in ("sign_up", "resend_confirmation_code", "confirm_sign_up", "forgot_password"):
        assert sent[operation]["SecretHash"] == expected_hash(EMAIL)
    assert sent["confirm_forgot_password"]["SecretHash"] == expected_hash(EMAIL)
    assert sent["initiate_auth"]["AuthParameters"]["SECRET_HASH"] == expected_hash(EMAIL)
    for operation in ("get_tokens_from_refresh_token", "revoke_token"):
        assert sent[operation]["ClientSecret"] == SECRET


def test_client_secret_is_read_once():
    ours, pool = accounts()
    ours.sign_in(EMAIL, PASSWORD)
    ours.refresh("refresh")
    described = [request for operation, request in pool.asked if operation == "describe_user_pool_client"]
    assert described == [{"UserPoolId": "our-pool", "ClientId": "our-client"}]


@pytest.mark.parametrize("error", ["NotAuthorized", "AccessDenied", "TooManyRequests"])
def test_unreadable_secret_is_unavailable_and_no_wrong_password(error):
    ours, pool = accounts(describe_user_pool_client=error)
    with pytest.raises(IdentityProviderUnavailable):
        ours.sign_in(EMAIL, PASSWORD)
    assert pool.operations == []


def test_signing_in_gives_tokens():
    ours, _ = accounts()
    assert ours.sign_in(EMAIL, PASSWORD).refresh_token == "refresh"


@pytest.mark.parametrize("error", ["NotAuthorized", "UserNotFound", "InvalidParameter"])
def test_missing_account_and_wrong_password_get_the_same_answer(error):
    ours, _ = accounts(initiate_auth=error)
    with pytest.raises(CredentialsRefused):
        ours.sign_in(EMAIL, PASSWORD)


@pytest.mark.parametrize(
    ("error", "refusal"),
    [
        ("UserNotConfirmed", AccountNotConfirmed),
        ("TooManyRequests", TooManyAttempts),
        ("LimitExceeded", TooManyAttempts),
        ("InternalError", IdentityProviderUnavailable),
        ("Unheard", IdentityProviderUnavailable),
    ],
)
def test_sign_in_error_of_the_pool_becomes_an_api_error(error, refusal):
    ours, _ = accounts(initiate_auth=error)
    with pytest.raises(refusal) as refused:
        ours.sign_in(EMAIL, PASSWORD)
    assert "text of the pool" not in str(refused.value)


def test_unreachable_user_pool_is_unavailable():
    ours, _ = accounts(initiate_auth=EndpointConnectionError(endpoint_url="https://pool"))
    with pytest.raises(IdentityProviderUnavailable):
        ours.sign_in(EMAIL, PASSWORD)


CHALLENGE = {
    "ChallengeName": "NEW_PASSWORD_REQUIRED",
    "Session": "session",
    "ChallengeParameters": {"USER_ID_FOR_SRP": "sub-1"},
}


class TestAnInvited:
    def test_invited_user_is_asked_for_a_password_of_their_own(self):
        ours, pool = accounts(initiate_auth=CHALLENGE)
        with pytest.raises(NewPasswordRequired):
            ours.sign_in(EMAIL, "for-one-time-1")
        assert pool.operations == ["initiate_auth"]

    def test_chooses_one(self):
        ours, pool = accounts(initiate_auth=CHALLENGE, respond_to_auth_challenge=SIGNED_IN)
        assert ours.sign_in(EMAIL, "for-one-time-1", PASSWORD).id_token == "id"
        answered = {"USERNAME": "sub-1", "NEW_PASSWORD": PASSWORD, "SECRET_HASH": expected_hash("sub-1")}
        assert pool.asked[-1][1]["ChallengeResponses"] == answered

    def test_chooses_a_good_one(self):
        ours, pool = accounts(initiate_auth=CHALLENGE)
        with pytest.raises(PasswordRefused) as refused:
            ours.sign_in(EMAIL, "for-one-time-1", "short")
        assert set(refused.value.fields) == {"new_password"}
        assert pool.operations == ["initiate_auth"]


def test_unsupported_second_factor_is_reported():
    ours, _ = accounts(initiate_auth={"ChallengeName": "SOFTWARE_TOKEN_MFA", "Session": "session"})
    with pytest.raises(SignInStepUnknown):
        ours.sign_in(EMAIL, PASSWORD)


SILENT = ["UsernameExists", "UserNotFound", "UserNotConfirmed", "NotAuthorized", "InvalidParameter"]


@pytest.mark.parametrize("error", SILENT)
@pytest.mark.parametrize("ask", ["sign_up", "resend", "ask_reset"])
def test_response_does_not_reveal_whether_a_code_was_sent(ask, error):
    answers = dict.fromkeys(["sign_up", "resend_confirmation_code", "forgot_password"], error)
    ours, _ = accounts(**answers)
    assert ours.sign_up(EMAIL, PASSWORD) is None if ask == "sign_up" else getattr(ours, ask)(EMAIL) is None


def test_repeated_sign_up_before_confirmation_sends_another_code():
    ours, pool = accounts(sign_up="UsernameExists")
    ours.sign_up(EMAIL, PASSWORD)
    assert pool.operations == ["sign_up", "resend_confirmation_code"]


@pytest.mark.parametrize("ask", ["sign_up", "resend", "ask_reset"])
def test_too_many_codes_are_too_many(ask):
    ours, _ = accounts(**dict.fromkeys(["sign_up", "resend_confirmation_code", "forgot_password"], "LimitExceeded"))
    with pytest.raises(TooManyAttempts):
        ours.sign_up(EMAIL, PASSWORD) if ask == "sign_up" else getattr(ours, ask)(EMAIL)


@pytest.mark.parametrize("error", ["CodeMismatch", "ExpiredCode", "NotAuthorized", "UserNotFound", "InvalidParameter"])
def test_wrong_code_and_missing_account_get_the_same_answer(error):
    ours, pool = accounts(confirm_sign_up=error, confirm_forgot_password=error)
    with pytest.raises(CodeRefused):
        ours.confirm(EMAIL, "123456")
    with pytest.raises(CodeRefused):
        ours.reset(EMAIL, "123456", PASSWORD)
    assert "global_sign_out" not in pool.operations


def test_new_password_ends_all_sessions():
    ours, pool = accounts()
    ours.reset(EMAIL, "123456", PASSWORD)
    assert pool.asked[-1] == ("global_sign_out", {"AccessToken": "access"})


def test_new_password_is_set_even_if_sessions_cannot_be_ended():
    ours, pool = accounts(global_sign_out="TooManyRequests")
    ours.reset(EMAIL, "123456", PASSWORD)
    assert "confirm_forgot_password" in pool.operations


def test_changed_password_ends_all_sessions_and_begins_one():
    ours, pool = accounts()

    assert ours.change_password(EMAIL, PASSWORD, "another-story-2").refresh_token == "refresh"

    assert pool.operations == ["initiate_auth", "change_password", "initiate_auth", "global_sign_out", "initiate_auth"]
    changed = dict(pool.asked)["change_password"]
    assert changed == {"PreviousPassword": PASSWORD, "ProposedPassword": "another-story-2", "AccessToken": "access"}


def test_weak_new_password_is_refused_before_the_pool_is_asked():
    ours, pool = accounts()
    with pytest.raises(PasswordRefused):
        ours.change_password(EMAIL, PASSWORD, "short")
    assert pool.operations == []


@pytest.mark.parametrize("error", ["NotAuthorized", "UserNotFound"])
def test_wrong_current_password_changes_and_deletes_nothing(error):
    ours, pool = accounts(initiate_auth=error)
    with pytest.raises(PasswordWrong):
        ours.change_password(EMAIL, PASSWORD, "another-story-2")
    with pytest.raises(PasswordWrong):
        ours.prove(EMAIL, PASSWORD)
    assert set(pool.operations) == {"initiate_auth"}


@pytest.mark.parametrize("error", ["NotAuthorized", "RefreshTokenReuse", "UserNotFound", "InvalidParameter"])
def test_refresh_of_an_ended_session_is_refused(error):
    ours, _ = accounts(get_tokens_from_refresh_token=error)
    with pytest.raises(SessionEnded):
        ours.refresh("refresh")


@pytest.mark.parametrize("error", ["UnsupportedTokenType", "Unauthorized", "InvalidParameter"])
def test_sign_out_with_an_invalid_token_succeeds(error):
    ours, _ = accounts(revoke_token=error)
    ours.sign_out("stolen or old")


def test_sign_out_without_an_answer_fails():
    ours, _ = accounts(revoke_token=EndpointConnectionError(endpoint_url="https://pool"))
    with pytest.raises(IdentityProviderUnavailable):
        ours.sign_out("refresh")


@pytest.mark.parametrize(
    "password",
    [
        "",
        "a" * (PASSWORD_MINIMUM - 1),
        "a" * 30,
        "abababababab",
        " a-long-story-1",
        "a-long-story-1\t",
        "Lovelace-12345",
    ],
)
def test_bad_passwords(password):
    with pytest.raises(PasswordRefused):
        checked_password(password, "lovelace@example.com", "password")


@pytest.mark.parametrize("password", ["correct horse battery", "пароль-из-слов", "ada-is-a-short-name", "twelve chars"])
def test_good_passwords_need_no_capitals_and_digits(password):
    assert checked_password(password, EMAIL, "password") == password


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-session-request": ""},
        {"x-session-request": "0"},
        {"x-session-request": "1", "sec-fetch-site": "cross-site"},
        {"x-session-request": "1", "sec-fetch-site": "same-site"},
    ],
)
def test_pages_of_other_sites_cannot_use_the_cookie(headers):
    with pytest.raises(SessionHeaderMissing):
        routes._from_our_own_pages(Call(GUEST, headers))


@pytest.mark.parametrize("site", [{}, {"sec-fetch-site": "same-origin"}, {"sec-fetch-site": "none"}])
def test_our_own_pages_can(site):
    routes._from_our_own_pages(Call(GUEST, {"x-session-request": "1", **site}))


def test_cookies_are_read_as_they_come():
    call = Call(GUEST, {"cookie": "a=1; saga_refresh=e.y=J; b; =c"})
    assert call.cookies["saga_refresh"] == "e.y=J"


def test_password_that_the_pool_refuses_is_a_weak_password():
    ours, _ = accounts(sign_up="InvalidPassword")
    with pytest.raises(PasswordRefused):
        ours.sign_up(EMAIL, PASSWORD)


NFC, NFD = "caf\u00e9-am-see-12", "cafe\u0301-am-see-12"
TYPED_PASSWORDS = [
    (routes.SignIn, "password", {}),
    (routes.SignIn, "new_password", {"password": PASSWORD}),
    (routes.NewAccount, "password", {}),
    (routes.PasswordReset, "new_password", {"code": "123456"}),
]


@pytest.mark.parametrize(("form", "field", "others"), TYPED_PASSWORDS)
def test_password_with_accents_is_the_same_from_any_keyboard(form, field, others):
    typed = [getattr(form(email=EMAIL, **{field: each}, **others), field) for each in (NFC, NFD)]
    assert typed == [NFC, NFC]


@pytest.mark.parametrize(("form", "field", "others"), TYPED_PASSWORDS)
def test_password_with_another_space_is_the_same(form, field, others):
    spaced = form(email=EMAIL, **{field: "a\u00a0long\u3000story-12"}, **others)
    assert getattr(spaced, field) == "a long story-12"


@pytest.mark.parametrize("password", ["Stra\u00dfe-\uff21bc-12", "\ufb01ne-words-12", "UPPER-lower-12"])
def test_password_keeps_its_case_width_and_ligatures(password):
    """RFC 8265 forbids form KC and case mapping: they would make different passwords equal."""
    assert routes.SignIn(email=EMAIL, password=password).password == password
