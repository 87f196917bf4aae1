"""`make dlq`: what was given up, on the running local shop, through its admin API.

make dlq                            every queue that holds dead letters, or could
make dlq SHOW=notifications         the first ten dead letters of one
make dlq REDRIVE=notifications      do their work again
make dlq DROP=notifications ID=…    throw one away
"""

import os
import sys
from typing import Any

from rich.console import Console
from rich.table import Table

from infra.commands.client import Buyer, Refused
from infra.local import run, shop


def main() -> int:
    console = Console(highlight=False)
    try:
        admin = signed_in()
        if name := os.environ.get("SHOW"):
            show(console, admin.must("GET", f"/admin/queues/{name}/messages"))
        elif name := os.environ.get("REDRIVE"):
            return redrive(console, admin, name)
        elif name := os.environ.get("DROP"):
            admin.must("DELETE", f"/admin/queues/{name}/messages/{os.environ.get('ID', 'none')}")
            console.print("Dropped.")
        else:
            overview(console, admin.must("GET", "/admin/queues")["items"])
    except (Refused, run.NotRunning) as failure:
        console.print(f"[red]{failure}[/red]")
        return 1
    return 0


def signed_in() -> Buyer:
    """The local shop's admin. Raises run.NotRunning."""
    outputs = run.outputs()
    return Buyer(outputs["api_url"], token=shop.sign_in(run.place().session, outputs["stack"], shop.ADMIN))


def overview(console: Console, queues: list[dict[str, Any]]) -> None:
    table = Table(title="Queues", title_justify="left")
    for column in ("queue", "waiting", "in flight", "given up"):
        table.add_column(column, justify="left" if column == "queue" else "right")
    for queue in queues:
        messages, given_up = queue["messages"] or {}, sum(queue["dead_letters"].values())
        counts = [str(messages.get(name, "")) for name in ("waiting", "in_flight")]
        table.add_row(queue["name"], *counts, f"[red]{given_up}[/red]" if given_up else "0")
    console.print(table)


def show(console: Console, letters: dict[str, Any]) -> None:
    table = Table(title=f"Dead letters of {letters['queue']}", title_justify="left")
    for column in ("id", "sent", "received", "event", "order", "reason"):
        table.add_column(column, overflow="fold")
    for letter in letters["items"]:
        about = letter["context"]
        told = (about["event_type"], about["order_id"], about["reason"])
        table.add_row(
            letter["id"], letter["sent_at"], f"{letter['receive_count']} times", *(each or "" for each in told)
        )
    console.print(table if letters["items"] else f"No dead letters in {letters['queue']}.")


def redrive(console: Console, admin: Buyer, name: str) -> int:
    """Redrive what lay there at the beginning, in as many calls as it takes. Returns 1 if some could not be redriven.

    It ends: what is parked again meanwhile is left for another time, and a call that redrives nothing is the last.
    """
    done = 0
    failed: dict[str, str] = {}
    request: dict[str, Any] = {}
    while True:
        answer = admin.must("POST", f"/admin/queues/{name}/redrive", request)
        done += len(answer["redriven"])
        failed |= answer["failed"]
        if answer["complete"] or not answer["redriven"]:
            break
        request = {"sent_until": answer["sent_until"]}
    console.print(f"{done} redriven." if done or failed else f"No dead letters in {name}.")
    for letter, why in failed.items():
        console.print(f"[red]{letter}[/red] stays: {why}")
    if answer["left"]:
        console.print(f"{answer['left']} dead letters are in {name} now.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
