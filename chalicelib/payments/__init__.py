"""Money: authorize, capture, void, refund. The only room that calls a payment provider."""
