"""Integration permissions: a REST API invokes a function or an alias only if the policy of exactly that one allows it.

A permission on the function says nothing about its alias. The emulator invokes without asking.
"""

from typing import Any

from infra.local.strict.rule import Rule

GATEWAY = "apigateway.amazonaws.com"


def install() -> None:
    from ministack.services import apigateway_v1 as gateway

    invoke = gateway._invoke_lambda_proxy_v1

    async def checked(
        integration: dict[str, Any], api: str, stage_name: str, stage: Any, resource: dict[str, Any], path: str,
        method: str, *others: Any, owner_account_id: str, owner_region: str, **more: Any,
    ) -> Any:  # fmt: skip
        function = gateway._extract_lambda_ref_from_integration_uri(integration.get("uri", ""))
        source = f"arn:aws:execute-api:{owner_region}:{owner_account_id}:{api}/{stage_name}/{method}{resource['path']}"
        if not _allows(function, source, owner_account_id, owner_region):
            return gateway._gw_error("API_CONFIGURATION_ERROR", "Internal server error")
        owner = {"owner_account_id": owner_account_id, "owner_region": owner_region}
        return await invoke(integration, api, stage_name, stage, resource, path, method, *others, **owner, **more)

    gateway._invoke_lambda_proxy_v1 = checked


def _allows(function: str, source: str, account: str, region: str) -> bool:
    """Return whether the function's policy lets API Gateway invoke `function`, an ARN with or without an alias."""
    from ministack.core.iam_evaluator import EvalContext, evaluate_resource_policy
    from ministack.services import lambda_svc

    name = function.partition(":function:")[2].partition(":")[0]
    found = lambda_svc._functions.get_scoped(account, region, name)
    if not found:
        return True  # The emulator refuses it.
    context = EvalContext(
        principal_arn=GATEWAY,
        principal_type="Service",
        principal_account="",
        action="lambda:InvokeFunction",
        resource_arn=function,
        region=region,
        service_context={"aws:sourcearn": source},
    )
    return bool(evaluate_resource_policy(found["policy"], context, service=GATEWAY).decision == "Allow")


RULE = Rule(
    "integration_permissions",
    "Amazon API Gateway developer guide: 'Set up Lambda proxy integrations'; AWS Lambda developer guide: 'Using Lambda "
    "aliases in event sources and permissions policies'",
    install,
)
