"""The keys of signed links: made at the first deployment, kept in the parameter store, rotated by hand.

    python -m infra.deploy.link_keys STAGE      # a new key signs from now on, the one before it still verifies

Deploy afterwards: the distribution's mark follows from the current key.
"""

import secrets
import sys

import boto3

from chalicelib.platform.links import edge_mark

KEPT = 2


def ensure(session: boto3.Session, stack: str) -> dict[str, str]:
    """Make the keys if there are none. Return the template's parameter that follows from them."""
    ssm = session.client("ssm")
    try:
        keys = ssm.get_parameter(Name=_name(stack), WithDecryption=True)["Parameter"]["Value"]
    except ssm.exceptions.ParameterNotFound:
        keys = _written(session, stack, [])
    return {"EdgeMark": edge_mark(keys.split()[0])}


def rotate(session: boto3.Session, stack: str) -> None:
    """Put a new key in front of the current one, and drop the one before that."""
    current = session.client("ssm").get_parameter(Name=_name(stack), WithDecryption=True)["Parameter"]["Value"]
    _written(session, stack, current.split())


def _written(session: boto3.Session, stack: str, older: list[str]) -> str:
    keys = " ".join([secrets.token_urlsafe(48), *older][:KEPT])
    session.client("ssm").put_parameter(Name=_name(stack), Value=keys, Type="SecureString", Overwrite=True)
    return keys


def _name(stack: str) -> str:
    return f"/{stack}/links/keys"


if __name__ == "__main__":
    rotate(boto3.Session(), f"storefront-{sys.argv[1]}")
