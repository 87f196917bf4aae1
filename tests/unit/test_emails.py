"""What the emails say, and that nobody writes markup into them."""

import pytest

from chalicelib.notifications.model import Occasion, compose
from chalicelib.orders.model import Reason, Status
from tests.builders import NOW, a_line, an_order, an_order_in, euros

LINK = "https://shop.example/orders/ord_7#link=link_x"


@pytest.mark.parametrize("occasion", list(Occasion))
def test_emails_go_to_the_buyer_with_units_total_and_order_page(occasion):
    order = an_order_in(Status.AUTHORIZED, "ord_7", lines=[a_line(name="Camp mug", quantity=3, price=1205)])

    email = compose(occasion, order, LINK)

    assert email.to == "ada@example.com"
    for body in (email.text, email.html):
        assert "Hello Ada Lovelace," in body
        assert "3 × Camp mug  36.15 EUR" in body
        assert "Total  36.15 EUR" in body
        assert LINK in body


def test_each_occasion_has_a_subject_of_its_own():
    subjects = {compose(occasion, an_order(), LINK).subject for occasion in Occasion}

    assert len(subjects) == len(Occasion)


@pytest.mark.parametrize("reason", list(Reason))
def test_a_cancellation_says_why(reason):
    cancelled = an_order().advanced(Status.CANCELLED, NOW, reason)

    with_reason = compose(Occasion.CANCELLED, cancelled, LINK).text

    assert len(with_reason) > len(compose(Occasion.CANCELLED, an_order(), LINK).text)


def test_markup_in_names_stays_text():
    order = an_order_in(
        Status.AUTHORIZED, name='<script>alert("x")</script>', lines=[a_line(name="<img src=x onerror=y> & mug")]
    )

    email = compose(Occasion.CONFIRMED, order, LINK)

    assert "<script" not in email.html
    assert "<img" not in email.html
    assert "&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;" in email.html
    assert "&lt;img src=x onerror=y&gt; &amp; mug" in email.html
    assert '<script>alert("x")</script>' in email.text


def test_a_refund_names_only_what_came_back_and_its_sum():
    lines = [a_line("MUG", name="Camp mug", quantity=3, price=1205), a_line("TENT", name="Tent", price=20000)]
    order = an_order_in(Status.COMPLETED, lines=lines).return_requested("ret_1", {"MUG": 2}, NOW)

    text = compose(Occasion.REFUNDED, order, LINK, "ret_1").text

    assert "2 × Camp mug  24.10 EUR" in text
    assert "Total  24.10 EUR" in text
    assert "Tent" not in text


def test_a_refund_names_what_was_really_given_back():
    order = an_order_in(Status.COMPLETED).return_requested("ret_1", None, NOW).return_settled("ret_1", 700, NOW)

    assert "Total  7.00 EUR" in compose(Occasion.REFUNDED, order, LINK, "ret_1").text


@pytest.mark.parametrize("occasion", [each for each in Occasion if each != Occasion.LINK])
def test_email_of_a_free_order_speaks_of_no_card_and_no_money(occasion):
    email = compose(occasion, an_order(lines=[a_line(price=0)]), LINK)

    assert "nothing to pay" in email.text
    assert not [word for word in ("card", "charged", "goes back") if word in email.text]
    assert "money" not in email.subject


@pytest.mark.parametrize("occasion", list(Occasion))
@pytest.mark.parametrize("status", [Status.PLACED, Status.RESERVED, Status.CANCELLED])
def test_an_email_before_a_payment_succeeded_holds_nothing_that_the_buyer_wrote(occasion, status):
    order = an_order_in(status, name="Win at https://evil.example")

    email = compose(occasion, order, LINK)

    for text in (email.subject, email.text, email.html):
        assert "evil" not in text
        for field in ("line1", "city", "postal_code"):
            assert getattr(order.shipping_address, field) not in text


def test_an_order_without_a_price_counts_as_not_paid():
    free = an_order_in(Status.AUTHORIZED, name="Win at https://evil.example", lines=[a_line(price=0)])

    assert free.total == euros(0)
    assert "evil" not in compose(Occasion.CONFIRMED, free, LINK).text
