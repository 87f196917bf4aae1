"""Accounts and sessions through the storefront's distribution, as used by a browser and by an attacker."""

import base64
import http.client
import json
import re
import uuid
from http.cookies import SimpleCookie
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from chalicelib.accounts.app_client import AppClient
from infra.commands import mail, people
from infra.commands.client import Buyer
from infra.local import shop

OURS = {"X-Session-Request": "1"}
PASSWORD = "a-quiet-evening"


class Visitor:
    """A client with a browser's cookies: keeps them with their flags and sends them by their paths."""

    def __init__(self, engine_url, storefront_url):
        self._engine, self._host = urlsplit(engine_url), urlsplit(storefront_url).netloc
        self.cookies = SimpleCookie()

    def ask(self, method, path, body=None, headers=OURS):
        connection = http.client.HTTPConnection(self._engine.hostname, self._engine.port, timeout=60)
        sent = {"Host": self._host, "Content-Type": "application/json", "Cookie": self.cookies_for(path), **headers}
        connection.request(method, path, json.dumps(body) if body is not None else None, sent)
        answer = connection.getresponse()
        for name, value in answer.getheaders():
            if name.lower() == "set-cookie":
                self.cookies.load(value)
        return answer.status, json.loads(answer.read())

    def cookies_for(self, path):
        there = [each for each in self.cookies.values() if path.startswith(each["path"]) and each["max-age"] != "0"]
        return "; ".join(f"{each.key}={each.value}" for each in there)

    def sign_in(self, email, password, **more):
        return self.ask("POST", "/api/session", {"email": email, "password": password, **more})

    def must_sign_in(self, email, password):
        status, answer = self.sign_in(email, password)
        assert status == 200, answer
        return answer["id_token"]


@pytest.fixture
def visitor(opened):
    return Visitor(opened["engine_url"], opened["storefront_url"])


@pytest.fixture
def other_visitor(opened):
    return Visitor(opened["engine_url"], opened["storefront_url"])


@pytest.fixture
def mailed(opened):
    """Return the last text of this pattern in the emails to an address."""

    def find(email, pattern):
        sent = [m["BodyText"] for m in mail.messages(opened["engine_url"], opened["account"]) if email in m["To"]]
        return re.search(pattern, sent[-1])[1]

    return find


@pytest.fixture
def account(visitor, mailed):
    """Return a new customer's email address; the password is PASSWORD."""
    email = f"new-{uuid.uuid4().hex[:8]}@example.com"
    assert visitor.ask("POST", "/api/accounts", {"email": email, "password": PASSWORD})[0] == 202
    code = mailed(email, r"code is (\w+)")
    assert visitor.ask("POST", "/api/accounts/confirm", {"email": email, "code": code})[0] == 200
    return email


def assert_refused(answer, status, code):
    assert (answer[0], answer[1]["code"]) == (status, code)


def as_customer(opened, token):
    return Buyer(opened["api_url"], token=token)


def test_session_cookie_is_http_only_and_limited_to_its_site(visitor, opened):
    token = visitor.must_sign_in(shop.CUSTOMER.email.upper(), shop.CUSTOMER.password)
    assert as_customer(opened, token).call("GET", "/orders").status == 200
    (cookie,) = visitor.cookies.values()
    flags = (cookie.key, cookie["path"], cookie["httponly"], cookie["secure"], cookie["samesite"], cookie["domain"])
    assert flags == ("saga_refresh", "/api/session", True, True, "Strict", "")
    assert cookie.value not in token and visitor.cookies_for("/api/orders") == ""


def test_session_and_its_stolen_cookie_end_with_the_sign_out(visitor, other_visitor, opened):
    visitor.must_sign_in(shop.CUSTOMER.email, shop.CUSTOMER.password)
    status, answer = visitor.ask("POST", "/api/session/refresh")
    assert status == 200 and as_customer(opened, answer["id_token"]).call("GET", "/orders").status == 200
    other_visitor.cookies.load(visitor.cookies)
    assert visitor.ask("DELETE", "/api/session")[0] == 200
    assert visitor.cookies_for("/api/session") == ""
    for each in (visitor, other_visitor):
        assert_refused(each.ask("POST", "/api/session/refresh"), 401, "session_ended")


def test_signing_out_twice_and_without_a_session_is_signing_out(visitor):
    assert visitor.ask("DELETE", "/api/session")[0] == 200


@pytest.mark.parametrize(
    "value", ["x", "a.b.c", "eyJhbGciOiJub25lIn0.eyJ0b2tlbl91c2UiOiJyZWZyZXNoIn0.", "é", "x" * 3000]
)
def test_forged_cookie_is_no_session(visitor, value):
    cookie = {"Cookie": f"saga_refresh={value}".encode().decode("latin-1"), **OURS}
    assert_refused(visitor.ask("POST", "/api/session/refresh", headers=cookie), 401, "session_ended")
    assert visitor.ask("DELETE", "/api/session", headers=cookie)[0] == 200


@pytest.mark.parametrize(
    "headers",
    [{}, {"Content-Type": "text/plain"}, {"Origin": "https://evil.example"}, {**OURS, "Sec-Fetch-Site": "cross-site"}],
)
def test_cross_site_page_can_neither_use_begin_nor_end_a_session(visitor, headers):
    credentials = {"email": shop.CUSTOMER.email, "password": shop.CUSTOMER.password}
    assert_refused(visitor.ask("POST", "/api/session", credentials, headers), 403, "session_header_missing")
    visitor.must_sign_in(**credentials)
    assert_refused(visitor.ask("POST", "/api/session/refresh", headers=headers), 403, "session_header_missing")
    assert_refused(visitor.ask("DELETE", "/api/session", headers=headers), 403, "session_header_missing")
    assert visitor.ask("POST", "/api/session/refresh")[0] == 200


def test_foreign_origin_is_refused_by_cors(visitor):
    """A preflight request shows whether a browser would send the header."""
    preflight = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    status, _ = visitor.ask("OPTIONS", "/api/session/refresh", headers=preflight)
    assert status >= 400


def test_console_cookie_is_for_admins_and_ends_with_the_session(visitor, other_visitor):
    token = visitor.must_sign_in(shop.ADMIN.email, shop.ADMIN.password)
    cookie = visitor.cookies["saga_admin"]
    flags = (cookie.value, cookie["path"], cookie["httponly"], cookie["secure"], cookie["samesite"])
    assert flags == (token, "/admin", True, True, "Lax")
    assert 0 < int(cookie["max-age"]) <= 15 * 60
    visitor.ask("DELETE", "/api/session")
    assert visitor.cookies_for("/admin/orders") == ""
    other_visitor.must_sign_in(shop.CUSTOMER.email, shop.CUSTOMER.password)
    assert "saga_admin" not in other_visitor.cookies


def test_account_opens_only_with_the_code_that_was_mailed(visitor, mailed):
    email = f"new-{uuid.uuid4().hex[:8]}@example.com"
    visitor.ask("POST", "/api/accounts", {"email": email, "password": PASSWORD})
    assert_refused(visitor.sign_in(email, PASSWORD), 409, "account_not_confirmed")
    wrong = {"email": email, "code": "000000"}
    assert_refused(visitor.ask("POST", "/api/accounts/confirm", wrong), 422, "code_refused")
    assert visitor.ask("POST", "/api/accounts/resend", {"email": email})[0] == 202
    code = mailed(email, r"code is (\w+)")
    assert visitor.ask("POST", "/api/accounts/confirm", {"email": email, "code": code})[0] == 200
    visitor.must_sign_in(email, PASSWORD)


def test_password_reset_ends_the_sessions_of_the_old_password(visitor, other_visitor, account, mailed):
    other_visitor.must_sign_in(account, PASSWORD)
    assert visitor.ask("POST", "/api/accounts/password-reset", {"email": account})[0] == 202
    reset = {"email": account, "code": "000000", "new_password": "another-quiet-evening"}
    assert_refused(visitor.ask("POST", "/api/accounts/password-reset/confirm", reset), 422, "code_refused")
    assert other_visitor.ask("POST", "/api/session/refresh")[0] == 200
    weak = reset | {"new_password": "short"}
    assert_refused(visitor.ask("POST", "/api/accounts/password-reset/confirm", weak), 422, "password_refused")
    code = mailed(account, r"code is (\w+)")
    assert visitor.ask("POST", "/api/accounts/password-reset/confirm", reset | {"code": code})[0] == 200
    assert_refused(other_visitor.ask("POST", "/api/session/refresh"), 401, "session_ended")
    assert_refused(visitor.sign_in(account, PASSWORD), 401, "credentials_refused")
    visitor.must_sign_in(account, "another-quiet-evening")


@pytest.mark.parametrize(
    ("path", "more"),
    [
        ("/api/session", {"password": "not-this-one-1"}),
        ("/api/accounts", {"password": PASSWORD}),
        ("/api/accounts/confirm", {"code": "000000"}),
        ("/api/accounts/resend", {}),
        ("/api/accounts/password-reset", {}),
        ("/api/accounts/password-reset/confirm", {"code": "000000", "new_password": PASSWORD}),
    ],
)
def test_responses_do_not_reveal_accounts(visitor, path, more):
    unknown = f"nobody-{uuid.uuid4().hex[:8]}@example.com"
    known = visitor.ask("POST", path, {"email": shop.CUSTOMER.email, **more})
    assert known == visitor.ask("POST", path, {"email": unknown, **more})


def test_admin_is_invited_with_a_temporary_password(visitor, engine, opened, mailed):
    email = f"boss-{uuid.uuid4().hex[:8]}@example.com"
    people.make_admin(engine.session, opened["stack"], email)
    once = mailed(email, r"password (\S+)")
    assert_refused(visitor.sign_in(email, once), 409, "new_password_required")
    assert_refused(visitor.sign_in(email, once, new_password="short"), 422, "password_refused")
    status, answer = visitor.sign_in(email, once, new_password=PASSWORD)
    assert status == 200 and as_customer(opened, answer["id_token"]).call("GET", "/admin/orders").status == 200
    assert_refused(visitor.sign_in(email, once), 401, "credentials_refused")


def test_unconfirmed_account_cannot_become_an_admin(visitor, engine, opened):
    email = f"boss-{uuid.uuid4().hex[:8]}@example.com"
    visitor.ask("POST", "/api/accounts", {"email": email, "password": PASSWORD})
    with pytest.raises(people.NotAllowed):
        people.make_admin(engine.session, opened["stack"], email)


def test_user_pool_refuses_calls_without_the_client_secret(visitor, account, engine, opened):
    """A call of each kind, as anybody can send it: none of them is signed."""
    visitor.must_sign_in(account, PASSWORD)
    refresh = visitor.cookies["saga_refresh"].value
    client = {"ClientId": opened["stack"]["UserPoolClientId"]}
    credentials = {"USERNAME": account, "PASSWORD": PASSWORD}
    calls = {
        "sign_up": {"Username": "stranger@example.com", "Password": PASSWORD},
        "resend_confirmation_code": {"Username": account},
        "confirm_sign_up": {"Username": account, "ConfirmationCode": "000000"},
        "forgot_password": {"Username": account},
        "confirm_forgot_password": {"Username": account, "ConfirmationCode": "000000", "Password": PASSWORD},
        "initiate_auth": {"AuthFlow": "USER_PASSWORD_AUTH", "AuthParameters": credentials},
        "get_tokens_from_refresh_token": {"RefreshToken": refresh},
        "revoke_token": {"Token": refresh},
    }
    cognito = engine.session.client("cognito-idp")
    for operation, request in calls.items():
        with pytest.raises(ClientError) as refused:
            getattr(cognito, operation)(**client, **request)
        code = refused.value.response["Error"]["Code"]
        assert code in ("NotAuthorizedException", "UnauthorizedException"), operation
    assert visitor.ask("POST", "/api/session/refresh")[0] == 200


@pytest.fixture
def tokens(engine, opened):
    """Return tokens of the shop's admin by description: the AWS emulator signed them, but not all for this purpose."""
    cognito = engine.session.client("cognito-idp")
    ours = opened["stack"]["UserPoolId"]
    theirs = cognito.create_user_pool(PoolName="theirs", UsernameAttributes=["email"])["UserPool"]["Id"]
    person = {"UserPoolId": theirs, "Username": shop.ADMIN.email}
    cognito.admin_create_user(**person, MessageAction="SUPPRESS")
    cognito.admin_set_user_password(**person, Password="A-long-story-1", Permanent=True)
    cognito.create_group(UserPoolId=theirs, GroupName="admin")
    cognito.admin_add_user_to_group(**person, GroupName="admin")

    def issued(client, password, **proof):
        return cognito.initiate_auth(
            ClientId=client,
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": shop.ADMIN.email, "PASSWORD": password, **proof},
        )["AuthenticationResult"]

    def client_of(pool):
        flows = ["ALLOW_USER_PASSWORD_AUTH"]
        made = cognito.create_user_pool_client(UserPoolId=pool, ClientName="theirs", ExplicitAuthFlows=flows)
        return made["UserPoolClient"]["ClientId"]

    our_client = opened["stack"]["UserPoolClientId"]
    proof = AppClient(cognito, ours, our_client).secret_hash(shop.ADMIN.email)
    real = issued(our_client, shop.ADMIN.password, SECRET_HASH=proof)
    yield {
        "a foreign pool's": issued(client_of(theirs), "A-long-story-1")["IdToken"],
        "another client's": issued(client_of(ours), shop.ADMIN.password)["IdToken"],
        "an access token": real["AccessToken"],
        "a refresh token": real["RefreshToken"],
        "a changed one": _with_claims(real["IdToken"], {"sub": "another-user"}),
        "an unsigned one": _unsigned(real["IdToken"]),
        "no token": "x",
    }
    cognito.delete_user_pool(UserPoolId=theirs)


def _encoded(part):
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


def _decoded(part):
    return json.loads(base64.urlsafe_b64decode(part + "=="))


def _with_claims(token, changes):
    head, claims, signature = token.split(".")
    return f"{head}.{_encoded(_decoded(claims) | changes)}.{signature}"


def _unsigned(token):
    head, claims, _ = token.split(".")
    return f"{_encoded(_decoded(head) | {'alg': 'none'})}.{claims}."


def test_foreign_token_is_refused(opened, tokens):
    for kind, token in tokens.items():
        buyer = as_customer(opened, token)
        for path in ("/cart", "/orders", "/admin/orders", "/me/points"):
            reply = buyer.call("GET", path)
            assert (reply.status, reply.body["code"]) in ((401, "token_invalid"), (401, "sign_in_required")), kind
            assert reply.headers["content-type"].startswith("application/problem+json")


def test_function_checks_the_role_where_the_gateway_does_not(opened, tokens):
    """The gateway checks only the user pool; the function checks the client that a token was issued for."""
    behind, before = (as_customer(opened, tokens[kind]) for kind in ("another client's", "a foreign pool's"))
    assert behind.call("GET", "/admin/orders").body["code"] == "token_invalid"
    assert before.call("GET", "/admin/orders").body["code"] == "sign_in_required"
