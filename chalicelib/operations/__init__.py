"""What an admin does with the shop's queues, events and orders. It changes orders only through the other rooms."""
