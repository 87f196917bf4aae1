"""Analytics: sales by day, product and country, the funnel with its A/B experiment, and the daily sales report.

This room owns the insights table. `loyalty`, `recommendations` and the fan-in (`events/fan_in.py`) keep items in it,
because a completed order's effects and the facts that join them are written in one transaction.
"""
