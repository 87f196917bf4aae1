"""HTTP API: what it answers beside what the REST API of the same shop answers, on the same function and data."""

import json
from dataclasses import replace

import pytest

from infra.build.package import package_without_libraries
from infra.local import shop

STACK = "http-api"
PARTS = ("HttpApi", "HttpStage", "HttpApiMayInvoke")


@pytest.fixture(scope="module")
def http_api_url(engine, opened, tmp_path_factory):
    """Deploy the HTTP API of the template beside the REST API of the shared shop, and return its address."""
    packaged = json.loads(package_without_libraries("local", tmp_path_factory.mktemp("http-api")).read_text())
    text = json.dumps({name: packaged["Resources"][name] for name in PARTS}).replace(
        "${APIHandlerAliaslive}", "${APIHandler}"
    )
    resources = json.loads(text.replace('"Ref": "APIHandlerAliaslive"', '"Ref": "APIHandler"'))
    for resource in resources.values():
        resource.pop("Condition", None), resource.pop("DependsOn", None)
        resource["Properties"].pop("AccessLogSettings", None)
    cloudformation = engine.session.client("cloudformation")
    found = cloudformation.describe_stack_resource
    physical = {
        name: found(StackName=shop.STACK, LogicalResourceId=name)["StackResourceDetail"]["PhysicalResourceId"]
        for name in ("APIHandler", "UserPool", "UserPoolClient")
    }
    function = engine.session.client("lambda").get_function(FunctionName=physical["APIHandler"])
    physical["APIHandler"] = function["Configuration"]["FunctionArn"]
    template = {
        "Parameters": {name: {"Type": "String"} for name in physical},
        "Resources": resources,
        "Outputs": {"Id": {"Value": {"Ref": "HttpApi"}}},
    }
    values = [{"ParameterKey": name, "ParameterValue": value} for name, value in physical.items()]
    cloudformation.create_stack(StackName=STACK, TemplateBody=json.dumps(template), Parameters=values)
    cloudformation.get_waiter("stack_create_complete").wait(StackName=STACK, WaiterConfig={"Delay": 1})
    outputs = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]["Outputs"]
    yield f"{opened['engine_url']}/_aws/execute-api/{outputs[0]['OutputValue']}/api"
    cloudformation.delete_stack(StackName=STACK)


@pytest.fixture
def over_http(http_api_url):
    """Return a buyer as one who uses the HTTP API, with the same session and tokens."""
    return lambda buyer: replace(buyer, api_url=http_api_url)


def test_order_placed_over_the_http_api_is_completed_and_read_over_both(guest, over_http, new_product):
    buyer = over_http(guest)
    order_id = buyer.buy(new_product(2))
    assert buyer.ended(order_id)["status"] == "COMPLETED"
    assert over_http(buyer).order(order_id) == replace(buyer, api_url=guest.api_url).order(order_id)


def test_session_of_a_customer_is_accepted_and_an_unsigned_one_is_not(guest, customer, admin, over_http):
    """The gateway refuses without the shop's problem document, which an HTTP API cannot be given."""
    assert over_http(customer).call("GET", "/orders").status == 200
    assert over_http(customer).call("GET", "/admin/orders").body["code"] == "admin_only"
    assert over_http(admin).call("GET", "/admin/orders").status == 200
    for token in (None, "x", admin.token[:-4] + "AAAA"):
        reply = over_http(replace(guest, token=token)).call("GET", "/admin/orders")
        assert (reply.status, reply.body) == (401, {"message": "Unauthorized"})


def test_cookies_and_repeated_headers_pass_through(guest, over_http):
    credentials = {"email": shop.CUSTOMER.email, "password": shop.CUSTOMER.password}
    answers = [
        buyer.call("POST", "/session", credentials, {"X-Session-Request": "1"}) for buyer in (guest, over_http(guest))
    ]
    assert [answer.status for answer in answers] == [200, 200]
    assert all("set-cookie" in answer.headers for answer in answers)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/products?category=camp&limit=3", None),
        ("GET", "/products?q=knife&sort=price&q=again", None),
        ("GET", "/products/NOT-THERE", None),
        ("HEAD", "/products", None),
        ("GET", "/orders/ord_000000000000000000000000", None),
        ("PUT", "/cart/items/X", {"quantity": "many"}),
        ("GET", "/openapi.json", None),
    ],
)
def test_request_gets_the_same_status_and_code_from_both(guest, over_http, method, path, body):
    ours, other = (buyer.call(method, path, body) for buyer in (guest, over_http(guest)))
    assert other.status == ours.status
    assert method == "HEAD" or other.body.get("code") == ours.body.get("code")
    assert other.headers["content-type"] == ours.headers["content-type"]


@pytest.mark.parametrize(("path", "body"), [("/cart/items/X", {}), ("/cart/items/X", b"{")])
def test_malformed_body_that_the_rest_api_refuses_is_refused_by_the_function(guest, over_http, path, body):
    ours, other = (buyer.call("PUT", path, body) for buyer in (guest, over_http(guest)))
    assert {ours.status, other.status} <= {400, 422}
    assert other.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(("method", "path"), [("GET", "/partner/products"), ("GET", "/nowhere"), ("DELETE", "/health")])
def test_route_that_the_http_api_does_not_have_is_a_404(guest, over_http, method, path):
    """Partners need a REST API, for their keys. A wrong method is no 405: only routes that exist are defined."""
    reply = over_http(guest).call(method, path, headers={"x-api-key": "x" * 32})
    assert (reply.status, reply.body) == (404, {"message": "Not Found"})
