"""Log queries: a query over several log groups needs the permission on each of them.

The emulator checks one resource for each call; `infra/local/authorization.py` names the first group.
"""

import json
from contextvars import ContextVar
from typing import Any

from infra.local.strict.rule import Rule

QUERY = "logs:StartQuery"

others: ContextVar[tuple[str, ...]] = ContextVar("others", default=())
"""The names of the further log groups of the current query."""


def install() -> None:
    from ministack.core import iam_actions, iam_evaluator

    action_of, enforce = iam_actions.extract_iam_action, iam_evaluator.enforce

    def action(service: str, method: str, path: str, headers: Any, body: bytes, query: Any) -> str | None:
        name: str | None = action_of(service, method, path, headers, body, query)
        others.set(tuple(json.loads(body).get("logGroupNames", [])[1:]) if name == QUERY else ())
        return name

    def each(
        key: str, action: str, service: str, region: str, resource_arn: str = "*", *more: Any, **named: Any
    ) -> Any:
        refusal = enforce(key, action, service, region, resource_arn, *more, **named)
        for name in others.get() if action == QUERY else ():
            owner, _, _ = resource_arn.partition(":log-group:")
            other = f"{owner}:log-group:{name}:log-stream:"
            refusal = refusal or enforce(key, action, service, region, other, *more, **named)
        return refusal

    iam_actions.extract_iam_action = action
    iam_evaluator.enforce = each


RULE = Rule(
    "log_queries",
    "Amazon CloudWatch Logs API reference: StartQuery; Service Authorization Reference: 'Actions, resources, and "
    "condition keys for Amazon CloudWatch Logs', StartQuery",
    install,
)
