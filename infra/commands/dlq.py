"""Dead-letter queue operations: lists, redrives and deletes dead letters through the admin API."""

from typing import Any
from urllib.parse import quote

from rich.console import Console
from rich.table import Table

from infra.commands.client import Buyer
from infra.commands.output import styled


def overview(console: Console, admin: Buyer) -> None:
    """Print the number of messages and dead letters of each queue."""
    table = Table(title="Queues", title_justify="left")
    for column in ("queue", "waiting", "in flight", "dead letters"):
        table.add_column(column, justify="left" if column == "queue" else "right")
    for queue in admin.must("GET", "/admin/queues")["items"]:
        messages, dead = queue["messages"] or {}, sum(queue["dead_letters"].values())
        counts = [str(messages.get(name, "")) for name in ("waiting", "in_flight")]
        table.add_row(queue["name"], *counts, styled(str(dead), "red" if dead else ""))
    console.print(table)


def show(console: Console, admin: Buyer, name: str) -> None:
    """Print the first dead letters of a queue."""
    page = admin.must("GET", f"/admin/queues/{_segment(name)}/messages")
    table = Table(title=f"Dead letters of {page['queue']}", title_justify="left")
    for column in ("id", "sent", "received", "event", "order", "reason"):
        table.add_column(column, overflow="fold")
    for letter in page["items"]:
        context = (letter["context"][field] or "" for field in ("event_type", "order_id", "reason"))
        table.add_row(letter["id"], letter["sent_at"], f"{letter['receive_count']} times", *context)
    console.print(table if page["items"] else f"No dead letters in {page['queue']}.")


def drop(console: Console, admin: Buyer, name: str, letter_id: str) -> None:
    """Delete one dead letter."""
    admin.must("DELETE", f"/admin/queues/{_segment(name)}/messages/{_segment(letter_id)}")
    console.print("Deleted.")


def _segment(text: str) -> str:
    """Return `text` as one segment of a path."""
    return quote(text, safe="")


def redrive(console: Console, admin: Buyer, name: str) -> int:
    """Redrive the dead letters that are there now, in as many calls as it takes. Return 1 if one could not be redriven.

    It ends: dead letters that arrive meanwhile are left, and a call that redrives nothing is the last.
    """
    done = 0
    failed: dict[str, str] = {}
    request: dict[str, Any] = {}
    while True:
        answer = admin.must("POST", f"/admin/queues/{_segment(name)}/redrive", request)
        done += len(answer["redriven"])
        failed |= answer["failed"]
        if answer["complete"] or not answer["redriven"]:
            break
        request = {"sent_until": answer["sent_until"]}
    console.print(f"{done} redriven." if done or failed else f"No dead letters in {name}.")
    for letter, why in failed.items():
        console.print(styled(letter, "red"), f"stays: {why}")
    if answer["left"]:
        console.print(f"{answer['left']} dead letters are in {name} now.")
    return 1 if failed else 0
