"""Command line of the shop: `python -m infra.commands NAME`. The Makefile has a target for each command."""
