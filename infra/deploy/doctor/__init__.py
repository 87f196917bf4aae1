"""Preflight checks: whether a stage can be deployed, read from the account without changing anything."""
