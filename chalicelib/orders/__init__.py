"""Orders: the order aggregate, checkout, cancellation, returns, and who may see an order."""
