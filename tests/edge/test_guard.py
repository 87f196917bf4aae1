"""Guard: the console's pages open for admins; others are redirected to sign in and then return to the page."""

from urllib.parse import parse_qs, urljoin, urlsplit

import pytest

from infra.edge.storefront_edge.guard import answer

from .documents import request_of, viewer_request
from .pool import NOW, STOREFRONT, Pool

OURS = Pool()


def asked(uri, query="", cookies=None):
    return answer(request_of(viewer_request(uri, query, cookies)), OURS.settings, NOW)


def where_to(reply):
    assert reply["status"] == "302"
    assert reply["headers"]["cache-control"][0]["value"] == "no-store"
    return reply["headers"]["location"][0]["value"]


def next_page(reply):
    path, _, query = where_to(reply).partition("?")
    assert path == "/sign-in"
    ((name, (value,)),) = parse_qs(query).items()
    assert name == "next"
    return value


def expect_refusal(cookies):
    for uri in ("/admin", "/admin/orders", "/admin/index.html", "/administrators"):
        assert where_to(asked(uri, cookies=cookies)).startswith("/sign-in?")


def test_admin_sees_the_console():
    reply = asked("/admin/orders", "status=PLACED", f"theme=dark; saga_admin={OURS.token()}; saga_ab=b")
    assert reply == request_of(viewer_request("/admin/orders", "status=PLACED")) | {
        "uri": "/admin/index.html",
        "headers": reply["headers"],
    }


@pytest.mark.parametrize(
    ("uri", "file"),
    [
        ("/admin", "/admin/index.html"),
        ("/admin/", "/admin/index.html"),
        ("/admin/queues/x", "/admin/index.html"),
        ("/admin/console.js", "/admin/console.js"),
        ("/administrators", "/index.html"),
    ],
)
def test_console_path_of_an_admin_becomes_a_file(uri, file):
    assert asked(uri, cookies=f"saga_admin={OURS.token()}")["uri"] == file


@pytest.mark.parametrize("cookies", [None, "", "saga_admin", "saga_admin=", "saga_admin=nonsense"])
def test_guard_refuses_a_visitor_without_a_token(cookies):
    expect_refusal(cookies)


@pytest.mark.parametrize("name", ["saga_ab", "xsaga_admin"])
def test_guard_refuses_a_token_in_another_cookie(name):
    expect_refusal(f"{name}={OURS.token()}")


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": NOW - 1},
        {"cognito:groups": ["customer", "administrators"]},
        {"cognito:groups": []},
        {"cognito:groups": "admin"},
        {"cognito:groups": {"admin": True}},
        {"cognito:groups": None},
    ],
)
def test_guard_refuses_the_token_of_no_admin(claims):
    expect_refusal(f"saga_admin={OURS.token(**claims)}")


def test_guard_refuses_a_foreign_pools_token():
    expect_refusal(f"saga_admin={Pool('theirs').token()}")


def test_invalid_cookie_beside_a_valid_one_is_ignored():
    cookies = f"saga_admin=old; saga_admin={OURS.token()}"
    assert asked("/admin", cookies=cookies)["uri"] == "/admin/index.html"


def test_sign_in_returns_to_the_requested_page():
    assert next_page(asked("/admin/orders/01J", "status=A&next=b")) == "/admin/orders/01J?status=A&next=b"


@pytest.mark.parametrize(
    "uri",
    [
        "//evil.example/admin",
        "/\\evil.example",
        "https://evil.example/admin",
        "/admin//evil.example",
        "/admin@evil.example",
        "/admin.evil.example",
        "/admin\r\nSet-Cookie: a=b",
        "/admin/&next=https://evil.example",
    ],
)
def test_signing_in_leads_nowhere_else(uri):
    reply = asked(uri)
    assert not set(where_to(reply)) & set("\r\n\\ ")
    followed = urlsplit(urljoin(STOREFRONT, next_page(reply)))
    assert (followed.scheme, followed.netloc) == ("https", "shop.example")
    assert followed.path.startswith("/admin")
