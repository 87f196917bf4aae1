"""App client secret: refreshing and revoking a token need the secret of an app client that has one.

The emulator checks the secret's hash in all other calls of an app client, and ignores the secret itself in these two.
"""

import hmac
from typing import Any

from infra.local.strict.rule import Rule

REFUSALS = {"GetTokensFromRefreshToken": "NotAuthorizedException", "RevokeToken": "UnauthorizedException"}


def install() -> None:
    from ministack.core.responses import error_response_json
    from ministack.services import cognito

    check_hash = cognito._validate_client_secret_hash

    def check(action: str, data: dict[str, Any]) -> Any:
        if action not in REFUSALS:
            return check_hash(action, data)
        pool, _ = cognito._pool_for_client(data.get("ClientId"))
        secret = (pool or {}).get("_clients", {}).get(data.get("ClientId"), {}).get("ClientSecret")
        if secret and not hmac.compare_digest(secret.encode(), str(data.get("ClientSecret", "")).encode()):
            return error_response_json(REFUSALS[action], "Invalid client secret.", 400)
        return None

    cognito._validate_client_secret_hash = check


RULE = Rule(
    "app-client-secret",
    "Amazon Cognito user pools API reference: `ClientSecret` of GetTokensFromRefreshToken and RevokeToken",
    install,
)
