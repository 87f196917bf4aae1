"""Audit log of operators: what was done to an order by whom, when and why, in the same transaction as the action.

Each action has an idempotency key. A repeated request finds its entry and changes nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from chalicelib.events.contracts import RequestedEmail
from chalicelib.notifications.model import Occasion, emails_of
from chalicelib.orders.keys import new_return_id
from chalicelib.orders.model import Order, OrderChanged, OrderNotFound, Reason
from chalicelib.orders.returns import Return
from chalicelib.orders.store import OrderStore
from chalicelib.payments.model import Payment
from chalicelib.payments.provider import PaymentDisputed
from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.clock import Clock, iso
from chalicelib.platform.errors import Conflict
from chalicelib.platform.ids import OrderId, ReturnId, Sku
from chalicelib.platform.request_keys import RequestKey
from chalicelib.platform.retries import retry_on_conflict

ATTEMPTS = 6

ActionKind = Literal["cancel", "refund", "note", "email"]


class EmailNotDue(Conflict):
    """The order has no reason to send this email, or not any more."""


@dataclass(frozen=True)
class OrderEmail:
    """An email about an order, or about a return of it."""

    occasion: Occasion
    return_id: ReturnId | None = None


class OperatorAction(BaseModel):
    """`by` is the operator's email address, or the id of an account without one. `email` names one sent again."""

    model_config = ConfigDict(frozen=True)

    id: str
    kind: ActionKind
    at: str
    by: str
    why: str
    fingerprint: Annotated[str, Field(description="Of the request.")]
    email: OrderEmail | None = None


@dataclass(frozen=True)
class Wish:
    """What an operator asks for: under which key, who asks, and why."""

    key: RequestKey
    by: str
    why: str


class OperatorActions:
    def __init__(self, store: OrderStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def cancel(self, order_id: OrderId, wish: Wish, reason: Reason) -> Order:
        """Request the cancellation; the event of it stops the saga.

        Raises OrderNotFound, TooLateToCancel, IdempotencyConflict.
        """
        return self._once(order_id, wish, "cancel", lambda order: order.to_be_cancelled(reason, self._clock()))

    def refund(
        self, order_id: OrderId, wish: Wish, wanted: dict[Sku, int] | None, payment: Callable[[], Payment | None]
    ) -> Return:
        """Accept a return of these units, or of all that are left; its event starts the refund.

        Raises OrderNotFound, PaymentDisputed, OrderNotReturnable, NothingToReturn, ReturnLineUnknown,
        ReturnExceedsOrder, IdempotencyConflict.
        """
        return_id = new_return_id(order_id, wish.key.id, wanted)

        def requested(order: Order) -> Order:
            paid = payment()
            if paid and paid.disputed:
                raise PaymentDisputed
            return order.return_requested(return_id, wanted, self._clock(), paid.kept if paid else None)

        return self._once(order_id, wish, "refund", requested).accepted_return(return_id)

    def note(self, order_id: OrderId, wish: Wish) -> None:
        """Add a note; the order stays as it is. Raises OrderNotFound, IdempotencyConflict."""
        self._once(order_id, wish, "note", lambda order: order)

    def send_again(self, order_id: OrderId, wish: Wish, email: OrderEmail) -> None:
        """Request that an email is sent again; the event of it does. Raises OrderNotFound, EmailNotDue,
        IdempotencyConflict."""

        def requested(order: Order) -> Order:
            if (email.occasion, email.return_id) not in emails_of(order):
                raise EmailNotDue
            asked = RequestedEmail(request_id=wish.key.id, occasion=email.occasion, return_id=email.return_id)
            return order.email_requested(asked, self._clock())

        self._once(order_id, wish, "email", requested, email)

    def of(self, order_id: OrderId) -> list[OperatorAction]:
        """Return all actions on an order, oldest first."""
        return sorted(map(OperatorAction.model_validate, self._store.actions(order_id)), key=lambda each: each.at)

    def _once(
        self,
        order_id: OrderId,
        wish: Wish,
        kind: ActionKind,
        change: Callable[[Order], Order],
        email: OrderEmail | None = None,
    ) -> Order:
        """Return the order after the action. Write action and change in one transaction, unless they were before."""
        for _ in retry_on_conflict(ATTEMPTS):
            known = self._store.action(order_id, wish.key.id)
            order = self._store.get(order_id)
            if order is None:
                raise OrderNotFound
            if known:
                wish.key.check(known["fingerprint"])
                return order
            changed = change(order)
            action = OperatorAction(
                id=wish.key.id, kind=kind, at=iso(self._clock()), by=wish.by, why=wish.why,
                fingerprint=wish.key.fingerprint, email=email,
            )  # fmt: skip
            if self._store.act(
                order_id, action.model_dump(mode="json", exclude_none=True), changed if changed is not order else None
            ):
                return changed
        raise OrderChanged(order_id)
