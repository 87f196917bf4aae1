"""What stands on an invoice and a credit note, and which event leads to which document."""

from datetime import UTC, datetime

import pytest

from chalicelib.billing.consumer import DocumentConsumer
from chalicelib.billing.model import (
    Cause,
    Credit,
    DocumentKind,
    Number,
    OrderNotCompleted,
    TaxLine,
    credit_note_of,
    invoice_of,
    reversal_of,
)
from chalicelib.billing.rendering import rendered
from chalicelib.events.fan_in import Consequence
from chalicelib.orders.model import Status
from chalicelib.orders.numbers import number_of
from chalicelib.platform.money import Money
from chalicelib.platform.shop import FILE, Shop
from tests.builders import a_line, an_event, an_order, an_order_in

SHOP = Shop.model_validate_json(FILE.read_bytes())
BEFORE_MIDNIGHT_UTC = datetime(2030, 5, 17, 22, 30, tzinfo=UTC)


def number(kind=DocumentKind.INVOICE, sequence=7):
    return Number(kind=kind, year=2030, sequence=sequence)


def completed(**facts):
    lines = [a_line("MUG-01", quantity=3, price=1205, name="Camp mug"), a_line("AXE-01", 1, 9900, "Axe <sharp>")]
    return an_order_in(Status.COMPLETED, lines=facts.pop("lines", lines), **facts)


def invoice(order=None):
    return invoice_of(order or completed(), number(), BEFORE_MIDNIGHT_UTC, SHOP)


def test_invoice_names_seller_buyer_lines_and_total():
    page = rendered(invoice())

    seller = SHOP.seller
    for text in (
        "Invoice INV-2030-000007", seller.legal_name, seller.address.line1, f"VAT ID {seller.vat_id}", seller.email,
        "Ada Lovelace", "St James&#x27;s Square 12", "London", "SW1Y 4LB", "Camp mug", "36.15", "135.15 EUR",
        f"Order {number_of('ord_1')}",
    ):  # fmt: skip
        assert text in page


def test_invoice_is_dated_in_the_shops_time_zone_and_says_so():
    document = invoice()

    assert document.issued_on.isoformat() == "2030-05-18", "half past midnight in Berlin"
    assert document.supplied_on.isoformat() == "2030-05-17"
    assert "Issued on 2030-05-18 · Supplied on 2030-05-17 (time zone Europe/Berlin)" in rendered(document)


def test_invoice_shows_markup_as_text():
    page = rendered(invoice(completed(name="<script>alert(1)</script>")))

    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page and "Axe &lt;sharp&gt;" in page


@pytest.mark.parametrize(("currency", "text"), [("JPY", "2500 JPY"), ("KWD", "2.500 KWD"), ("EUR", "25.00 EUR")])
def test_invoice_amounts_have_the_decimals_of_the_currency(currency, text):
    line = a_line(quantity=2, price=1250)
    priced = line.model_copy(update={"unit_price": Money(amount=1250, currency=currency)})

    assert text in rendered(invoice(completed(lines=[priced])))


def test_invoice_names_taxes_only_if_there_are_any():
    document = invoice()
    taxed = document.model_copy(update={"taxes": (TaxLine(name="VAT", rate="19", net=11357, tax=2158),)})

    assert "Contains" not in rendered(document)
    assert "Contains VAT 19 % of 113.57" in rendered(taxed) and "21.58" in rendered(taxed)


def test_invoice_of_an_order_that_is_not_completed_is_refused():
    with pytest.raises(OrderNotCompleted):
        invoice(an_order())


def credit_note(amount, quantities=None, cause=Cause.RETURN):
    credit = Credit(reference="ret_1", amount=amount, cause=cause, quantities=quantities or {})
    kind = number(DocumentKind.CREDIT_NOTE, 1)
    return credit_note_of(completed(), credit, "INV-2030-000007", kind, BEFORE_MIDNIGHT_UTC, SHOP)


def test_credit_note_lists_what_came_back_and_refers_to_the_invoice():
    document = credit_note(2410, {"MUG-01": 2})

    assert [(line.name, line.quantity, line.amount) for line in document.lines] == [("Camp mug", 2, 2410)]
    page = rendered(document)
    assert "Credit note CN-2030-000001" in page and "Refers to invoice INV-2030-000007" in page
    assert "24.10 EUR" in page


def test_credit_note_below_the_value_of_its_items_says_what_was_refunded_before():
    document = credit_note(1410, {"MUG-01": 2})

    assert [(line.name, line.amount) for line in document.lines] == [("Camp mug", 2410), ("Refunded before", -1000)]
    assert "−10.00" in rendered(document)


@pytest.mark.parametrize("cause", [Cause.REFUND, Cause.DISPUTE_LOST])
def test_credit_note_without_items_has_one_line(cause):
    [line] = credit_note(500, cause=cause).lines

    assert (line.amount, line.quantity) == (500, None)


def test_reversal_refers_to_its_credit_note():
    document = reversal_of(
        credit_note(2410, {"MUG-01": 2}), "re_1", number(DocumentKind.REVERSAL, 1), BEFORE_MIDNIGHT_UTC, SHOP
    )

    assert (document.refers_to, document.cause) == ("CN-2030-000001", Cause.REFUND_FAILED)
    assert "Refers to credit note CN-2030-000001" in rendered(document)


class Issued:
    """Billing and the fan-in: what they were asked for."""

    def __init__(self):
        self.invoices, self.credits, self.reversals, self.completed = [], [], [], []

    def invoice(self, order):
        self.invoices.append(order.id)

    def complete(self, event, consequence):
        self.completed.append((event.order_id, consequence))

    def credit(self, order, credit):
        self.credits.append((credit.reference, credit.amount, credit.cause))

    def reverse(self, order, reference, return_id):
        self.reversals.append((reference, return_id))


class KnownOrder:
    """Orders, of which there is one."""

    def __init__(self):
        self.known = completed()

    def get(self, order_id):
        return self.known


@pytest.fixture
def issued():
    return Issued()


@pytest.fixture
def order():
    return KnownOrder()


@pytest.fixture
def consumer(order, issued):
    return DocumentConsumer(order, issued, issued)


def test_completion_leads_to_an_invoice_and_completes_its_consequence(consumer, issued, order):
    consumer.issue_document(order.known.pending_event)

    assert (issued.invoices, issued.completed) == (["ord_1"], [("ord_1", Consequence.INVOICE)])


def moved(event_type, **more):
    movement = {"reference": "re_1", "amount": {"amount": 500, "currency": "EUR"}, "return_id": None}
    event = an_event()
    return event.model_copy(update={"type": event_type, "data": event.data | {"movement": movement | more}})


@pytest.mark.parametrize(
    ("event_type", "cause"),
    [
        ("PaymentRefundedOutside", Cause.REFUND),
        ("PaymentRefundRetried", Cause.REFUND),
        ("PaymentDisputeLost", Cause.DISPUTE_LOST),
    ],
)
def test_money_that_went_back_leads_to_a_credit_note(consumer, issued, order, event_type, cause):
    consumer.issue_document(moved(event_type))

    assert issued.credits == [("re_1", 500, cause)]


def test_refund_that_failed_leads_to_a_reversal(consumer, issued, order):
    consumer.issue_document(moved("PaymentRefundFailed", return_id="ret_1"))

    assert (issued.credits, issued.reversals) == ([], [("re_1", "ret_1")])


def test_refund_outside_without_a_movement_leads_to_nothing(consumer, issued, order):
    event = an_event()
    consumer.issue_document(event.model_copy(update={"type": "PaymentRefundedOutside"}))

    assert issued.credits == []


def test_return_leads_to_a_credit_note_unless_nothing_was_refunded(consumer, issued, order):
    requested = order.known.return_requested("ret_1", {"MUG-01": 2}, BEFORE_MIDNIGHT_UTC)
    for refunded in (2410, 0):
        consumer.issue_document(requested.return_settled("ret_1", refunded, BEFORE_MIDNIGHT_UTC).pending_event)

    assert issued.credits == [("ret_1", 2410, Cause.RETURN)]


def test_refund_of_a_cancelled_order_leads_to_nothing(consumer, issued, order):
    order.known = an_order_in(Status.CANCELLED)
    consumer.issue_document(moved("PaymentRefundedOutside"))

    assert issued.credits == []


def test_refund_before_the_completion_is_tried_again(consumer, order):
    order.known = an_order_in(Status.SHIPPING)

    with pytest.raises(OrderNotCompleted):
        consumer.issue_document(moved("PaymentRefundedOutside"))
