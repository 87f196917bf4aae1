"""The order: how it is placed, how it changes, who may see it."""
