"""A history of orders: every state that each order, its payment and its products had."""

import random
from dataclasses import dataclass, field
from datetime import timedelta

from chalicelib.catalog.model import Product
from chalicelib.orders.erasure import erased
from chalicelib.orders.model import Order, Reason, Status
from chalicelib.payments.model import Payment, PaymentStatus
from chalicelib.payments.provider import Refund
from tests.builders import HAPPY_PATH, NOW, a_line, a_product, an_order, as_read, euros

SKUS = ("MUG-01", "TENT-02", "ROPE-03", "LAMP-04")
CATEGORIES = ("camp", "kitchen", "light")


@dataclass(frozen=True)
class Moment:
    """What the tables held right after an event."""

    event_id: str
    order: Order
    payment: Payment | None
    products: dict[str, Product]


@dataclass
class History:
    """`moments` are in the order of time."""

    random: random.Random
    products: dict[str, Product] = field(default_factory=dict)
    moments: list[Moment] = field(default_factory=list)

    def happened(self, order: Order, payment: Payment | None) -> None:
        """Note what is stored now. A product may have been changed meanwhile."""
        if self.random.random() < 0.2:
            sku = self.random.choice(SKUS)
            version = self.products[sku].version + 1
            self.products[sku] = a_product(sku, category=self.random.choice(CATEGORIES)).model_copy(
                update={"version": version}
            )
        moment = Moment(order.pending_event.id, as_read(order), payment, dict(self.products))
        self.moments.append(moment)

    @property
    def last(self) -> dict[str, Moment]:
        """Return the last moment of each order."""
        return {moment.order.id: moment for moment in self.moments}


def history(seed: int, orders: int) -> History:
    """Return a history in which orders complete, are cancelled, returned in part or whole, claimed and erased."""
    made = History(random.Random(seed), {sku: a_product(sku) for sku in SKUS})
    lives = [_life(made.random, number) for number in range(orders)]
    while lives:
        life = made.random.choice(lives)
        if step := next(life, None):
            made.happened(*step)
        else:
            lives.remove(life)
    return made


def _life(chance: random.Random, number: int):
    """Yield an order and its payment after each change."""
    at = NOW + timedelta(days=chance.randrange(90), minutes=number)
    skus = chance.sample(SKUS, chance.randint(1, 3))
    lines = [a_line(sku, chance.randint(1, 3), chance.randint(100, 5000)) for sku in skus]
    customer = chance.choice(["ada", "bob", "cyd", None])
    order = an_order(f"ord_{number}", customer_id=customer, lines=lines, at=at)
    payment = None
    yield order, payment
    for status in HAPPY_PATH[1:]:
        if chance.random() < 0.1:
            yield order.advanced(Status.CANCELLED, at, Reason.OUT_OF_STOCK), payment
            return
        payment = _paid(order, payment, status)
        order = order.advanced(status, at)
        yield order, payment
    yield from _afterwards(chance, order, payment)


def _afterwards(chance: random.Random, order: Order, payment: Payment):
    at = NOW + timedelta(days=100)
    while order.is_returnable and chance.random() < 0.5:
        left = {sku: units - order.returned[sku] for sku, units in order.quantities.items()}
        sku = chance.choice([sku for sku, units in left.items() if units])
        return_id = f"ret_{order.version}"
        order = order.return_requested(return_id, {sku: 1}, at)
        yield order, payment
        refund = Refund(f"re_{order.version}", order.return_of(return_id).refund.amount, f"{order.id}:{return_id}")
        payment = payment.model_copy(
            update={
                "version": payment.version + 1,
                "refunded": payment.refunded + refund.amount,
                "refunds": (*payment.refunds, refund),
            }
        )
        order = order.return_settled(return_id, refund.amount, at)
        yield order, payment
    if order.customer_id and chance.random() < 0.3:
        yield erased(order, at), payment


def _paid(order: Order, payment: Payment | None, status: Status) -> Payment | None:
    if status == Status.AUTHORIZED:
        return Payment(order_id=order.id, status=PaymentStatus.AUTHORIZED, amount=euros(order.total.amount))
    if status == Status.COMPLETED:
        return payment.model_copy(
            update={"version": 2, "status": PaymentStatus.CAPTURED, "captured": order.total.amount}
        )
    return payment
