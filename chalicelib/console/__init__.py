"""Operator console: timeline and logs of an order, the map of the deployed stack and its activity, and the audit."""
