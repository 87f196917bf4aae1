"""Product import: uploads a file through the admin API and shows its progress.

A file whose name ends in `.jsonl` is read as JSON lines, any other as CSV. docs/examples/products.csv is an example.
"""

import csv
import io
import time
from pathlib import Path
from typing import Any

import requests
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from infra.commands.client import Buyer, Refused
from infra.commands.output import styled

ENDED = {"DONE", "FAILED"}
POLL_SECONDS = 0.3
SHOWN = 50


def import_file(console: Console, admin: Buyer, path: Path) -> int:
    """Return 1 if the file was refused."""
    file_format = "jsonl" if path.suffix == ".jsonl" else "csv"
    created = admin.must("POST", "/admin/imports", {"format": file_format})
    upload(created["upload"], path.read_bytes())
    ended = _watched(console, admin, created["import_id"])
    rows = ended["rows"]
    if ended["status"] == "FAILED":
        console.print(styled(ended["reason"], "red"), "Nothing was imported.")
        return 1
    console.print(f"  {rows['written']} written, {rows['unchanged']} unchanged, {rows['failed']} failed")
    if rows["failed"]:
        console.print(_failed(report(ended["report_url"])))
    return 0


def upload(form: dict[str, Any], content: bytes) -> None:
    """Send a presigned form with the file. Raises Refused, for example if the file is too large."""
    answer = requests.post(form["url"], data=form["fields"], files={"file": ("products", content)}, timeout=120)
    if not answer.ok:
        raise Refused(f"The upload was refused: {answer.status_code} {answer.text}")


def report(url: str) -> list[dict[str, str]]:
    """Return the rows that failed: line, sku, problem."""
    answer = requests.get(url, timeout=30)
    answer.raise_for_status()
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))


def _watched(console: Console, admin: Buyer, import_id: str) -> dict[str, Any]:
    """Return the import when it has ended."""
    columns = (TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("uploaded", total=None)
        while True:
            seen = admin.must("GET", f"/admin/imports/{import_id}")
            rows = seen["rows"]
            counted = rows["written"] + rows["unchanged"] + rows["failed"]
            progress.update(task, description=seen["status"].lower(), total=rows["total"], completed=counted)
            if seen["status"] in ENDED:
                return seen
            time.sleep(POLL_SECONDS)


def _failed(rows: list[dict[str, str]]) -> Table:
    table = Table(title="Rows that failed", title_justify="left")
    for column in ("line", "sku", "problem"):
        table.add_column(column, justify="right" if column == "line" else "left", overflow="fold")
    for row in rows[:SHOWN]:
        table.add_row(row["line"], row["sku"], row["problem"])
    if len(rows) > SHOWN:
        table.caption = f"and {len(rows) - SHOWN} more"
    return table
