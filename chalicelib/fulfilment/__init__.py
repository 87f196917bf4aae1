"""Fulfilment: saga steps, recovery and other processes that coordinate the rooms."""
