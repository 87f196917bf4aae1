"""Edge: requests to the distribution, and invocations of the edge functions with CloudFront's event documents."""

import http.client
import json
import re
from typing import Any
from urllib.parse import urlsplit

import pytest

from infra.deploy import edge as edge_stack
from infra.deploy.stack import deploy
from infra.local import shop
from infra.local.package import package_edge_locally
from infra.local.transform import Local
from tests.edge.documents import origin_request, request_of, viewer_request

CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
GOOGLE = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


@pytest.fixture(autouse=True)
def audited():
    """Skip the audit: these tests place no order."""


@pytest.fixture
def visit(storefront_url):
    """Return a function that sends a request to the distribution without following redirects."""
    place = urlsplit(storefront_url)

    def get(path: str, method: str = "GET", **headers: str) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", place.port, timeout=30)
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, headers={"Host": place.netloc, "User-Agent": CHROME} | names)
        answer = connection.getresponse()
        answer.text = answer.read().decode()
        return answer

    return get


def cookies_of(answer: http.client.HTTPResponse) -> dict[str, str]:
    pairs = (cookie.partition(";")[0].partition("=") for cookie in answer.headers.get_all("Set-Cookie", []))
    return {name: value for name, _, value in pairs}


@pytest.mark.parametrize("path", ["/", "/products/CAMP-TENT-01", "/?utm_source=letter"])
def test_page_path_returns_the_app(visit, path):
    answer = visit(path)
    assert answer.status == 200
    assert "<saga-shop>" in answer.text


def test_unknown_path_returns_the_app_with_404(visit):
    answer = visit("/no/such/page")
    assert answer.status == 404
    assert "<saga-shop>" in answer.text


def test_edge_serves_a_file_as_it_is(visit):
    assert visit("/favicon.svg").headers["Content-Type"] == "image/svg+xml"
    assert json.loads(visit("/config.json?utm_source=x").text)["api"] == "/api"
    assert visit("/assets/none.js").status >= 400


def test_moved_page_redirects_to_its_new_address(visit):
    answer = visit("/p/CAMP-TENT-01?utm_source=letter")
    assert (answer.status, answer.headers["Location"]) == (301, "/products/CAMP-TENT-01?utm_source=letter")


@pytest.mark.parametrize("path", ["//evil.example/", "/%5Cevil.example/", "/x/..//evil.example//"])
def test_redirect_stays_on_the_site(visit, path):
    location = visit(path).headers["Location"]
    assert location is None or re.match(r"/(?![/\\])", location)


def test_experiment_variant_stays_the_same_for_a_visitor(visit):
    variant = cookies_of(visit("/"))["saga_ab"]
    assert variant in ("a", "b")
    assert "saga_ab" not in cookies_of(visit("/cart", Cookie=f"theme=dark; saga_ab={variant}"))
    assert cookies_of(visit("/favicon.svg")) == {}


def test_visitors_country_suggests_a_currency_and_a_language(visit):
    found = cookies_of(visit("/", CloudFront_Viewer_Country="NO"))
    assert (found["saga_currency"], found["saga_language"]) == ("NOK", "nb")


@pytest.mark.parametrize("path", ["/", "/favicon.svg", "/admin", "/assets/none.js"])
def test_pages_and_errors_carry_the_same_security(visit, path):
    headers = visit(path).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert "stripe" not in policy
    assert headers["Strict-Transport-Security"] == "max-age=63072000; includeSubDomains"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]


def test_api_responses_have_the_same_headers(visit):
    for path in ("/api/products", "/api/health", "/api/none"):
        headers = visit(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Strict-Transport-Security"]


def test_catalog_reads_keep_their_query(visit, new_product):
    sku = new_product(1)
    found = json.loads(visit(f"/api/products?utm_source=x&q={sku.partition('-')[2]}&category=test").text)["items"]
    assert [each["sku"] for each in found] == [sku]


def test_other_calls_reach_the_api_untouched(visit):
    answer = visit("/api/cart/items/CAMP-TENT-01?utm_source=x", "PUT", Content_Type="application/json")
    assert json.loads(answer.text)["code"]


def test_api_answers_only_through_the_distribution_where_the_stage_requires_it(engine, guest, visit, resource):
    functions = engine.session.client("lambda")
    name = resource("APIHandler")
    environment = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]

    def require(answer):
        variables = environment | {"REQUIRE_EDGE_MARK": answer}
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})

    require("true")
    try:
        refused = guest.call("GET", "/products", headers={"X-Edge-Mark": "x" * 64})
        assert (refused.status, refused.body["code"]) == (403, "direct_call_refused")
        assert visit("/api/products", X_Edge_Mark="x" * 64).status == 200
        assert guest.call("GET", "/health").status == 200
        assert guest.call("POST", "/webhooks/stripe", {}).body["code"] != "direct_call_refused"
    finally:
        require(environment["REQUIRE_EDGE_MARK"])
    assert guest.call("GET", "/products").status == 200


# Lambda@Edge, which the AWS emulator does not run behind its distribution


@pytest.fixture(scope="module")
def edge(engine, opened, tmp_path_factory):
    """Deploy the stack of us-east-1, and return a function that invokes its functions by logical id."""
    values = edge_stack.settings(opened["stack"], engine.session)
    out = tmp_path_factory.mktemp("edge")
    template = package_edge_locally(out, values, Local(engine.place.emulator_port))
    versions = deploy(engine.session, template, out, f"{shop.STACK}-edge", {}, options=shop.OPTIONS)

    def invoke(name: str, event: dict[str, Any]) -> dict[str, Any]:
        answer = engine.session.client("lambda").invoke(
            FunctionName=versions[f"{name}Version"], Payload=json.dumps(event)
        )
        assert "FunctionError" not in answer
        return json.load(answer["Payload"])

    return invoke


def test_edges_stack_hands_on_numbered_versions_and_a_web_acl(engine, edge):
    values = edge_stack.parameters(engine.session, shop.STACK)
    assert re.search(r":function:.+:\d+$", values["GuardAdminVersion"])
    assert re.search(r":function:.+:\d+$", values["RenderForCrawlersVersion"])
    assert ":global/webacl/" in values["EdgeWebAclArn"]


def test_main_stack_goes_first_and_again_only_if_the_edge_has_changed(engine, opened, tmp_path):
    values = []

    def main(more):
        values.append(more)
        return opened["stack"]

    def deploy_with(keys):
        def bake(outputs):
            return {"api_url": outputs["ApiUrl"], "token_keys": keys}

        assert (
            edge_stack.deploy_around(main, engine.session, "another", bake, tmp_path, options=shop.OPTIONS)
            == opened["stack"]
        )

    deploy_with(["one"])
    nothing, first = values
    assert nothing == {} and first == edge_stack.parameters(engine.session, "another")
    deploy_with(["one"])
    assert values[2:] == [first]
    deploy_with(["another"])
    assert values[3] == first
    assert values[4]["GuardAdminVersion"].rpartition(":")[2] == "2"


def test_signed_in_admin_sees_the_console(edge, sign_in):
    event = viewer_request("/admin/orders", cookies=f"saga_admin={sign_in(shop.ADMIN)}")
    assert edge("GuardAdmin", event)["uri"] == "/admin/index.html"


def test_customer_and_anonymous_visitor_do_not_see_the_console(edge, sign_in):
    for cookies in (f"saga_admin={sign_in(shop.CUSTOMER)}", None):
        answer = edge("GuardAdmin", viewer_request("/admin/orders", "status=PLACED", cookies))
        assert answer["status"] == "302"
        location = answer["headers"]["location"][0]["value"]
        assert location == "/sign-in?next=%2Fadmin%2Forders%3Fstatus%3DPLACED"


def test_crawler_gets_the_product_as_the_catalog_has_it_now(edge, admin, new_product):
    sku = new_product(0, price=1234)
    page = edge("RenderForCrawlers", origin_request(crawled_path=f"/products/{sku}"))
    assert page["status"] == "200"
    assert f"<title>Test piece {sku} – Saga Supply</title>" in page["body"]
    (data,) = re.findall(r'<script type="application/ld\+json">(.+?)</script>', page["body"])
    (offer,) = (fact["offers"] for fact in json.loads(data)["@graph"] if fact["@type"] == "Product")
    assert (offer["price"], offer["availability"]) == ("12.34", "https://schema.org/OutOfStock")
    admin.call("POST", f"/admin/stock/{sku}", {"delta": 2})
    assert "InStock" in edge("RenderForCrawlers", origin_request(crawled_path=f"/products/{sku}"))["body"]


def test_crawler_follows_links_from_the_home_page_to_a_product(edge, opened):
    home = edge("RenderForCrawlers", origin_request(crawled_path="/"))["body"]
    assert f'<link rel="canonical" href="{opened["storefront_url"]}/">' in home
    assert f'href="{opened["storefront_url"]}/category/camp"' in home
    page = edge("RenderForCrawlers", origin_request(crawled_path="/category/camp"))["body"]
    assert f'href="{opened["storefront_url"]}/products/CAMP-TENT-01"' in page


def test_crawler_gets_a_404_for_an_unknown_product(edge):
    assert edge("RenderForCrawlers", origin_request(crawled_path="/products/NO-SUCH-THING"))["status"] == "404"


def test_people_get_the_app_from_the_bucket(edge):
    event = origin_request()
    assert edge("RenderForCrawlers", event) == request_of(event)


def test_crawler_gets_the_app_without_an_edge_stack(visit):
    """The AWS emulator is such a case: it has no Lambda@Edge behind its distribution."""
    assert "<saga-shop>" in visit("/products/CAMP-TENT-01", User_Agent=GOOGLE).text
