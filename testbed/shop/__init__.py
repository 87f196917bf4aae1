"""Adapter of the shop: the only part of the test bed that knows it.

`world.py` puts the shop's handlers and workflows into the simulated cloud, `payments.py` is the payment provider,
`buyers.py` what people do, `books.py` the data for the auditor.
"""
