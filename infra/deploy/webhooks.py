"""Webhook registration: registers the shop's webhook endpoint at Stripe or at the Stripe sandbox."""

from typing import Any

import boto3

from chalicelib.payments.webhooks import HANDLED

PATH = "/webhooks/stripe"


def listen(
    session: boto3.Session, stack: str, deployment: str, secret_key: str, api_url: str, api_base: str = ""
) -> None:
    """Register the shop's endpoint once, and store its signing secret in the parameter store.

    `deployment` marks the endpoint as ours: other shops may use the same account, and stacks of the same name.
    Stripe returns the secret only when an endpoint is created, so an endpoint without a stored secret is recreated.
    """
    endpoints = _endpoints(secret_key, api_base)
    parameter, url = f"/{stack}/stripe/webhook-secret", api_url + PATH
    ours = [e for e in endpoints.list({"limit": 100}).auto_paging_iter() if _is_ours(e, deployment, url)]
    current = next((endpoint for endpoint in ours if endpoint.url == url), None)
    if current and not _is_kept(session, parameter):
        current = None
    for endpoint in ours:
        if endpoint is not current:
            endpoints.delete(endpoint.id)
    handled: Any = sorted(HANDLED)
    if current:
        endpoints.update(current.id, {"enabled_events": handled})
        return
    made: Any = endpoints.create({"url": url, "enabled_events": handled, "metadata": {"deployment": deployment}})
    session.client("ssm").put_parameter(Name=parameter, Value=made.secret, Type="SecureString", Overwrite=True)


def remove(deployment: str, secret_key: str, api_base: str = "") -> None:
    """Delete the endpoints with our mark."""
    endpoints = _endpoints(secret_key, api_base)
    for endpoint in endpoints.list({"limit": 100}).auto_paging_iter():
        if _is_ours(endpoint, deployment, ""):
            endpoints.delete(endpoint.id)


def _endpoints(secret_key: str, api_base: str) -> Any:
    import stripe  # it loads hundreds of modules, which most commands do without

    addresses: Any = {"api": api_base} if api_base else {}
    return stripe.StripeClient(secret_key, base_addresses=addresses).v1.webhook_endpoints


def _is_ours(endpoint: Any, deployment: str, url: str) -> bool:
    """Return whether an endpoint has our mark or our address."""
    return endpoint.metadata.to_dict().get("deployment") == deployment or endpoint.url == url


def _is_kept(session: boto3.Session, parameter: str) -> bool:
    ssm = session.client("ssm")
    try:
        return bool(ssm.get_parameter(Name=parameter, WithDecryption=True)["Parameter"]["Value"])
    except ssm.exceptions.ParameterNotFound:
        return False
