"""HTTP APIs: an OpenAPI definition makes the routes, and format 1.0 gives a function the event of a REST API.

The emulator ignores both: an API with a `Body` has no routes, and every function receives format 2.0.
"""

from typing import Any

from infra.local.strict.rule import Rule

DEFINITION = ("_routes", "_integrations", "_authorizers")
"""What an import writes. Stages are resources of their own and stay."""
METHODS = ("get", "head", "post", "put", "patch", "delete", "options")


def install() -> None:
    from ministack.services import apigateway
    from ministack.services.cloudformation import provisioners

    handler = provisioners._RESOURCE_HANDLERS["AWS::ApiGatewayV2::Api"]
    create, update, invoke = handler["create"], handler["update"], apigateway._invoke_lambda_proxy

    def created(logical_id: str, given: dict[str, Any], stack: str) -> Any:
        answer = create(logical_id, given, stack)
        _import(answer[0], given)
        return answer

    def updated(api: str, old: dict[str, Any], new: dict[str, Any], stack: str, logical_id: str | None = None) -> Any:
        answer = update(api, old, new, stack, logical_id)
        if new.get("Body") != old.get("Body"):
            _import(answer[0], new)
        return answer

    async def invoked(integration: dict[str, Any], *request: Any, **options: Any) -> Any:
        if integration["payloadFormatVersion"] != "1.0":
            return await invoke(integration, *request, **options)
        return await _invoke_as_rest(integration, *request, **options)

    handler["create"], handler["update"] = created, updated
    apigateway._invoke_lambda_proxy = invoked


def _import(api: str, given: dict[str, Any]) -> None:
    """Replace routes, integrations and authorizers of an API by those of its definition."""
    from ministack.services import apigateway

    if not (body := given.get("Body")):
        return
    for store in DEFINITION:
        getattr(apigateway, store)[api] = {}
    for name, scheme in body["components"]["securitySchemes"].items():
        authorizer = scheme["x-amazon-apigateway-authorizer"]
        apigateway._authorizers[api][name] = {
            "authorizerId": name,
            "name": name,
            "authorizerType": authorizer["type"].upper(),
            "identitySource": [authorizer["identitySource"]],
            "jwtConfiguration": authorizer["jwtConfiguration"],
        }
    for path, methods in body["paths"].items():
        for method in METHODS:
            if method in methods:
                _add_route(api, f"{method.upper()} {path}", methods[method])


def _add_route(api: str, key: str, operation: dict[str, Any]) -> None:
    from ministack.services import apigateway

    written = operation["x-amazon-apigateway-integration"]
    number = str(len(apigateway._routes[api]))
    apigateway._integrations[api][number] = {
        "integrationId": number,
        "integrationType": written["type"].upper(),
        "integrationUri": written["uri"],
        "integrationMethod": written["httpMethod"],
        "payloadFormatVersion": written["payloadFormatVersion"],
    }
    authorizers = [name for each in operation.get("security", []) for name in each]
    apigateway._routes[api][number] = {
        "routeId": number,
        "routeKey": key,
        "target": f"integrations/{number}",
        "authorizationType": "JWT" if authorizers else "NONE",
        "authorizerId": authorizers[0] if authorizers else None,
    }


async def _invoke_as_rest(
    integration: dict[str, Any], api: str, stage: str, path: str, method: str, headers: dict[str, str], body: bytes,
    query: dict[str, list[str]], route: str, parameters: dict[str, str] | None, *, authorizer_claims: Any = None,
    owner_account_id: str, owner_region: str, **others: Any,
) -> Any:  # fmt: skip
    """Invoke the function with the event of a REST API; the path of a named stage begins with its name."""
    from ministack.services import apigateway_v1

    authorizer = {"claims": authorizer_claims, "scopes": None} if authorizer_claims is not None else None
    return await apigateway_v1._invoke_lambda_proxy_v1(
        {"uri": integration["integrationUri"]}, api, stage, {}, {"id": route, "path": route.partition(" ")[2]},
        f"/{stage}{path}", method, headers, body, query, parameters, authorizer_context=authorizer,
        owner_account_id=owner_account_id, owner_region=owner_region,
    )  # fmt: skip


RULE = Rule(
    "http_apis",
    "Amazon API Gateway developer guide: 'Using OpenAPI definitions for HTTP APIs', 'Create AWS Lambda proxy "
    "integrations for HTTP APIs', payload format version",
    install,
)
