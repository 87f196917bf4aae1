"""`make replay FROM=… TO=… TYPE=…`: publishes the events of a span of time again, on the running local shop.

Times are ISO 8601, in UTC if they do not say otherwise; without them, the last hour. TYPE is a type of event: only
the rules that take it get the replay. Nothing that was done already is done twice.
"""

import os
import sys
import time
from datetime import UTC, datetime, timedelta

from rich.console import Console

from infra.commands.client import Refused
from infra.commands.dlq import signed_in
from infra.local import run

ENDED = {"COMPLETED", "FAILED", "CANCELLED"}


def main() -> int:
    console = Console(highlight=False)
    try:
        now = datetime.now(UTC)
        window = {"from": moment("FROM", now - timedelta(hours=1)), "to": moment("TO", now)}
        event_type = os.environ.get("TYPE")
        admin = signed_in()
        replay = admin.must("POST", "/admin/replays", window | ({"detail_type": event_type} if event_type else {}))
        with console.status(f"replaying {replay['start']} – {replay['end']}"):
            while replay["state"] not in ENDED:
                time.sleep(0.5)
                replay = admin.must("GET", f"/admin/replays/{replay['replay_id']}")
    except (Refused, run.NotRunning, ValueError) as failure:
        console.print(f"[red]{failure}[/red]")
        return 1
    console.print(f"{replay['replay_id']}: {replay['state']} {replay['reason'] or ''}")
    return 0 if replay["state"] == "COMPLETED" else 1


def moment(name: str, otherwise: datetime) -> str:
    """Raises ValueError."""
    told = os.environ.get(name)
    at = datetime.fromisoformat(told) if told else otherwise
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).isoformat()


if __name__ == "__main__":
    sys.exit(main())
