"""Loyalty: the points that a customer earns with completed orders and loses with returns.

Its items are in the insights table, which `analytics` owns: a return takes back revenue and points in one transaction.
"""
