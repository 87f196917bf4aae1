"""The outboxes' safety net: what the relay did not publish is published by the clock, or by an admin's redrive.

The stream that the relay reads forgets: records are dropped after many attempts, or, on a local engine, with a
restart. An outbox does not.
"""

from collections.abc import Callable, Iterable
from datetime import timedelta

from chalicelib.events.envelope import Envelope
from chalicelib.events.outbox import Outbox, OutboxEvent
from chalicelib.platform.log import log

RELAYS_TIME = timedelta(minutes=1)
"""An event that is younger may be on its way. One that is published twice is tolerated by all consumers."""
AT_ONCE = 200


def republish(outboxes: Iterable[Outbox], publish: Callable[[Envelope], None]) -> int:
    """Of each outbox, oldest first, one by one, so that one that cannot be published does not keep the others from it.

    Returns how many were published.
    """
    left_behind = [(outbox, each) for outbox in outboxes for each in outbox.unpublished(RELAYS_TIME, AT_ONCE)]
    return sum(_published(outbox, waiting, publish) for outbox, waiting in left_behind)


def _published(outbox: Outbox, waiting: OutboxEvent, publish: Callable[[Envelope], None]) -> bool:
    try:
        publish(waiting.event)
        outbox.note_published(waiting.key)
    except Exception:
        log.exception("not republished", extra={"event_id": waiting.event.id})
        return False
    return True
