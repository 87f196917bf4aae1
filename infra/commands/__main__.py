"""Entry point of `python -m infra.commands`."""

import gc

from testbed.rarely import THRESHOLDS

# A command loads a thousand modules, which leave no garbage.
gc.set_threshold(*THRESHOLDS)

from infra.commands.cli import cli  # noqa: E402

if __name__ == "__main__":
    cli(prog_name="python -m infra.commands")
