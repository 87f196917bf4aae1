"""Mailbox: shows the emails that the local shop has sent, newest last."""

import json
import urllib.request
from typing import Any

from rich.console import Console
from rich.panel import Panel

from infra.commands.output import styled
from infra.local import run


def messages(engine_url: str, account: str) -> list[dict[str, Any]]:
    """Return the emails that the emulator's SES has accepted for one account, oldest first."""
    with urllib.request.urlopen(f"{engine_url}/_ministack/ses/messages") as answer:
        return json.load(answer)["messages"].get(account, [])


def show(console: Console) -> None:
    outputs = run.outputs()
    sent = messages(outputs["engine_url"], outputs["account"])
    for message in sent[-20:]:
        title = styled(f"{', '.join(message['To'])}: {message['Subject']}", "")
        console.print(Panel(styled(message["BodyText"] or "", ""), title=title, title_align="left", width=90))
    console.print(f"{len(sent)} emails" if sent else "No emails yet. Buy something, or try: make demo")
