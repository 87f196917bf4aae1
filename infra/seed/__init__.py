"""The demo catalog, and putting it into a deployed shop."""
