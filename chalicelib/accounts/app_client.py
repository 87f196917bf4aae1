"""App client of the user pool: its id, and its secret, without which the pool refuses every call of a visitor.

The secret is read from the pool at first use. An environment variable would show it to everybody who may read the
function's configuration.
"""

import base64
import hashlib
import hmac
from functools import cached_property
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.platform.identity import IdentityProviderUnavailable

if TYPE_CHECKING:
    from types_boto3_cognito_idp.client import CognitoIdentityProviderClient


class AppClient:
    def __init__(self, cognito: "CognitoIdentityProviderClient", pool_id: str, client_id: str) -> None:
        self.id = client_id
        self._cognito = cognito
        self._pool_id = pool_id

    @cached_property
    def secret(self) -> str:
        """Raises IdentityProviderUnavailable."""
        try:
            described = self._cognito.describe_user_pool_client(UserPoolId=self._pool_id, ClientId=self.id)
        except (ClientError, BotoCoreError) as error:
            raise IdentityProviderUnavailable(type(error).__name__) from error
        return str(described["UserPoolClient"]["ClientSecret"])

    def secret_hash(self, user_name: str) -> str:
        """Return the SECRET_HASH of a request for this user ("Computing secret hash values", Cognito developer guide).

        Raises IdentityProviderUnavailable.
        """
        digest = hmac.new(self.secret.encode(), (user_name + self.id).encode(), hashlib.sha256).digest()
        return base64.b64encode(digest).decode()
