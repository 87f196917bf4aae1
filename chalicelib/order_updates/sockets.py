"""The client ends of the open connections, as API Gateway lets us reach them."""

import json
from typing import TYPE_CHECKING, Any

from chalicelib.platform.log import log

if TYPE_CHECKING:
    from types_boto3_apigatewaymanagementapi.client import ApiGatewayManagementApiClient


class Sockets:
    def __init__(self, management: "ApiGatewayManagementApiClient") -> None:
        self._management = management

    def send(self, connection_id: str, message: dict[str, Any]) -> bool:
        """Return False if the connection is closed.

        One that takes no more messages is closed here: its client does not read, and the updates of others would wait
        for it. A page reconnects and gets the state then, or polls. API Gateway Management API, PostToConnection:
        LimitExceededException, "the WebSocket client side buffer is full".
        """
        try:
            self._management.post_to_connection(ConnectionId=connection_id, Data=json.dumps(message).encode())
        except self._management.exceptions.GoneException:
            return False
        except self._management.exceptions.LimitExceededException:
            log.warning("connection takes no messages")
            self.close(connection_id)
            return False
        return True

    def close(self, connection_id: str) -> None:
        try:
            self._management.delete_connection(ConnectionId=connection_id)
        except self._management.exceptions.GoneException:
            return
