"""Subject of the preflight checks: a stage, the account it is for, and the values it would be deployed with."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import boto3

from infra.build.template import ONLY_IN
from infra.deploy import edge as edge_stack
from infra.deploy.stages import Stage


@dataclass(frozen=True)
class Subject:
    """`values` are the template parameters in effect, `template` is the main stack's. `stripe_key` may be empty."""

    stage: Stage
    session: boto3.Session
    values: dict[str, str]
    template: dict[str, Any]
    stripe_key: str = ""

    @property
    def is_real(self) -> bool:
        """Return whether the stage has neither the demo catalog nor the simulated warehouse."""
        return self.stage.name not in ONLY_IN["warehouse_simulator"]

    @cached_property
    def edge_session(self) -> boto3.Session:
        return edge_stack.session()

    def value(self, parameter: str) -> str:
        return self.values.get(parameter, "")
