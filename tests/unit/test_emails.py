"""What the emails say, and that nobody writes markup into them."""

import pytest

from chalicelib.notifications.model import Occasion, compose
from chalicelib.orders.model import Reason, Status
from tests.builders import NOW, a_line, an_order, an_order_in

SHOP_URL = "https://shop.example"


@pytest.mark.parametrize("occasion", list(Occasion))
def test_every_email_goes_to_the_buyer_and_names_pieces_total_and_the_orders_page(occasion):
    order = an_order("ord_7", lines=[a_line(name="Camp mug", quantity=3, price=1205)])

    email = compose(occasion, order, SHOP_URL)

    assert email.to == "ada@example.com"
    for body in (email.text, email.html):
        assert "Hello Ada Lovelace," in body
        assert "3 × Camp mug  36.15 EUR" in body
        assert "Total  36.15 EUR" in body
        assert "https://shop.example/orders/ord_7" in body


def test_each_occasion_has_a_subject_of_its_own():
    subjects = {compose(occasion, an_order(), SHOP_URL).subject for occasion in Occasion}

    assert len(subjects) == len(Occasion)


@pytest.mark.parametrize("reason", list(Reason))
def test_a_cancellation_says_why(reason):
    cancelled = an_order().advanced(Status.CANCELLED, NOW, reason)

    with_reason = compose(Occasion.CANCELLED, cancelled, SHOP_URL).text

    assert len(with_reason) > len(compose(Occasion.CANCELLED, an_order(), SHOP_URL).text)


def test_markup_in_names_stays_text():
    order = an_order(name='<script>alert("x")</script>', lines=[a_line(name="<img src=x onerror=y> & mug")])

    email = compose(Occasion.CONFIRMED, order, SHOP_URL)

    assert "<script" not in email.html
    assert "<img" not in email.html
    assert "&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;" in email.html
    assert "&lt;img src=x onerror=y&gt; &amp; mug" in email.html
    assert '<script>alert("x")</script>' in email.text


def test_a_refund_names_only_what_came_back_and_its_sum():
    lines = [a_line("MUG", name="Camp mug", quantity=3, price=1205), a_line("TENT", name="Tent", price=20000)]
    order = an_order_in(Status.COMPLETED, lines=lines).return_requested("ret_1", {"MUG": 2}, NOW)

    text = compose(Occasion.REFUNDED, order, SHOP_URL, "ret_1").text

    assert "2 × Camp mug  24.10 EUR" in text
    assert "Total  24.10 EUR" in text
    assert "Tent" not in text


def test_a_refund_names_what_was_really_given_back():
    order = an_order_in(Status.COMPLETED).return_requested("ret_1", None, NOW).return_settled("ret_1", 700, NOW)

    assert "Total  7.00 EUR" in compose(Occasion.REFUNDED, order, SHOP_URL, "ret_1").text


@pytest.mark.parametrize("occasion", list(Occasion))
def test_email_of_a_free_order_speaks_of_no_card_and_no_money(occasion):
    email = compose(occasion, an_order(lines=[a_line(price=0)]), SHOP_URL)

    assert "nothing to pay" in email.text
    assert not [word for word in ("card", "charged", "goes back") if word in email.text]
    assert "money" not in email.subject
