"""Authorizing, capturing, voiding and refunding. Every call may be repeated and moves no money twice."""

from chalicelib.payments.gateway import Intent, StripeGateway, UnexpectedIntentState
from chalicelib.payments.model import Payment, PaymentDeclined, PaymentEnded, PaymentStatus
from chalicelib.payments.store import PaymentStore
from chalicelib.platform.money import Money

CREATED, AUTHORIZED, DECLINED = PaymentStatus.CREATED, PaymentStatus.AUTHORIZED, PaymentStatus.DECLINED
CAPTURED, VOIDED, REFUNDED = PaymentStatus.CAPTURED, PaymentStatus.VOIDED, PaymentStatus.REFUNDED


class Payments:
    def __init__(self, store: PaymentStore, gateway: StripeGateway) -> None:
        self._store = store
        self._gateway = gateway

    def of(self, order_id: str) -> Payment | None:
        return self._store.get(order_id)

    def authorize(self, order_id: str, amount: Money, payment_method: str) -> None:
        """Hold the money. Raises PaymentDeclined or PaymentEnded."""
        payment = self._store.get(order_id) or self._create(order_id, amount)
        if payment.status == DECLINED:
            raise PaymentDeclined(payment.decline_code)
        if payment.status in (VOIDED, REFUNDED):
            raise PaymentEnded(order_id)
        if payment.status == CREATED:
            self._confirm(payment, payment_method)

    def capture(self, order_id: str) -> None:
        """Take the held money. Raises PaymentEnded."""
        payment = self._known(order_id)
        if payment.status == CAPTURED:
            return
        if payment.status != AUTHORIZED:
            raise PaymentEnded(order_id)
        intent = self._captured(order_id, payment.intent_id)
        self._note(payment, CAPTURED, captured=intent.amount_received)

    def refund(self, order_id: str) -> None:
        """Give captured money back; leave a mere hold to `void`. A no-op where there is nothing to undo.

        It asks Stripe rather than our table: a capture may have succeeded there and not been noted here.
        """
        payment = self._store.get(order_id)
        if payment is None or payment.intent_id is None or payment.status in (VOIDED, REFUNDED):
            return
        intent = self._gateway.retrieve(payment.intent_id)
        if intent.status == "succeeded":
            self._refund(payment, intent)

    def void(self, order_id: str) -> None:
        """Let go of whatever is held, and close the door for an authorization that comes late.

        By the state at Stripe: an open hold is canceled, captured money is refunded.
        """
        payment = self._store.get(order_id)
        if payment is None and self._store.create(Payment(order_id=order_id, status=VOIDED)):
            return
        payment = payment or self._known(order_id)
        if payment.status in (VOIDED, REFUNDED, DECLINED):
            return
        intent = self._canceled_or_current(order_id, payment.intent_id)
        if intent.status == "succeeded":
            self._refund(payment, intent)
        else:
            self._note(payment, VOIDED)

    def _create(self, order_id: str, amount: Money) -> Payment:
        """The intent's id is stored before it is confirmed, so that whatever happens next can be undone."""
        intent = self._gateway.create(order_id, amount)
        payment = Payment(order_id=order_id, status=CREATED, intent_id=intent.id, amount=amount)
        if self._store.create(payment):
            return payment
        return self._known(order_id)

    def _confirm(self, payment: Payment, payment_method: str) -> None:
        try:
            intent = self._gateway.confirm(payment.order_id, payment.intent_id, payment_method)
        except PaymentDeclined as declined:
            self._note(payment, DECLINED, decline_code=str(declined))
            raise
        except UnexpectedIntentState as gone:
            raise PaymentEnded(payment.order_id) from gone
        if intent.status == "requires_action":
            self._gateway.cancel(payment.order_id, payment.intent_id)
            self._note(payment, DECLINED, decline_code="authentication_required")
            raise PaymentDeclined("authentication_required")
        self._note(payment, AUTHORIZED)

    def _captured(self, order_id: str, intent_id: str) -> Intent:
        try:
            return self._gateway.capture(order_id, intent_id)
        except UnexpectedIntentState:
            intent = self._gateway.retrieve(intent_id)
            if intent.status != "succeeded":
                raise PaymentEnded(intent.status) from None
            return intent

    def _canceled_or_current(self, order_id: str, intent_id: str) -> Intent:
        try:
            return self._gateway.cancel(order_id, intent_id)
        except UnexpectedIntentState:
            return self._gateway.retrieve(intent_id)

    def _refund(self, payment: Payment, intent: Intent) -> None:
        self._gateway.refund(payment.order_id, intent.id)
        self._note(payment, REFUNDED, captured=intent.amount_received, refunded=intent.amount_received)

    def _note(self, payment: Payment, status: PaymentStatus, **facts: object) -> None:
        """Raises PaymentEnded if somebody else moved the payment elsewhere meanwhile."""
        noted = payment.model_copy(update={"status": status, **facts})
        if self._store.replace(payment, noted):
            return
        if self._known(payment.order_id).status != status:
            raise PaymentEnded(payment.order_id)

    def _known(self, order_id: str) -> Payment:
        payment = self._store.get(order_id)
        if payment is None:
            raise PaymentEnded(order_id)
        return payment
