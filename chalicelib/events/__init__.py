"""What happened: the contracts of all events, the way onto the bus, and the way off it."""
