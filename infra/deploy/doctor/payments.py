"""Checks of Stripe: the keys' mode and account."""

from collections.abc import Iterator
from typing import Any

import stripe

from infra.deploy.doctor.findings import Finding, blocker, fine, warning
from infra.deploy.doctor.subject import Subject

DASHBOARD = "https://dashboard.stripe.com"


def stripe_keys(subject: Subject) -> Iterator[Finding]:
    if not subject.stripe_key:
        yield blocker("Stripe key", "none is stored and none is given", "STRIPE_SECRET_KEY=sk_… make deploy")
        return
    yield from mode_findings(subject.stripe_key, subject.value("StripePublishableKey"), subject.is_real)
    base = subject.value("StripeApiBase")
    addresses: Any = {"api": base} if base else {}
    try:
        account = stripe.StripeClient(subject.stripe_key, base_addresses=addresses).v1.accounts.retrieve_current()
    except stripe.AuthenticationError as refusal:
        yield blocker("Stripe account", f"Stripe refuses the key: {refusal.user_message}", f"See {DASHBOARD}/apikeys")
    except stripe.PermissionError:
        yield warning("Stripe account", "the restricted key may not read the account", "Check the account yourself.")
    except stripe.APIConnectionError:
        yield blocker("Stripe account", "Stripe does not answer", "Check your network, or StripeApiBase.")
    else:
        yield account_finding(account.to_dict())


def mode_findings(secret: str, publishable: str, is_real: bool) -> Iterator[Finding]:
    """Judge the modes of the keys for a stage that is real or has a simulated warehouse."""
    is_live = "_live_" in secret
    if is_real and not is_live:
        yield warning("Stripe key", "is a test key: no order is paid with real money", "Replace it before you open.")
    elif is_live and not is_real:
        yield blocker(
            "Stripe key",
            "is a live key, and the warehouse of this stage is simulated: customers would pay and get nothing",
            "Give a test key, with REPLACE_STRIPE_KEY=true if the live key is stored already.",
        )
    else:
        yield fine("Stripe key", "live mode" if is_live else "test mode")
    if publishable and ("_live_" in publishable) != is_live:
        yield blocker("Stripe key", "the publishable key has another mode", "Give both keys of one mode.")
    if is_real and not publishable:
        yield blocker(
            "Stripe key",
            "there is no publishable key: the checkout would offer the sandbox's cards",
            "STRIPE_PUBLISHABLE_KEY=pk_…, or parameters.StripePublishableKey in the stage file",
        )


def account_finding(account: dict[str, Any]) -> Finding:
    """Judge Stripe's answer about the account."""
    who = f"{account['id']} ({account.get('country', 'country unknown')})"
    if account.get("charges_enabled"):
        return fine("Stripe account", who)
    return warning("Stripe account", f"{who} cannot charge cards yet", f"Complete it: {DASHBOARD}/account/onboarding")
