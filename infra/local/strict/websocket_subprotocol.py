"""WebSocket subprotocol: a handshake names the protocol that the `$connect` function returned, and only then.

The emulator names none, so that browsers close each connection for which a page asked for a protocol.
"""

from contextvars import ContextVar
from typing import Any

from infra.local.strict.rule import Rule

chosen: ContextVar[str | None] = ContextVar("chosen", default=None)


def install() -> None:
    from ministack.services import apigateway

    invoke, handle = apigateway._invoke_ws_lambda, apigateway.handle_websocket

    async def invoked(*arguments: Any, **options: Any) -> Any:
        answer = await invoke(*arguments, **options)
        headers = {name.lower(): value for name, value in ((answer or {}).get("headers") or {}).items()}
        chosen.set(headers.get("sec-websocket-protocol"))
        return answer

    async def handled(scope: Any, receive: Any, send: Any, *place: Any, **options: Any) -> None:
        async def named(message: dict[str, Any]) -> None:
            is_accepted = message["type"] == "websocket.accept" and chosen.get()
            await send({**message, "subprotocol": chosen.get()} if is_accepted else message)

        await handle(scope, receive, named, *place, **options)

    apigateway._invoke_ws_lambda = invoked
    apigateway.handle_websocket = handled


RULE = Rule(
    "websocket-subprotocol",
    "Amazon API Gateway developer guide: 'Set up a WebSocket API that requires a WebSocket subprotocol'",
    install,
)
