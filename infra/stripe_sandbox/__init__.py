"""Stripe sandbox: the part of Stripe's API that a shop uses, on this machine. The SDK works unchanged."""

from infra.stripe_sandbox.server import serve

__all__ = ["serve"]
