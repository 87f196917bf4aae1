"""The outboxes' safety net: what the relay did not publish is published by the clock, or by an admin's redrive.

The stream that the relay reads forgets: records are dropped after many attempts, or, on a local engine, with a
restart. An outbox does not.
"""

from datetime import timedelta

from chalicelib import wiring
from chalicelib.events.outbox import Outbox, OutboxEvent
from chalicelib.platform.log import log

RELAYS_TIME = timedelta(minutes=1)
"""An event that is younger may be on its way. One that is published twice is tolerated by all consumers."""
AT_ONCE = 200


def republish() -> int:
    """Of each outbox, oldest first, one by one, so that one that cannot be published does not keep the others from it.

    Returns how many were published.
    """
    return sum(_published(outbox, waiting) for outbox, waiting in _left_behind())


def _left_behind() -> list[tuple[Outbox, OutboxEvent]]:
    return [(outbox, each) for outbox in wiring.outboxes() for each in outbox.unpublished(RELAYS_TIME, AT_ONCE)]


def _published(outbox: Outbox, waiting: OutboxEvent) -> bool:
    try:
        wiring.publisher().publish(waiting.event)
        outbox.note_published(waiting.key)
    except Exception:
        log.exception("not republished", extra={"event_id": waiting.event.id})
        return False
    return True
