"""Link signing keys: created at the first deployment, kept in the parameter store, rotated by an operator.

`python -m infra.commands rotate-link-keys` puts a new key in front; the key before it still verifies. Deploy
afterwards: the distribution's mark is derived from the current key. The API accepts that of the key before it while
CloudFront's locations still send it, and therefore a rotation that is not deployed yet bars the next one.
"""

import secrets

import boto3

from chalicelib.platform.edge_mark import digest_of
from chalicelib.platform.links import edge_mark

KEPT = 2
PARAMETERS = ("EdgeMark", "PreviousEdgeMark", "EdgeMarkDigests")
"""Template parameters that are derived from the keys."""


class RotationNotDeployed(Exception):
    """The distribution still sends the mark of an older key, which another rotation would make unknown to the API."""


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


def rotate(session: boto3.Session, stack: str, deployed: str) -> None:
    """Put a new key in front of the current one, and delete the one before that. Raises RotationNotDeployed.

    `deployed` are the digests that the deployed stack accepts.
    """
    current = session.client("ssm").get_parameter(Name=_name(stack), WithDecryption=True)["Parameter"]["Value"].split()
    if not deployed.startswith(digest_of(edge_mark(current[0]))):
        raise RotationNotDeployed(f"The last rotation of {stack}'s keys is not deployed yet: run make deploy first.")
    _written(session, stack, current)


def _written(session: boto3.Session, stack: str, older: list[str]) -> str:
    keys = " ".join([secrets.token_urlsafe(48), *older][:KEPT])
    session.client("ssm").put_parameter(Name=_name(stack), Value=keys, Type="SecureString", Overwrite=True)
    return keys


def _name(stack: str) -> str:
    return f"/{stack}/links/keys"
