"""Carts of guests and customers, and the consent to cart reminders."""
