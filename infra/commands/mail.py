"""Mailbox: shows the emails that the local shop has sent, in the terminal and as pages in `.local/mails`."""

import json
import shutil
import urllib.request
from dataclasses import dataclass
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.panel import Panel

from infra.commands.output import styled
from infra.local import run

FOLDER = run.HOME / "mails"
INDEX = Path(__file__).with_name("mail_index.html")
LINKS = '<base target="_blank">'
"""Links open beside the list of emails, as in a mail program."""
SHOWN = 20
"""In the terminal, newest last. All are written as pages."""


@dataclass(frozen=True)
class Page:
    """An email that was written as a page."""

    file: str
    subject: str
    to: str
    at: str


def messages(engine_url: str, account: str) -> list[dict[str, Any]]:
    """Return the emails that the emulator's SES has accepted for one account, oldest first."""
    with urllib.request.urlopen(f"{engine_url}/_ministack/ses/messages") as answer:
        return json.load(answer)["messages"].get(account, [])


def show(console: Console) -> None:
    outputs = run.outputs()
    sent = messages(outputs["engine_url"], outputs["account"])
    if not sent:
        console.print("No emails yet. Buy something, or try: make demo")
        return
    for message in sent[-SHOWN:]:
        title = styled(f"{', '.join(message['To'])}: {message['Subject']}", "")
        console.print(Panel(styled(message["BodyText"] or "", ""), title=title, title_align="left", width=90))
    console.print(f"{len(sent)} emails. As pages: {written(sent, FOLDER).as_uri()}", soft_wrap=True)


def written(sent: list[dict[str, Any]], folder: Path) -> Path:
    """Replace the folder by one with a page for each email; return the page that lists them, newest first."""
    from jinja2 import Environment

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    pages = [_page(message, f"{number:05}.html", folder) for number, message in enumerate(sent, start=1)]
    index = folder / "index.html"
    template = Environment(autoescape=True, trim_blocks=True).from_string(INDEX.read_text())
    index.write_text(template.render(sent=pages[::-1]))
    return index


def _page(message: dict[str, Any], file: str, folder: Path) -> Page:
    html = (
        message.get("BodyHtml")
        or f'<!doctype html><meta charset="utf-8"><pre>{escape(message.get("BodyText") or "")}</pre>'
    )
    (folder / file).write_text(html.replace("<head>", f"<head>{LINKS}", 1))
    at = datetime.fromtimestamp(message["Timestamp"]).strftime("%Y-%m-%d %H:%M:%S")
    return Page(file, message["Subject"], ", ".join(message["To"]), at)
