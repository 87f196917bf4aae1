"""Orders: checkout, state changes, access."""
