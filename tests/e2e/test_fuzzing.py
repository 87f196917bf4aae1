"""Every operation of the API's document is asked with what fits its description and with what does not (schemathesis).

No answer is a 5xx or other than the document says, and what breaks the description is refused. The document itself
gives the cases at the bounds of each field; beyond those, some are drawn, the same in each run.
"""

import importlib
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from app import app
from chalicelib.platform.http import OPERATIONS, Access
from infra.commands import people
from infra.commands.client import Buyer
from infra.local import shop

assert app.routes, "importing the app declares all operations"

CALLERS: dict[Access, tuple[str, ...]] = {
    "public": ("guest", "admin"),
    "customer": ("admin",),
    "admin": ("admin",),
    "partner": ("guest",),
}
"""Who asks, by whom the operation answers; the second one asks with the random cases only.

`test_bad_input.py` asks without a token what demands one.
"""

ASKED = [
    (caller, operation.path, operation.method.lower(), number == 0)
    for operation in sorted(OPERATIONS, key=lambda operation: operation.path)
    for number, caller in enumerate(CALLERS[operation.access])
]

PRODUCT = {
    "name": "Fuzzed",
    "description": "Made by a test.",
    "price": {"amount": 100, "currency": "EUR"},
    "category": "test",
    "image": "/images/products/none.svg",
}


@pytest.fixture(scope="module")
def unlimited(engine: Any, opened: dict[str, Any]) -> Iterator[None]:
    """Call the API without the gateway's rate limits, which tests/e2e/test_protection.py covers."""
    gateway, plan_id = engine.session.client("apigateway"), opened["stack"]["PartnerPlanId"]
    plan = gateway.get_usage_plan(usagePlanId=plan_id)
    stage = {"restApiId": plan["apiStages"][0]["apiId"], "stageName": plan["apiStages"][0]["stage"]}
    of_plan = {f"/throttle/{limit}": value for limit, value in plan["throttle"].items()}
    of_stage = {}
    for route, found in gateway.get_stage(**stage)["methodSettings"].items():
        path, _, method = route.rpartition("/")
        throttling = f"/{path.replace('/', '~1')}/{method}/throttling"
        of_stage[f"{throttling}/rateLimit"] = found["throttlingRateLimit"]
        of_stage[f"{throttling}/burstLimit"] = found["throttlingBurstLimit"]

    def limit(of_plan: dict[str, float], of_stage: dict[str, float]) -> None:
        gateway.update_usage_plan(usagePlanId=plan_id, patchOperations=_replacing(of_plan))
        gateway.update_stage(**stage, patchOperations=_replacing(of_stage))

    limit(dict.fromkeys(of_plan, 10_000), dict.fromkeys(of_stage, 10_000))
    yield
    limit(of_plan, of_stage)


def _replacing(values: dict[str, float]) -> list[dict[str, str]]:
    return [{"op": "replace", "path": path, "value": f"{value:g}"} for path, value in values.items()]


@pytest.fixture(scope="module")
def fuzzing() -> Any:
    """Load schemathesis, which takes a second, when a test runs: each worker of a run collects all tests."""
    return importlib.import_module("tests.e2e.fuzzing")


@pytest.fixture(scope="module")
def callers(fuzzing: Any, opened: dict[str, Any], sign_in: Any, unlimited: None) -> dict[str, Buyer]:
    """Create a completed order, a file to import and a queue."""
    guest, admin = Buyer(opened["api_url"]), Buyer(opened["api_url"], token=sign_in(shop.ADMIN))
    admin.must("PUT", "/admin/products/FUZZED", PRODUCT)
    admin.must("POST", "/admin/stock/FUZZED", {"delta": 1000})
    order_id = guest.buy("FUZZED")
    guest.ended(order_id)
    fuzzing.there.update(
        {
            "sku": "FUZZED",
            "order_id": order_id,
            "import_id": admin.must("POST", "/admin/imports", {"format": "csv"})["import_id"],
            "name": "notifications",
            "X-Order-Token": guest.order_tokens[order_id],
        }
    )
    return {"guest": guest, "admin": admin}


@pytest.fixture(scope="module")
def partners_key(engine: Any, opened: dict[str, Any]) -> str:
    return people.make_partner(engine.session, opened["stack"], "fuzzers").split()[-1]


@pytest.fixture(scope="module")
def connected(fuzzing: Any) -> Iterator[requests.Session]:
    """One connection for all cases, without the cookies of earlier responses."""
    with fuzzing.ManagedCookiesSession() as session:
        session.trust_env = False
        session.headers.clear()
        yield session


@pytest.fixture
def headers(fuzzing: Any, callers: dict[str, Buyer], partners_key: str, caller: str) -> dict[str, str]:
    """Test an operation as a caller with a filled cart."""
    buyer = callers[caller]
    buyer.put_in_cart("FUZZED", 2)
    fuzzing.there["X-Cart-Token"] = callers["guest"].cart_token
    key = {"x-api-key": partners_key}
    return key | ({"Authorization": f"Bearer {buyer.token}"} if buyer.token else {})


@pytest.mark.leaves_much
@pytest.mark.parametrize(("caller", "path", "method", "at_bounds"), ASKED)
def test_fuzzed_request_gets_a_documented_response(
    fuzzing: Any,
    path: str,
    method: str,
    at_bounds: bool,
    headers: dict[str, str],
    opened: dict[str, Any],
    connected: requests.Session,
) -> None:
    send_cases = fuzzing.cases_of(path, method, at_bounds)
    send_cases(headers=headers, api_url=opened["api_url"], session=connected)
