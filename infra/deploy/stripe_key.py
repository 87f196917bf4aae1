"""Stripe's secret key: kept in the parameter store, where a deployment never overwrites a rotated key."""

import boto3


class KeyMissing(Exception):
    """No secret key is stored, and none is given."""


def stored(session: boto3.Session, stack: str) -> str | None:
    """Return the stored key, or None."""
    ssm = session.client("ssm")
    try:
        return ssm.get_parameter(Name=name(stack), WithDecryption=True)["Parameter"]["Value"]
    except ssm.exceptions.ParameterNotFound:
        return None


def in_use(kept: str | None, given: str, replace: bool) -> str:
    """Return the key that a deployment uses: the stored one, unless it is to be replaced. Raises KeyMissing."""
    key = given if (replace or kept is None) else kept
    if not key:
        raise KeyMissing("No secret key of Stripe is stored for this stage: give it as STRIPE_SECRET_KEY.")
    return key


def ensure(session: boto3.Session, stack: str, given: str, replace: bool) -> str:
    """Store the given key if none is stored or it is to replace the stored one. Return the key in use.

    Raises KeyMissing.
    """
    kept = stored(session, stack)
    key = in_use(kept, given, replace)
    if key != kept:
        session.client("ssm").put_parameter(
            Name=name(stack), Value=key, Type="SecureString", Overwrite=kept is not None
        )
    return key


def name(stack: str) -> str:
    return f"/{stack}/stripe/secret-key"
