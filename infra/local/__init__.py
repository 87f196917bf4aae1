"""The shop on one machine: an embedded engine in place of AWS, a payment sandbox in place of Stripe."""
