"""Test bed: inject faults into an event-driven application and check its invariants.

The rest of the package knows nothing of the shop; `testbed/shop.py` is the adapter that connects it.
"""
