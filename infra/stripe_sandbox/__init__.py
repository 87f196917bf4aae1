"""A payment provider on this machine: it speaks the part of Stripe's API that the shop uses, so
that the official SDK works unchanged and no account is needed."""

from infra.stripe_sandbox.server import serve

__all__ = ["serve"]
