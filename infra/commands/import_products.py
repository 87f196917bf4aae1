"""`make import FILE=products.csv`: imports products into the local shop as its admin, and shows how it goes.

A file whose name ends in `.jsonl` is read as JSON lines, any other as CSV. docs/examples/products.csv is an example.
"""

import csv
import io
import sys
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from infra.commands.client import Buyer, Refused
from infra.local import run, shop

ENDED = {"DONE", "FAILED"}
POLL_SECONDS = 0.3
SHOWN = 50


def main() -> int:
    console = Console(highlight=False)
    if len(sys.argv) != 2 or not Path(sys.argv[1]).is_file():
        console.print("usage: make import FILE=docs/examples/products.csv")
        return 2
    try:
        return import_file(console, Path(sys.argv[1]))
    except (run.NotRunning, Refused) as failure:
        console.print(f"[red]{failure}[/red]")
        return 1


def import_file(console: Console, path: Path) -> int:
    """Returns 1 if the file was refused."""
    outputs = run.outputs()
    admin = Buyer(outputs["api_url"], token=shop.sign_in(run.place().session, outputs["stack"], shop.ADMIN))
    file_format = "jsonl" if path.suffix == ".jsonl" else "csv"
    asked = admin.must("POST", "/admin/imports", {"format": file_format})
    upload(asked["upload"], path.read_bytes())
    ended = _watched(console, admin, asked["import_id"])
    rows = ended["rows"]
    if ended["status"] == "FAILED":
        console.print(f"[red]{ended['reason']}[/red] Nothing was imported.")
        return 1
    console.print(f"  {rows['written']} written, {rows['unchanged']} unchanged, {rows['failed']} failed")
    if rows["failed"]:
        console.print(_failed(report(ended["report_url"])))
    return 0


def upload(form: dict[str, Any], content: bytes) -> None:
    """As a browser sends a form with a file. Raises Refused, for example if the file is too large."""
    boundary = uuid.uuid4().hex
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in form["fields"].items()
    ]
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="products"\r\n\r\n'.encode()
    body = b"".join([*parts, head, content, f"\r\n--{boundary}--\r\n".encode()])
    kind = f"multipart/form-data; boundary={boundary}"
    request = urllib.request.Request(form["url"], body, {"Content-Type": kind}, method="POST")
    try:
        urllib.request.urlopen(request, timeout=120).close()
    except urllib.error.HTTPError as refusal:
        raise Refused(f"The upload was refused: {refusal.code} {refusal.read().decode(errors='replace')}") from None


def report(url: str) -> list[dict[str, str]]:
    """The rows that failed: line, sku, problem."""
    with urllib.request.urlopen(url, timeout=30) as answer:
        return list(csv.DictReader(io.StringIO(answer.read().decode("utf-8-sig"), newline="")))


def _watched(console: Console, admin: Buyer, import_id: str) -> dict[str, Any]:
    """The import when it has ended."""
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


if __name__ == "__main__":
    sys.exit(main())
