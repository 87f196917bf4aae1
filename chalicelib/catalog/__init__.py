"""Catalog: products and categories, their search and administration."""
