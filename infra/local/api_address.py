"""API address: a REST API keeps its id, which is part of its address, when its definition changes.

AWS writes a changed `Body` over the same API (CloudFormation template reference, "AWS::ApiGateway::RestApi": update
without interruption; API Gateway API reference, "PutRestApi"). The emulator imports it as another API with another id,
so each new route would change the shop's address and break open pages and scripts.
"""

from typing import Any

DEFINITION = ("_resources", "_authorizers_v1", "_models", "_request_validators", "_documentation_parts")
"""What an import writes. Stages, deployments and gateway responses are resources of their own and stay."""


def install() -> None:
    from ministack.services import apigateway_v1 as gateway
    from ministack.services.cloudformation import provisioners

    handler = provisioners._RESOURCE_HANDLERS["AWS::ApiGateway::RestApi"]
    create, update = handler["create"], handler["update"]

    def update_in_place(api: str, old: dict[str, Any], new: dict[str, Any], stack: str, logical_id: str) -> Any:
        if new.get("Body") != old.get("Body"):
            imported, _ = create(logical_id, new, stack)
            _overwrite(gateway, api, imported)
        return update(api, old | {"Body": new.get("Body")}, new, stack, logical_id)

    handler["update"] = update_in_place


def _overwrite(gateway: Any, api: str, imported: str) -> None:
    """Give an API the definition of another one, which is deleted."""
    for name in DEFINITION:
        store = getattr(gateway, name)
        store[api] = store.get(imported, {})
        store.pop(imported, None)
    gateway._delete_rest_api(imported)
