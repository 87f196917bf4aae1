"""Accounts: sign-up, sign-in, sessions and customers."""
