"""Shipping: addresses, shipment requests to the warehouse, and its replies."""
