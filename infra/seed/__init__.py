"""Demo catalog, and the code that writes it to a deployed shop."""
