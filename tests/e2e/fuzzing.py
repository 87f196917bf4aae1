"""Cases of fuzzing (schemathesis): requests for each operation of the API's document, at bounds and random ones."""

from collections.abc import Callable
from copy import deepcopy
from functools import cache
from typing import Any

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

from chalicelib.platform import openapi

DRAWN = 4
"""Random cases of each operation for each caller, in addition to the boundary cases."""

NOT_PROMISED = {
    unsupported_method: "API Gateway answers an unknown method as an unknown path, with 404.",
    positive_data_acceptance: "A shop refuses much that has the right shape: an empty cart, a weak password, "
    "another currency, a cursor that no list gave out.",
}


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


schema = schemathesis.openapi.from_dict(without_examples(openapi.document("/api")))
schema.config.generation.update(max_examples=DRAWN, deterministic=True, with_security_parameters=False)
schema.config.phases.coverage = CoveragePhaseConfig(unexpected_methods=set(), generate_duplicate_query_parameters=True)

drawn_only = deepcopy(schema.config)
drawn_only.phases.coverage = CoveragePhaseConfig(enabled=False)

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


@settings(deadline=None, suppress_health_check=list(HealthCheck))
def _check(case: Any, headers: dict[str, str], api_url: str, session: ManagedCookiesSession) -> None:
    """Send a case, unless the same one was sent to this caller before."""
    parts = (case.method, case.formatted_path, case.query, case.headers, case.cookies, case.body, headers)
    if (asked := repr(parts)) not in sent:
        case.call_and_validate(api_url, session=session, headers=headers, excluded_checks=list(NOT_PROMISED))
        sent.add(asked)  # a case that failed is repeated


@cache
def cases_of(path: str, method: str, at_bounds: bool) -> Callable[..., None]:
    """Return the function that sends the cases of an operation: random ones, and with `at_bounds` those at bounds."""
    load_all_checks()
    return build_operation_test(
        config=schema.config if at_bounds else drawn_only,
        operation=schema[path][method],
        test_func=_check,
        given_kwargs={},
        feedback=FeedbackSources(constants_value_source=make_constants_value_source(schema)),
    )
