"""Every operation of the API's document is asked with what fits its description and with what does not (schemathesis).

No answer is a 5xx or other than the document says, and what breaks the description is refused. The document itself
gives the cases at the bounds of each field; beyond those, some are drawn, the same in each run.
"""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from schemathesis.checks import load_all_checks
from schemathesis.config import CoveragePhaseConfig
from schemathesis.generation.feedback import FeedbackSources
from schemathesis.pytest._test_builder import build_operation_test
from schemathesis.python._constants.orchestrator import make_constants_value_source
from schemathesis.specs.openapi.checks import positive_data_acceptance, unsupported_method
from schemathesis.transport.requests import ManagedCookiesSession

from app import app
from chalicelib.platform import openapi
from infra.commands import people
from infra.commands.client import Buyer
from infra.local import shop

DRAWN = 4
"""Random cases of each operation for each caller, in addition to the boundary cases."""

NOT_PROMISED = {
    unsupported_method: "API Gateway answers an unknown method as an unknown path, with 404.",
    positive_data_acceptance: "A shop refuses much that has the right shape: an empty cart, a weak password, "
    "another currency, a cursor that no list gave out.",
}

assert app.routes, "importing the app declares all operations"


def without_examples(document: dict[str, Any]) -> dict[str, Any]:
    """Leave out all examples, those of responses too, from which schemathesis takes values for parameters.

    They name seeded products, which the cases must not change.
    """
    for operation in (operation for path in document["paths"].values() for operation in path.values()):
        for parameter in operation["parameters"]:
            parameter.pop("example", None)
        for described in (operation.get("requestBody", {}), *operation["responses"].values()):
            for content in described.get("content", {}).values():
                content.pop("example", None)
    return document


DOCUMENT = without_examples(openapi.document("/api"))


def callers_of(operation: dict[str, Any]) -> tuple[str, ...]:
    """Return who asks: whom the operation may answer. `test_bad_input.py` asks without a token what demands one."""
    ways = operation["security"]
    if {} in ways:
        return "guest", "admin"
    return ("admin",) if {"customer": []} in ways else ("guest",)


ASKED = [
    (caller, path, method)
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
    for caller in callers_of(operation)
]

schema = schemathesis.openapi.from_dict(DOCUMENT)
schema.config.generation.update(max_examples=DRAWN, deterministic=True, with_security_parameters=False)
schema.config.phases.coverage = CoveragePhaseConfig(unexpected_methods=set(), generate_duplicate_query_parameters=True)

PRODUCT = {
    "name": "Fuzzed",
    "description": "Made by a test.",
    "price": {"amount": 100, "currency": "EUR"},
    "category": "test",
    "image": "/images/products/none.svg",
}

there: dict[str, str] = {}
"""Existing values by parameter, because random cases would not find them."""

sent: set[str] = set()
"""The requests so far: many random cases of a small operation are equal."""


@schema.hook("flatmap_path_parameters")
@schema.hook("flatmap_headers")
def ask_for_what_there_is(context: Any, drawn: dict[str, Any] | None) -> Any:
    """Use an existing value in half of the random cases."""
    known = {name: there[name] for name in drawn or {} if name in there}
    return st.sampled_from([drawn, {**(drawn or {}), **known}])


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
def callers(opened: dict[str, Any], sign_in: Any, unlimited: None) -> dict[str, Buyer]:
    """Create a completed order, a file to import and a queue."""
    guest, admin = Buyer(opened["api_url"]), Buyer(opened["api_url"], token=sign_in(shop.ADMIN))
    admin.must("PUT", "/admin/products/FUZZED", PRODUCT)
    admin.must("POST", "/admin/stock/FUZZED", {"delta": 1000})
    order_id = guest.buy("FUZZED")
    guest.ended(order_id)
    there.update(
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
def connected() -> Iterator[ManagedCookiesSession]:
    """One connection for all cases, without the cookies of earlier responses."""
    with ManagedCookiesSession() as session:
        session.trust_env = False
        session.headers.clear()
        yield session


@pytest.fixture
def headers(callers: dict[str, Buyer], partners_key: str, caller: str) -> dict[str, str]:
    """Test an operation as a caller with a filled cart."""
    buyer = callers[caller]
    buyer.put_in_cart("FUZZED", 2)
    there["X-Cart-Token"] = callers["guest"].cart_token
    key = {"x-api-key": partners_key}
    return key | ({"Authorization": f"Bearer {buyer.token}"} if buyer.token else {})


@settings(deadline=None, suppress_health_check=list(HealthCheck))
def _check(case: Any, headers: dict[str, str], api_url: str, session: ManagedCookiesSession) -> None:
    """Send a case, unless the same one was sent to this caller before."""
    parts = (case.method, case.formatted_path, case.query, case.headers, case.cookies, case.body, headers)
    if (asked := repr(parts)) not in sent:
        case.call_and_validate(api_url, session=session, headers=headers, excluded_checks=list(NOT_PROMISED))
        sent.add(asked)  # a case that failed is repeated


@cache
def _cases_of(path: str, method: str) -> Callable[..., None]:
    """Return the function that sends all cases of an operation.

    Schemathesis makes the cases of all operations when tests are collected: 4 seconds of each worker of a run.
    """
    load_all_checks()
    return build_operation_test(
        config=schema.config,
        operation=schema[path][method],
        test_func=_check,
        given_kwargs={},
        feedback=FeedbackSources(constants_value_source=make_constants_value_source(schema)),
    )


@pytest.mark.leaves_much
@pytest.mark.parametrize(("caller", "path", "method"), ASKED)
def test_fuzzed_request_gets_a_documented_response(
    path: str, method: str, headers: dict[str, str], opened: dict[str, Any], connected: ManagedCookiesSession
) -> None:
    _cases_of(path, method)(headers=headers, api_url=opened["api_url"], session=connected)
