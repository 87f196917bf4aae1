"""The client ends of the open connections, as API Gateway lets us reach them."""

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types_boto3_apigatewaymanagementapi.client import ApiGatewayManagementApiClient


class Sockets:
    def __init__(self, management: "ApiGatewayManagementApiClient") -> None:
        self._management = management

    def send(self, connection_id: str, message: dict[str, Any]) -> bool:
        """Return False if the connection is closed."""
        try:
            self._management.post_to_connection(ConnectionId=connection_id, Data=json.dumps(message).encode())
        except self._management.exceptions.GoneException:
            return False
        return True

    def close(self, connection_id: str) -> None:
        try:
            self._management.delete_connection(ConnectionId=connection_id)
        except self._management.exceptions.GoneException:
            return
