"""What a buyer who watches an order is told at once, over a WebSocket."""
