"""Commands that a person runs, one module per make target."""
