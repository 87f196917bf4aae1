"""Dead-letter queues: list, redrive and drop dead letters, replay archived events, and retry failed refunds."""
