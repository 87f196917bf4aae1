"""Events: contracts, transactional outbox, relay and publisher, and the fan-in of an order's consequences."""
