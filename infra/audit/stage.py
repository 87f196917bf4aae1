"""Reader of a deployed stage: its resources are read from the outputs of its stack."""

import boto3

from infra.audit.books import Reader
from infra.deploy.outputs import outputs as stack_outputs


def reader_of(session: boto3.Session, stack: str, stripe_base: str = "") -> Reader:
    """Return a reader of the stack with this name; an empty `stripe_base` is Stripe itself."""
    key = session.client("ssm").get_parameter(Name=f"/{stack}/stripe/secret-key", WithDecryption=True)
    return Reader(session, stack_outputs(session, stack), key["Parameter"]["Value"], stripe_base)
