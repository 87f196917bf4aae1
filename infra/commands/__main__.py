"""Entry point of `python -m infra.commands`."""

from infra.commands.cli import cli

if __name__ == "__main__":
    cli(prog_name="python -m infra.commands")
