"""The commands that `make` calls: `python -m infra.commands NAME`."""

import os
import sys

from rich.console import Console

from infra.build.package import PackagingFailed
from infra.build.storefront import BuildFailed
from infra.commands import burst, demo, lighthouse, mail, rush, screenshots, tour
from infra.deploy.stack import DeploymentFailed
from infra.local import run
from infra.local.processes import DidNotStart, PortBusy

COMMANDS = {
    "up": run.up,
    "down": run.down,
    "demo": demo.demo,
    "mail": mail.show,
    "rush": rush.rush,
    "burst": burst.burst,
    "tour": tour.tour,
    "lighthouse": lighthouse.lighthouse,
    "screenshots": screenshots.screenshots,
}

FAILURES = (PortBusy, DidNotStart, DeploymentFailed, PackagingFailed, BuildFailed, run.NotRunning, tour.TourStuck)


def main() -> int:
    console = Console(highlight=False)
    command = COMMANDS.get(sys.argv[1] if len(sys.argv) > 1 else "")
    if command is None:
        console.print(f"usage: python -m infra.commands {{{'|'.join(COMMANDS)}}}")
        return 2
    try:
        return command(console) or 0
    except FAILURES as failure:
        console.print(f"[red]{failure}[/red]", markup=True)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    os.chdir(run.ROOT)
    sys.exit(main())
