"""Has Stripe, or the payment sandbox, tell the shop what happens to its payments."""

from typing import Any

import boto3
import stripe

from chalicelib.payments.webhooks import HANDLED

PATH = "/webhooks/stripe"


def listen(session: boto3.Session, stack: str, secret_key: str, api_url: str, api_base: str = "") -> None:
    """Register the shop's endpoint once, and keep its signing secret where the shop reads it.

    Stripe tells the secret only when an endpoint is made, so one whose secret is lost is made anew.
    """
    addresses: Any = {"api": api_base} if api_base else {}
    endpoints = stripe.StripeClient(secret_key, base_addresses=addresses).v1.webhook_endpoints
    parameter, url = f"/{stack}/stripe/webhook-secret", api_url + PATH
    known = [endpoint for endpoint in endpoints.list({"limit": 100}).auto_paging_iter() if endpoint.url == url]
    if known and _is_kept(session, parameter):
        endpoints.update(known[0].id, {"enabled_events": sorted(HANDLED)})
        return
    for endpoint in known:
        endpoints.delete(endpoint.id)
    made = endpoints.create({"url": url, "enabled_events": sorted(HANDLED)})
    session.client("ssm").put_parameter(Name=parameter, Value=made.secret, Type="SecureString", Overwrite=True)


def _is_kept(session: boto3.Session, parameter: str) -> bool:
    ssm = session.client("ssm")
    try:
        return bool(ssm.get_parameter(Name=parameter, WithDecryption=True)["Parameter"]["Value"])
    except ssm.exceptions.ParameterNotFound:
        return False
