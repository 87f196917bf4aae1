"""Names of the HTTP headers that several rooms read."""

CART_TOKEN = "X-Cart-Token"
ORDER_TOKEN = "X-Order-Token"
VARIANT = "X-Variant"
