"""Money: authorize, capture, void, refund. The only room that talks to Stripe."""
