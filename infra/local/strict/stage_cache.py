"""Stage cache: a REST API with a cache answers from it, by the parameters of the key; FlushStageCache empties it.

The emulator stores the settings and caches nothing. Every response is cached here, refusals too: AWS documents no
exception.
"""

import time
from typing import Any

from infra.local.strict.rule import Rule

Key = tuple[str, ...]
DATA = ("cache", "data")


def install() -> None:
    from ministack.services import apigateway_v1 as gateway

    kept: dict[tuple[str, str], dict[Key, tuple[float, Any]]] = {}
    invoke, handle = gateway._invoke_lambda_proxy_v1, gateway.handle_request

    async def invoked(
        integration: dict[str, Any], api: str, name: str, stage: dict[str, Any], resource: dict[str, Any], path: str,
        method: str, headers: dict[str, Any], body: bytes, query: dict[str, list[str]], parameters: Any, **more: Any,
    ) -> Any:  # fmt: skip
        request = (integration, api, name, stage, resource, path, method, headers, body, query, parameters)
        seconds = _seconds(stage, resource["path"], method)
        if not seconds:
            return await invoke(*request, **more)
        entries = kept.setdefault((api, name), {})
        key = _key(integration, resource, method, headers, query, parameters or {})
        until, answer = entries.get(key, (0.0, None))
        if until < time.monotonic():
            answer = await invoke(*request, **more)
            entries[key] = (time.monotonic() + seconds, answer)
        status, answered, content = answer
        return status, dict(answered), content

    async def handled(method: str, path: str, *others: Any) -> Any:
        parts = path.strip("/").split("/")
        if method == "DELETE" and tuple(parts[4:]) == DATA and parts[0] == "restapis":
            kept.pop((parts[1], parts[3]), None)
            return 202, {}, b""
        return await handle(method, path, *others)

    gateway._invoke_lambda_proxy_v1, gateway.handle_request = invoked, handled
    _read_settings()


def _read_settings() -> None:
    """Take over from a template what the emulator drops: whether a stage has a cache, and the keys of methods."""
    from ministack.services import apigateway_v1 as gateway
    from ministack.services.cloudformation import provisioners

    handler = provisioners._RESOURCE_HANDLERS["AWS::ApiGateway::Stage"]
    create, update, import_operation = handler["create"], handler["update"], gateway._import_operation

    def note(given: dict[str, Any]) -> None:
        enabled = str(given.get("CacheClusterEnabled", False)).lower() == "true"
        gateway._stages_v1[given["RestApiId"]][given["StageName"]]["cacheClusterEnabled"] = enabled

    def created(logical_id: str, given: dict[str, Any], stack: str) -> Any:
        answer = create(logical_id, given, stack)
        note(given)
        return answer

    def updated(stage: str, old: dict[str, Any], new: dict[str, Any], stack: str) -> Any:
        answer = update(stage, old, new, stack)
        note(new)
        return answer

    def imported(api: str, resource: str, method: str, operation: dict[str, Any] | None, *more: Any) -> None:
        import_operation(api, resource, method, operation, *more)
        written = (operation or {}).get("x-amazon-apigateway-integration") or {}
        if "cacheKeyParameters" in written:
            made = gateway._resources[api][resource]["resourceMethods"][method]["methodIntegration"]
            made["cacheKeyParameters"] = written["cacheKeyParameters"]

    handler["create"], handler["update"], gateway._import_operation = created, updated, imported


def _seconds(stage: dict[str, Any], path: str, method: str) -> int:
    """Return for how long responses of a method are cached: its own setting, else that of all methods."""
    if not stage.get("cacheClusterEnabled"):
        return 0
    settings = stage.get("methodSettings") or {}
    found = settings.get(f"{path}/{method}") or settings.get("*/*") or {"cachingEnabled": method == "GET"}
    return int(found.get("cacheTtlInSeconds", 300)) if found.get("cachingEnabled") else 0


def _key(
    integration: dict[str, Any], resource: dict[str, Any], method: str, headers: dict[str, Any],
    query: dict[str, list[str]], parameters: dict[str, str],
) -> Key:  # fmt: skip
    """Return what distinguishes a request: of a repeated parameter the last value."""
    named = {name.lower(): value for name, value in headers.items()}
    places = {
        "path": parameters,
        "querystring": {name: values[-1] for name, values in (query or {}).items()},
        "header": named,
    }
    values = []
    for parameter in integration.get("cacheKeyParameters", []):
        _, _, place, name = parameter.split(".", 3)
        values.append(str(places[place].get(name.lower() if place == "header" else name, "")))
    return method, resource["id"], *values


RULE = Rule(
    "stage_cache",
    "Amazon API Gateway developer guide: 'Cache settings for REST APIs in API Gateway'; API reference: FlushStageCache",
    install,
)
