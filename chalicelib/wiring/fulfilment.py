"""Composition of the processes that coordinate orders, stock, payments and shipping."""

from functools import cache

from chalicelib import wiring
from chalicelib.fulfilment.buyer import BuyerConfirmation
from chalicelib.fulfilment.payment_updates import PaymentUpdates
from chalicelib.fulfilment.returns import Returns
from chalicelib.fulfilment.steps import SagaSteps


@cache
def saga_steps() -> SagaSteps:
    return SagaSteps(wiring.orders(), wiring.inventory(), wiring.payments(), wiring.shipping())


@cache
def buyer_confirmation() -> BuyerConfirmation:
    return BuyerConfirmation(wiring.orders(), wiring.payments(), wiring.waiting_task())


@cache
def returns() -> Returns:
    return Returns(
        wiring.orders(), wiring.inventory(), wiring.payments(), wiring.return_workflow(), wiring.idempotency()
    )


@cache
def payment_updates() -> PaymentUpdates:
    return PaymentUpdates(wiring.orders(), wiring.payments(), wiring.idempotency(), buyer_confirmation(), returns())
