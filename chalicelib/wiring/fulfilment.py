"""Composition of the processes that coordinate orders, stock, payments and shipping."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING

from chalicelib import wiring
from chalicelib.platform.clock import utc_now
from chalicelib.platform.settings import settings

if TYPE_CHECKING:
    from chalicelib.fulfilment.buyer import BuyerConfirmation
    from chalicelib.fulfilment.cancellation import Cancellation
    from chalicelib.fulfilment.payment_updates import PaymentUpdates
    from chalicelib.fulfilment.reconciliation import Reconciliation
    from chalicelib.fulfilment.recovery import Recovery
    from chalicelib.fulfilment.returns import Returns
    from chalicelib.fulfilment.steps import SagaSteps


@cache
def saga_steps() -> SagaSteps:
    from chalicelib.fulfilment.steps import SagaSteps

    return SagaSteps(wiring.orders(), wiring.inventory(), wiring.payments(), wiring.shipping())


@cache
def buyer_confirmation() -> BuyerConfirmation:
    from chalicelib.fulfilment.buyer import BuyerConfirmation

    return BuyerConfirmation(wiring.orders(), wiring.payments(), wiring.waiting_task())


@cache
def returns() -> Returns:
    from chalicelib.fulfilment.returns import Returns

    return Returns(
        wiring.orders(), wiring.inventory(), wiring.payments(), wiring.return_workflow(), wiring.idempotency()
    )


@cache
def payment_updates() -> PaymentUpdates:
    from chalicelib.fulfilment.payment_updates import PaymentUpdates

    return PaymentUpdates(wiring.orders(), wiring.payments(), wiring.idempotency(), buyer_confirmation(), returns())


@cache
def recovery() -> Recovery:
    from chalicelib.fulfilment.recovery import Recovery

    return Recovery(
        wiring.orders(),
        wiring.payments(),
        wiring.shipping(),
        wiring.fulfilment_workflow(),
        wiring.compensation_workflow(),
        wiring.return_workflow(),
        utc_now,
    )


@cache
def cancellation() -> Cancellation:
    from chalicelib.fulfilment.cancellation import Cancellation

    return Cancellation(wiring.orders(), wiring.shipping(), buyer_confirmation(), recovery())


@cache
def reconciliation() -> Reconciliation:
    from chalicelib.fulfilment.reconciliation import Reconciliation

    return Reconciliation(
        wiring.orders(),
        wiring.payments(),
        payment_updates(),
        wiring.reconciliation_report(),
        wiring.idempotency(),
        utc_now,
        order_deadline=timedelta(seconds=settings().order_deadline_seconds),
        may_repair=settings().reconcile_repairs,
    )
