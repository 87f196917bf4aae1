"""Place of a local shop: its ports and its account on an emulator, and the two people with a password.

It imports neither what deploys the shop nor the shop's own code, so that commands start quickly.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import boto3

from infra.local import emulator

STACK = "storefront"


@dataclass(frozen=True)
class Person:
    email: str
    password: str


CUSTOMER = Person("ida@sagasupply.example", "long-stories-1")
ADMIN = Person("keeper@sagasupply.example", "long-stories-1")


@dataclass(frozen=True)
class LocalShop:
    """A shop on an emulator: its ports, its account, and parameters that replace those of the stage `local`."""

    emulator_port: int
    payments_url: str
    account: str = emulator.ACCOUNT
    parameters: dict[str, str] = field(default_factory=dict)
    database_port: int = 0
    """Of PostgreSQL; 0 without reporting."""

    @property
    def session(self) -> boto3.Session:
        return _session(self.account, emulator.url(self.emulator_port))

    @property
    def stripe_key(self) -> str:
        """Return the secret key: each key has its own data in the Stripe sandbox."""
        return f"sk_test_local{self.account}"


class EmulatorSession(boto3.Session):
    """A session whose clients use the emulator. It keeps them: a client takes 50 to 100 ms of processor time."""

    def __init__(self, access_key: str, endpoint: str, secret: str = "local") -> None:
        """An account's number is the access key of its root user."""
        super().__init__(aws_access_key_id=access_key, aws_secret_access_key=secret, region_name=emulator.REGION)
        self._endpoint = endpoint
        self._kept: dict[tuple[str, str], Any] = {}
        self._turn = threading.RLock()

    def client(self, service_name: str, *arguments: Any, **options: Any) -> Any:
        return self._once("client", super().client, service_name, *arguments, **options)

    def resource(self, service_name: str, *arguments: Any, **options: Any) -> Any:
        return self._once("resource", super().resource, service_name, *arguments, **options)

    def _once(self, kind: str, create: Callable[..., Any], service: str, *arguments: Any, **options: Any) -> Any:
        with self._turn:
            if arguments or options:
                return create(service, *arguments, **{"endpoint_url": self._endpoint, **options})
            if (kind, service) not in self._kept:
                self._kept[kind, service] = create(service, endpoint_url=self._endpoint)
            return self._kept[kind, service]


@cache
def _session(account: str, endpoint: str) -> EmulatorSession:
    return EmulatorSession(account, endpoint)
