"""Pricing: what lines cost, with discounts, shipping costs and taxes. Pure functions."""
