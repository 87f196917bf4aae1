"""Order updates: pushes to buyers who follow an order, over a WebSocket."""
