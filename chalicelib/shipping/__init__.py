"""Handing orders to the warehouse, and hearing back from it."""
