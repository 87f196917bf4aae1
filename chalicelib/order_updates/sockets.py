"""The client ends of the open connections, as API Gateway lets us reach them."""

import json
from typing import Any


class Sockets:
    def __init__(self, management: Any) -> None:
        self._management = management

    def send(self, connection_id: str, message: dict[str, Any]) -> bool:
        """False if nobody is there any more."""
        try:
            self._management.post_to_connection(ConnectionId=connection_id, Data=json.dumps(message).encode())
        except self._management.exceptions.GoneException:
            return False
        return True
