"""Recommendations: which products are bought together.

Its items are in the insights table, which `analytics` owns: the fan-in writes each effect together with its fact.
"""
