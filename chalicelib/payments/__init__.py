"""Payments: authorize, capture, void, refund and reconcile. The only room that calls a payment provider."""
