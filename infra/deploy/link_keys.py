"""Link signing keys: created at the first deployment, kept in the parameter store, rotated by an operator.

`python -m infra.commands rotate-link-keys` puts a new key in front; the key before it still verifies. Deploy
afterwards: the distribution's mark is derived from the current key.
"""

import secrets

import boto3

from chalicelib.platform.links import edge_mark

KEPT = 2


def ensure(session: boto3.Session, stack: str) -> dict[str, str]:
    """Create the keys if there are none. Return the template parameter that is derived from them."""
    ssm = session.client("ssm")
    try:
        keys = ssm.get_parameter(Name=_name(stack), WithDecryption=True)["Parameter"]["Value"]
    except ssm.exceptions.ParameterNotFound:
        keys = _written(session, stack, [])
    return {"EdgeMark": edge_mark(keys.split()[0])}


def rotate(session: boto3.Session, stack: str) -> None:
    """Put a new key in front of the current one, and delete the one before that."""
    current = session.client("ssm").get_parameter(Name=_name(stack), WithDecryption=True)["Parameter"]["Value"]
    _written(session, stack, current.split())


def _written(session: boto3.Session, stack: str, older: list[str]) -> str:
    keys = " ".join([secrets.token_urlsafe(48), *older][:KEPT])
    session.client("ssm").put_parameter(Name=_name(stack), Value=keys, Type="SecureString", Overwrite=True)
    return keys


def _name(stack: str) -> str:
    return f"/{stack}/links/keys"
