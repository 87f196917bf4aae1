"""Inventory: the stock ledger, and reservations that expire."""
