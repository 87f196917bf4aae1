"""Payment provider in memory, which passes the contract suite of the port (tests/contract/test_payment_provider.py)."""

from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import replace
from typing import Any

from chalicelib.payments.provider import (
    Dispute,
    DisputeStatus,
    PaymentDeclined,
    PaymentDisputed,
    PaymentId,
    PaymentProvider,
    PaymentProviderFailed,
    PaymentProviderUnavailable,
    PaymentUnknown,
    ProviderPayment,
    ProviderStatus,
    Refund,
    RefundStatus,
    RefundTooLarge,
    UnexpectedPaymentState,
)
from chalicelib.platform.ids import OrderId
from chalicelib.platform.money import Money

APPROVED = "pm_card_visa"
DECLINED = "pm_card_visa_chargeDeclined"
WANTS_HOLDER = "pm_card_authenticationRequired"
STATUS_AFTER = {APPROVED: ProviderStatus.AUTHORIZED, WANTS_HOLDER: ProviderStatus.REQUIRES_ACTION}

FAILED_AUTHENTICATION = "payment_intent_authentication_failure"

FIRST_PAYMENT = 1_900_000_000
"""About when the fake provider's first payment was begun, in Unix seconds."""

UNCONFIRMED = (ProviderStatus.CREATED, ProviderStatus.DECLINED, ProviderStatus.REQUIRES_ACTION)


class FakePaymentProvider:
    """It keeps the answer of each key, refusals and failures too, and returns it again.

    `moves` lists each effect once, and `asked` the calls with their keys, replays left out. `losing` names calls whose
    answer is lost once, after their effect. `failing` names calls that it answers once with a failure of its own; the
    value says whether the call has its effect. While `is_down`, no call is answered.

    `answer`, `expire`, `capture_by_hand`, `refund_by_hand`, `fail_refund`, `dispute` and `close_dispute` are acts of
    others than the shop. `deployment` marks what is begun here; `strangers` is the account as another shop uses it.
    """

    def __init__(self, deployment: str = "") -> None:
        self._deployment: str | None = deployment
        self.moves: list[str] = []
        self.asked: list[tuple[str, str]] = []
        self.losing: set[str] = set()
        self.failing: dict[str, bool] = {}
        self.is_down = False
        self._payments: dict[str, ProviderPayment] = {}
        self._created: dict[str, int] = {}
        self._clock = FIRST_PAYMENT
        self._answers: dict[str, tuple[tuple, Any]] = {}

    def create(self, order_id: OrderId | None, amount: Money, key: str) -> ProviderPayment:
        def act() -> ProviderPayment:
            number = len(self._payments) + 1
            payment = ProviderPayment(
                PaymentId(f"pi_{number}"),
                ProviderStatus.CREATED,
                order_id,
                self._deployment,
                amount=amount.amount,
                created=FIRST_PAYMENT + number,
                browser_secret=f"pi_{number}_secret",
            )
            return self._moved("create", payment)

        return self._once(key, act, "create", order_id, amount)

    def confirm(self, payment_id: PaymentId, payment_method: str, key: str, return_url: str = "") -> ProviderPayment:
        def act() -> ProviderPayment:
            payment = self._in_state(payment_id, *UNCONFIRMED)
            if payment_method == DECLINED:
                self._payments[payment_id] = replace(
                    payment, status=ProviderStatus.DECLINED, decline_code="generic_decline"
                )
                raise PaymentDeclined("generic_decline")
            if payment_method not in STATUS_AFTER:
                raise PaymentDeclined("invalid_payment_method")
            status = STATUS_AFTER[payment_method]
            held = payment.amount if status == ProviderStatus.AUTHORIZED else 0
            url = f"https://bank.example/{payment_id}" if status == ProviderStatus.REQUIRES_ACTION else None
            confirmed = replace(payment, status=status, held=held, decline_code=None, redirect_url=url)
            return self._moved("confirm", confirmed)

        return self._once(key, act, "confirm", payment_id, payment_method, return_url)

    def capture(self, payment_id: PaymentId, key: str) -> ProviderPayment:
        def act() -> ProviderPayment:
            payment = self._in_state(payment_id, ProviderStatus.AUTHORIZED)
            taken = replace(payment, status=ProviderStatus.CAPTURED, held=0, captured=payment.amount)
            return self._moved("capture", taken)

        return self._once(key, act, "capture", payment_id)

    def cancel(self, payment_id: PaymentId, key: str) -> ProviderPayment:
        return self._once(key, lambda: self._cancelled(payment_id, True), "cancel", payment_id)

    def refund(self, payment_id: PaymentId, amount: int, reference: str, key: str) -> None:
        self._once(key, lambda: self._gave_back(payment_id, amount, reference), "refund", payment_id, amount, reference)

    def retrieve(self, payment_id: PaymentId) -> ProviderPayment:
        self._check_up()
        return self._found(payment_id)

    def payments_since(self, created: int) -> Iterator[ProviderPayment]:
        self._check_up()
        found = [payment for payment in reversed(list(self._payments.values())) if payment.created >= created]
        return (replace(payment, refunds=(), disputes=()) for payment in found)

    def refunds_since(self, created: int) -> Iterator[tuple[ProviderPayment, Refund]]:
        return self._moved_since("refunds", created)

    def disputes_since(self, created: int) -> Iterator[tuple[ProviderPayment, Dispute]]:
        return self._moved_since("disputes", created)

    def strangers(self, deployment: str | None) -> "FakePaymentProvider":
        """Create a payment of another deployment on the same account; with None, one without a mark."""
        theirs = copy(self)
        theirs._deployment = deployment
        return theirs

    def at(self, moment: float) -> None:
        """What moves from now on moves at this moment, in Unix seconds."""
        self._clock = int(moment)

    def fail(self, call: str, has_effect: bool) -> None:
        self.failing[call] = has_effect

    def lose(self, call: str) -> None:
        self.losing.add(call)

    def answer(self, payment_id: PaymentId, confirms: bool = True) -> None:
        """The buyer confirms the payment at the bank, or fails to. Raises UnexpectedPaymentState."""
        payment = self._in_state(payment_id, ProviderStatus.REQUIRES_ACTION)
        status = ProviderStatus.AUTHORIZED if confirms else ProviderStatus.DECLINED
        held, code = (payment.amount, None) if confirms else (0, FAILED_AUTHENTICATION)
        self._moved("answer", replace(payment, status=status, held=held, decline_code=code, redirect_url=None))

    def expire(self, payment_id: PaymentId) -> None:
        self._cancelled(payment_id, False)

    def capture_by_hand(self, payment_id: PaymentId, amount: int) -> None:
        payment = self._in_state(payment_id, ProviderStatus.AUTHORIZED)
        self._moved("capture", replace(payment, status=ProviderStatus.CAPTURED, held=0, captured=amount))

    def refund_by_hand(self, payment_id: PaymentId, amount: int) -> None:
        self._gave_back(payment_id, amount, None)

    def fail_refund(self, refund_id: str, status: RefundStatus = RefundStatus.FAILED) -> None:
        """The money comes back to the shop, days after it had left."""
        payment = next(each for each in self._payments.values() if refund_id in {r.id for r in each.refunds})
        refunds = tuple(replace(r, status=status) if r.id == refund_id else r for r in payment.refunds)
        self._payments[payment.id] = replace(payment, refunds=refunds)

    def dispute(
        self, payment_id: PaymentId, amount: int | None = None, status: DisputeStatus = DisputeStatus.OPEN
    ) -> str:
        """Returns its id; without an amount, all that is kept is disputed."""
        payment = self._found(payment_id)
        new = Dispute(self._number("dp"), payment.kept if amount is None else amount, status)
        self._payments[payment_id] = replace(payment, disputes=(new, *payment.disputes))
        return new.id

    def close_dispute(self, payment_id: PaymentId, status: DisputeStatus) -> None:
        """The newest of this payment."""
        payment = self._found(payment_id)
        newest, *others = payment.disputes
        self._payments[payment_id] = replace(payment, disputes=(replace(newest, status=status), *others))

    def forget_keys(self) -> None:
        """As Stripe does after a day."""
        self._answers.clear()

    def _cancelled(self, payment_id: PaymentId, by_shop: bool) -> ProviderPayment:
        payment = self._in_state(payment_id, *UNCONFIRMED, ProviderStatus.AUTHORIZED)
        cancelled = replace(payment, status=ProviderStatus.CANCELLED, held=0, cancelled_by_shop=by_shop)
        return self._moved("cancel", cancelled)

    def _gave_back(self, payment_id: PaymentId, amount: int, reference: str | None) -> None:
        payment = self._found(payment_id)
        if payment.withdrawn or (payment.lost and amount > payment.kept):
            raise PaymentDisputed
        if amount > payment.kept:
            raise RefundTooLarge("more than is left")
        new = Refund(self._number("re"), amount, reference)
        self._moved("refund", replace(payment, refunds=(new, *payment.refunds)))

    def _number(self, kind: str) -> str:
        new = f"{kind}_{len(self._created) + 1}"
        self._created[new] = self._clock
        return new

    def _moved_since(self, what: str, created: int) -> Iterator[tuple[ProviderPayment, Any]]:
        self._check_up()
        for payment in reversed(list(self._payments.values())):
            for moved in getattr(payment, what):
                if self._created[moved.id] >= created:
                    yield replace(payment, refunds=(), disputes=()), moved

    def _found(self, payment_id: PaymentId) -> ProviderPayment:
        if payment_id not in self._payments:
            raise PaymentUnknown
        return self._payments[payment_id]

    def _in_state(self, payment_id: PaymentId, *allowed: ProviderStatus) -> ProviderPayment:
        payment = self._found(payment_id)
        if payment.status not in allowed:
            raise UnexpectedPaymentState(payment.status)
        return payment

    def _moved(self, move: str, payment: ProviderPayment) -> ProviderPayment:
        self.moves.append(move)
        self._payments[payment.id] = payment
        return payment

    def _once(self, key: str, act: Callable[[], Any], call: str, *meaning: Any) -> Any:
        self._check_up()
        if key not in self._answers:
            self.asked.append((call, key))
            self._answers[key] = ((call, *meaning), self._answer(call, act))
        meant, answer = self._answers[key]
        if meant != (call, *meaning):
            raise PaymentProviderFailed("this key has another meaning")
        if call in self.losing:
            self.losing.remove(call)
            raise PaymentProviderUnavailable("APIConnectionError")
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _check_up(self) -> None:
        if self.is_down:
            raise PaymentProviderUnavailable("APIConnectionError")

    def _answer(self, call: str, act: Callable[[], Any]) -> Any:
        has_effect = self.failing.pop(call, None)
        if has_effect is False:
            return PaymentProviderFailed("APIError")
        try:
            answer = act()
        except Exception as refusal:
            answer = refusal
        return PaymentProviderFailed("APIError") if has_effect else answer


def _checked(provider: FakePaymentProvider) -> PaymentProvider:
    """Mypy fails here when the fake no longer satisfies the port."""
    return provider
