"""The payments table: one item per order, changed only in the version that was read."""

from chalicelib.payments.model import Payment
from chalicelib.platform.dynamo import PerOrderStore


class PaymentStore(PerOrderStore[Payment]):
    model = Payment
