"""Local shop: starts, updates and stops the shop of this machine."""

import os
import time
from typing import Any

from rich.console import Console

from chalicelib.platform.shop import shop as shop_file
from infra.commands.output import styled
from infra.local import run, shop


def up(console: Console) -> None:
    """Start what is not running, deploy or update, and print the addresses."""
    began = float(os.environ.get("MAKE_STARTED") or time.time())

    def progress(line: str) -> None:
        console.print(f"  {line} …")

    with run.alone():
        run.start(progress)
        outputs = shop.deploy_shop(run.place(), run.HOME / "build", progress)
        shop.write_outputs(outputs, run.OUTPUTS)
    _announce(console, outputs, time.time() - began)


def down(console: Console) -> None:
    """Stop the servers; the data stay in `.local/`."""
    if run.current() is None:
        console.print("Nothing is running.")
        return
    with run.alone():
        console.print("  saving and stopping …")
        run.stop()
    console.print("Stopped. The data are kept; make up continues with them.")


def _announce(console: Console, outputs: dict[str, Any], seconds: float) -> None:
    customer, admin = outputs["customer"], outputs["admin"]
    console.print()
    console.print(styled(f"{shop_file().name} is running", "bold green"), f"(after {seconds:.0f} s in all)\n")
    for label, value in (
        ("storefront", outputs["storefront_url"]),
        ("console", f"{outputs['storefront_url']}/admin"),
        ("API", outputs["api_url"]),
        ("API document", f"{outputs['api_url']}/openapi.json"),
        ("API reference", f"{outputs['storefront_url']}/reference/api.html"),
        ("event reference", f"{outputs['storefront_url']}/reference/events.html"),
        ("Stripe sandbox", outputs["payments_url"]),
        ("customer", f"{customer['email']} / {customer['password']}"),
        ("admin", f"{admin['email']} / {admin['password']}"),
    ):
        console.print(f"  {label:16}", styled(value, "bold"), soft_wrap=True)
    console.print(
        "\n  make demo   send six orders through the saga\n  make mail   show their emails\n  make down   stop\n"
    )
