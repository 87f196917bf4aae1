"""Shared kernel: ids that several rooms use. Each is a type of its own, so mypy refuses one id in another's place.

A text becomes an id where it enters: in a model of a request, a message or an item, or as the parameter of a route.
"""

from typing import NewType

OrderId = NewType("OrderId", str)
OrderNumber = NewType("OrderNumber", str)
"""What people call an order by, as it is shown: see `orders/numbers.py`."""
ReturnId = NewType("ReturnId", str)
"""The id of a return. A return belongs to an order, so the two ids often travel together."""
Sku = NewType("Sku", str)
"""The id of a product."""
CustomerId = NewType("CustomerId", str)
"""The user pool's `sub` of an account."""
