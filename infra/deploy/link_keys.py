"""Link signing keys: created at the first deployment, kept in the parameter store, rotated by an operator.

`python -m infra.commands rotate-link-keys` puts a new key in front; the key before it still verifies. Deploy
afterwards, before rotating again: the distribution's mark is derived from the current key, and the API accepts that of
the key before it while CloudFront's locations still send it.
"""

import secrets

import boto3

from chalicelib.platform.edge_mark import digest_of
from chalicelib.platform.links import edge_mark

KEPT = 2
PARAMETERS = ("EdgeMark", "PreviousEdgeMark", "EdgeMarkDigests")
"""Template parameters that are derived from the keys."""


def ensure(session: boto3.Session, stack: str) -> dict[str, str]:
    """Create the keys if there are none. Return the template parameters that are derived from them."""
    ssm = session.client("ssm")
    try:
        keys = ssm.get_parameter(Name=_name(stack), WithDecryption=True)["Parameter"]["Value"]
    except ssm.exceptions.ParameterNotFound:
        keys = _written(session, stack, [])
    marks = [edge_mark(key) for key in keys.split()]
    digests = " ".join(digest_of(mark) for mark in marks)
    return dict(zip(PARAMETERS, (marks[0], marks[-1], digests), strict=True))


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
