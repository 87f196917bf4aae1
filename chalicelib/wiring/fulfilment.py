"""Composition of the processes that coordinate orders, stock, payments and shipping."""

from functools import cache

from chalicelib import wiring
from chalicelib.fulfilment.steps import SagaSteps


@cache
def saga_steps() -> SagaSteps:
    return SagaSteps(wiring.orders(), wiring.inventory(), wiring.payments(), wiring.shipping())
