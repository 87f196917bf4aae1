"""Composition of the queue consumers. Each function imports what it builds, as in `__init__.py`."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING

from chalicelib import wiring
from chalicelib.platform import aws
from chalicelib.platform.clock import utc_now
from chalicelib.platform.settings import settings
from chalicelib.wiring import operators

if TYPE_CHECKING:
    from chalicelib.analytics.consumer import ReturnConsumer
    from chalicelib.billing.consumer import DocumentConsumer
    from chalicelib.loyalty.consumer import PointsConsumer
    from chalicelib.notifications.consumer import EmailConsumer


@cache
def email_consumer() -> EmailConsumer:
    from chalicelib.notifications.consumer import Delay, EmailConsumer
    from chalicelib.notifications.delays import DelayQueue
    from chalicelib.shipping.store import ShipmentStore

    shipments = ShipmentStore(aws.dynamodb(), settings().shipments_table)
    numbered = operators.order_search().numbered
    queue = DelayQueue(aws.sqs(), settings().notifications_queue_url)
    delay = Delay(timedelta(seconds=settings().email_delay_seconds), queue.put)
    return EmailConsumer(wiring.orders(), shipments, wiring.notifications(), wiring.links(), utc_now, numbered, delay)


@cache
def points_consumer() -> PointsConsumer:
    from chalicelib.loyalty.consumer import PointsConsumer

    return PointsConsumer(wiring.orders(), wiring.loyalty())


@cache
def document_consumer() -> DocumentConsumer:
    from chalicelib.billing.consumer import DocumentConsumer

    return DocumentConsumer(wiring.orders(), wiring.billing(), wiring.fan_in())


@cache
def return_consumer() -> ReturnConsumer:
    from chalicelib.analytics.consumer import ReturnConsumer

    return ReturnConsumer(wiring.orders(), wiring.analytics(), wiring.loyalty())
