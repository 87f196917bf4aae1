"""Archive replay: publishes archived events again through the admin API, and waits for the end."""

import time
from datetime import UTC, datetime, timedelta

from rich.console import Console
from rich.text import Text

from infra.commands.client import Buyer

ENDED = {"COMPLETED", "FAILED", "CANCELLED"}
DEFAULT_SPAN = timedelta(hours=1)
POLL_SECONDS = 0.5


def replay(console: Console, admin: Buyer, start: datetime | None, end: datetime | None, event_type: str | None) -> int:
    """Return 1 if the replay failed."""
    now = datetime.now(UTC)
    window = {"from": (start or now - DEFAULT_SPAN).isoformat(), "to": (end or now).isoformat()}
    answer = admin.must("POST", "/admin/replays", window | ({"detail_type": event_type} if event_type else {}))
    with console.status(Text(f"replaying {answer['start']} – {answer['end']}")):
        while answer["state"] not in ENDED:
            time.sleep(POLL_SECONDS)
            answer = admin.must("GET", f"/admin/replays/{answer['replay_id']}")
    console.print(f"{answer['replay_id']}: {answer['state']} {answer['reason'] or ''}")
    return 0 if answer["state"] == "COMPLETED" else 1
