"""Deployment: the shop that a command works on, which is the local one or a stage in the caller's AWS account."""

import os
from dataclasses import dataclass

import boto3
import click
from botocore.exceptions import ClientError

from infra.commands.client import Buyer
from infra.deploy import outputs, stages
from infra.local import place, run

LOCAL = "local"


class NotDeployed(Exception):
    """The stage has no stack in this account and region."""


@dataclass(frozen=True)
class Deployment:
    """`outputs` are those of the stack."""

    stage: str
    stack_name: str
    session: boto3.Session
    outputs: dict[str, str]

    def admin(self, email: str | None = None) -> Buyer:
        """Return a client that is signed in as an admin: locally the seeded one, on AWS the one with this address.

        The password is read from ADMIN_PASSWORD, or asked for. Raises click.UsageError or client.Refused.
        """
        if self.stage == LOCAL:
            return Buyer(self.outputs["PublicApiUrl"]).signed_in(place.ADMIN.email, place.ADMIN.password)
        if not email:
            raise click.UsageError(f"Sign in to {self.stage} as an admin: give --admin-email or set ADMIN_EMAIL.")
        password = os.environ.get("ADMIN_PASSWORD") or click.prompt(f"Password of {email}", hide_input=True, err=True)
        return Buyer(self.outputs["PublicApiUrl"]).signed_in(email, password)


def find(stage: str) -> Deployment:
    """Return the deployment of this stage. Raises run.NotRunning, NotDeployed, StageFileInvalid or WrongRegion."""
    if stage == LOCAL:
        return Deployment(LOCAL, place.STACK, run.place().session, run.outputs()["stack"])
    values = stages.read(stage)
    session, name = values.session(), values.stack_name
    try:
        return Deployment(stage, name, session, outputs.outputs(session, name))
    except ClientError as error:
        if outputs.is_missing(error):
            raise NotDeployed(f"Stage {stage} is not deployed: {session.region_name} has no stack {name}.") from None
        raise
