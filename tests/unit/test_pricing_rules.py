"""The rules of docs/extending.md through an order's whole life: every amount that follows from its total agrees."""

from types import SimpleNamespace

import pytest

from chalicelib.billing.model import Cause, Credit, DocumentKind, Number, credit_note_of, invoice_of
from chalicelib.billing.rendering import rendered
from chalicelib.cart.view import view_of
from chalicelib.catalog.model import Product
from chalicelib.notifications.model import Occasion, compose
from chalicelib.orders.model import Status
from chalicelib.orders.quote import TotalChanged, must_be_expected
from chalicelib.orders.views import order_page
from chalicelib.platform.shop import FILE, Shop
from chalicelib.pricing.quote import quote
from infra.audit.billing import credit_notes_are_refunds, documents_are_due
from infra.audit.books import Payment
from infra.audit.money import kept_is_owed, others_movements_are_recorded
from testbed.shop.fake_payment_provider import APPROVED
from tests.builders import NOW, a_cart, a_line, an_order, an_order_in, euros, product_details
from tests.price_rules import CODE, documented_rules

SHOP = "https://shop.example"
LINES = [a_line("MUG", 3, 1000, "Camp mug"), a_line("TENT", 1, 20000, "Tent")]
TOTAL, ONE_MUG = 26365, 1125
LABELS = ["Coupon SUMMER10", "Tax 25 %", "Shipping"]
WHOLE, OF_ONE_MUG = [-2300, 5175, 490], [-100, 225]
OUR_SHOP = Shop.model_validate_json(FILE.read_bytes())


@pytest.fixture
def priced():
    return quote(LINES, "DE", CODE, "EUR", documented_rules())


@pytest.fixture
def sold(shop, priced):
    """An order with the three adjustments, authorized, captured and completed."""
    order = shop.has(an_order_in(Status.COMPLETED, lines=LINES, adjustments=priced.adjustments))
    shop.payments.authorize(order.id, order.total, APPROVED)
    shop.payments.capture(order.id)
    return order


def take_back(shop, return_id, wanted):
    shop.orders.take_back("ord_1", return_id, wanted)
    given = shop.returns.refund_return("ord_1", return_id)
    shop.returns.complete_return("ord_1", return_id, given.amount, given.shortfall or "")
    return given


def at_provider(shop):
    return shop.gateway.retrieve(shop.payments.of("ord_1").intent_id)


def numbered(kind):
    return Number(kind=kind, year=2030, sequence=1)


def credit_note(order, return_id):
    returned = order.return_of(return_id)
    credit = Credit(
        reference=return_id, amount=returned.refund.amount, cause=Cause.RETURN, quantities=returned.quantities
    )
    return credit_note_of(order, credit, "INV-2030-000001", numbered(DocumentKind.CREDIT_NOTE), NOW, OUR_SHOP)


def test_cart_shows_adjustments_and_their_total():
    products = {line.sku: Product(sku=line.sku, **dict(product_details(price=line.unit_price))) for line in LINES}
    cart = a_cart({"MUG": 3, "TENT": 1})

    view = view_of(cart, products, {}, "EUR", CODE, documented_rules())

    assert ([each.amount for each in view.adjustments], view.total) == (WHOLE, euros(TOTAL))
    assert view.model_dump()["adjustments"][0] == {"kind": "DISCOUNT", "label": LABELS[0], "amount": -2300}
    assert "adjustments" not in view_of(cart, products, {}, "EUR", CODE).model_dump()


def test_changed_total_is_answered_with_the_adjustments(priced):
    with pytest.raises(TotalChanged) as refused:
        must_be_expected(priced, euros(23000))

    quoted = refused.value.members.quote
    assert ([each.amount for each in quoted.adjustments], quoted.total) == (WHOLE, euros(TOTAL))


def test_order_page_lists_adjustments_only_where_there_are_some(sold):
    [with_some, without] = order_page([sold, an_order()], None).model_dump()["items"]

    assert [each["label"] for each in with_some["adjustments"]] == LABELS
    assert "adjustments" not in without


def test_order_authorizes_and_captures_the_adjusted_total(shop, sold):
    assert sold.total == euros(TOTAL)
    assert (at_provider(shop).amount, at_provider(shop).captured) == (TOTAL, TOTAL)


def test_invoice_lists_adjustments_and_adds_up(sold):
    invoice = invoice_of(sold, numbered(DocumentKind.INVOICE), NOW, OUR_SHOP)

    assert [(line.name, line.amount) for line in invoice.lines[2:]] == list(zip(LABELS, WHOLE, strict=True))
    assert sum(line.amount for line in invoice.lines) == invoice.total.amount == TOTAL
    assert "−23.00" in rendered(invoice) and "263.65 EUR" in rendered(invoice)


def test_confirmation_email_lists_adjustments_and_total(sold):
    text = compose(Occasion.CONFIRMED, sold, SHOP, SHOP).text

    assert "Coupon SUMMER10  -€23.00\nTax 25 %  €51.75\nShipping  €4.90\nTotal  €263.65" in text


def test_partial_return_refunds_the_items_part_of_discount_and_tax(shop, sold):
    given = take_back(shop, "ret_1", {"MUG": 1})

    order = shop.orders.get("ord_1")
    assert (given.amount, at_provider(shop).refunded) == (ONE_MUG, ONE_MUG)
    note = credit_note(order, "ret_1")
    assert [line.amount for line in note.lines] == [1000, *OF_ONE_MUG]
    assert sum(line.amount for line in note.lines) == note.total.amount == ONE_MUG
    text = compose(Occasion.REFUNDED, order, SHOP, SHOP, "ret_1").text
    assert "Coupon SUMMER10  -€1.00\nTax 25 %  €2.25\nRefund  €11.25" in text


def test_full_return_refunds_the_total_with_all_adjustments(shop, sold):
    given = take_back(shop, "ret_1", None)

    order = shop.orders.get("ord_1")
    assert (given.amount, at_provider(shop).kept, order.status) == (TOTAL, 0, Status.RETURNED)
    assert [line.amount for line in credit_note(order, "ret_1").lines[2:]] == WHOLE


@pytest.mark.parametrize("wanted", [[None], [{"MUG": 1}], [{"MUG": 1}, {"TENT": 1}, {"MUG": 2}]])
def test_money_invariants_of_the_auditor_hold(shop, sold, wanted):
    for number, each in enumerate(wanted):
        take_back(shop, f"ret_{number}", each)

    books = audited(shop)

    for invariant in (kept_is_owed, others_movements_are_recorded, documents_are_due, credit_notes_are_refunds):
        assert [found for _, found in invariant(books)] == [None], invariant.__doc__


def audited(shop):
    """What the auditor reads of this one order."""
    order, paid = shop.orders.get("ord_1"), at_provider(shop)
    documents = [invoice_of(order, numbered(DocumentKind.INVOICE), NOW, OUR_SHOP)]
    documents += [credit_note(order, each.id) for each in order.returns]
    item = order.model_dump(mode="json")
    return SimpleNamespace(
        orders={order.id: item},
        settled={order.id: item},
        payments={order.id: [Payment(paid.id, order.id, 0, paid.held, paid.captured, paid.refunded)]},
        records={order.id: shop.payments.of(order.id).model_dump()},
        events={order.id: [{"event": event} for _, event in shop.order_store.events_of(order.id)]},
        documents={order.id: [each.model_dump(mode="json") | {"filed": True} for each in documents]},
    )
