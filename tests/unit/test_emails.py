"""What the emails say, in the storefront's design, and that nobody writes markup into them."""

import re
from html.parser import HTMLParser
from urllib.parse import urlsplit

import pytest

from chalicelib.cart.model import MAX_LINES
from chalicelib.notifications import model, rendering
from chalicelib.notifications.model import Item, Occasion, cart_reminder
from chalicelib.orders.model import Reason, Status
from chalicelib.orders.numbers import number_of
from chalicelib.shipping.model import Shipment, ShipmentStatus
from infra.build.storefront import FRONTEND
from tests.builders import NOW, a_line, an_address, an_order, an_order_in, euros

SHOP = "https://shop.example"
LINK = f"{SHOP}/orders/ord_7#link=link_x"
CLIPPED_BYTES = 102_000
"""Gmail hides what follows these in a message."""


def compose(occasion, order, link=LINK, return_id=None, shipment=None):
    return model.compose(occasion, order, link, SHOP, return_id, shipment)


class Page(HTMLParser):
    """Tags with their attributes, and the text outside of the head, of an email's HTML."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(html.partition("</head>")[2])

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data

    def of(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def a_reminder():
    return cart_reminder("ada@example.com", [Item(2, "Camp mug", "/images/products/MUG-01.svg")], SHOP, "link_y")


def each_email():
    order = an_order_in(Status.COMPLETED, lines=[a_line()])
    return [*(compose(occasion, order) for occasion in Occasion), a_reminder()]


@pytest.mark.parametrize("occasion", list(Occasion))
def test_emails_go_to_the_buyer_with_units_total_and_order_page(occasion):
    order = an_order_in(Status.AUTHORIZED, "ord_7", lines=[a_line(name="Camp mug", quantity=3, price=1205)])

    email = compose(occasion, order)

    assert email.to == "ada@example.com"
    page = Page(email.html)
    for body in (email.text, " ".join(page.text.split())):
        assert "Hello Ada Lovelace," in body
        assert re.search(r"3 × Camp mug\s+€36\.15", body)
        assert re.search(r"Total\s+€36\.15", body)
        assert "SW1Y 4LB" in body and f"Order {number_of('ord_7')}" in body and "17 May 2030" in body
    assert LINK in email.text and LINK in [each["href"] for each in page.of("a")]


def test_occasion_has_a_subject_of_its_own():
    subjects = {compose(occasion, an_order()).subject for occasion in Occasion}

    assert len(subjects) == len(Occasion)


@pytest.mark.parametrize("reason", list(Reason))
def test_cancellation_says_why(reason):
    cancelled = an_order().advanced(Status.CANCELLED, NOW, reason)

    with_reason = compose(Occasion.CANCELLED, cancelled).text

    assert len(with_reason) > len(compose(Occasion.CANCELLED, an_order()).text)


def test_markup_in_names_stays_text():
    order = an_order_in(
        Status.AUTHORIZED, name='<script>alert("x")</script>', lines=[a_line(name="<img src=x onerror=y> & mug")]
    )

    email = compose(Occasion.CONFIRMED, order)

    assert not Page(email.html).of("script") and "onerror" not in str(Page(email.html).tags)
    assert "&lt;script&gt;alert(&#34;x&#34;)&lt;/script&gt;" in email.html
    assert "&lt;img src=x onerror=y&gt; &amp; mug" in email.html
    assert '<script>alert("x")</script>' in email.text


def test_refund_email_lists_the_returned_items_and_their_sum():
    lines = [a_line("MUG", name="Camp mug", quantity=3, price=1205), a_line("TENT", name="Tent", price=20000)]
    order = an_order_in(Status.COMPLETED, lines=lines).return_requested("ret_1", {"MUG": 2}, NOW)

    text = compose(Occasion.REFUNDED, order, return_id="ret_1").text

    assert "2 × Camp mug  €24.10" in text
    assert "Refund  €24.10" in text
    assert "Tent" not in text


@pytest.mark.parametrize(("carrier", "line"), [("Post <b>", "Post <b> NP1&2"), (None, "Tracking number NP1&2")])
def test_email_about_a_parcel_names_its_carrier_and_number(carrier, line):
    shipment = Shipment(
        order_id="ord_7", version=1, status=ShipmentStatus.DISPATCHED, carrier=carrier, tracking_number="NP1&2"
    )

    email = compose(Occasion.COMPLETED, an_order_in(Status.COMPLETED), shipment=shipment)

    assert line in email.text and line in " ".join(Page(email.html).text.split())
    assert "Tracking" not in compose(Occasion.COMPLETED, an_order_in(Status.COMPLETED)).text


def test_emails_say_where_invoice_and_credit_note_are():
    order = an_order_in(Status.COMPLETED).return_requested("ret_1", None, NOW)
    settled = order.return_settled("ret_1", 0, NOW, "refunded_before")

    assert "invoice" in compose(Occasion.COMPLETED, order).text
    assert "invoice" not in compose(Occasion.CONFIRMED, order).text
    assert "credit note" in compose(Occasion.REFUNDED, order, return_id="ret_1").text
    assert "credit note" not in compose(Occasion.REFUNDED, settled, return_id="ret_1").text


def test_refund_email_names_the_refunded_amount():
    order = an_order_in(Status.COMPLETED).return_requested("ret_1", None, NOW).return_settled("ret_1", 700, NOW)

    assert "Refund  €7.00" in compose(Occasion.REFUNDED, order, return_id="ret_1").text


@pytest.mark.parametrize("occasion", [each for each in Occasion if each not in (Occasion.LINK, Occasion.PAYMENT_WAITS)])
def test_email_of_a_free_order_speaks_of_no_card_and_no_money(occasion):
    email = compose(occasion, an_order(lines=[a_line(price=0)]))

    assert "nothing to pay" in email.text
    assert not [word for word in ("card", "charged", "goes back") if word in email.text]
    assert "money" not in email.subject


@pytest.mark.parametrize("occasion", list(Occasion))
@pytest.mark.parametrize("status", [Status.PLACED, Status.RESERVED, Status.ACTION_REQUIRED, Status.CANCELLED])
def test_email_before_a_payment_holds_no_text_of_the_buyer(occasion, status):
    order = an_order_in(status, name="Win at https://evil.example")

    email = compose(occasion, order)

    for text in (email.subject, email.text, email.html):
        assert "evil" not in text
        for field in ("line1", "city", "postal_code", "phone"):
            assert getattr(order.shipping_address, field) not in text


def test_order_without_a_price_counts_as_not_paid():
    free = an_order_in(Status.AUTHORIZED, name="Win at https://evil.example", lines=[a_line(price=0)])

    assert free.total == euros(0)
    assert "evil" not in compose(Occasion.CONFIRMED, free).text


def test_markup_in_every_text_of_others_is_escaped_by_the_templates():
    evil = '<i onclick=x>&"'
    order = an_order_in(Status.AUTHORIZED, name=evil, lines=[a_line(name=evil)])
    parts = {"name", "line1", "line2", "city", "region", "postal_code"}
    order = order.model_copy(update={"shipping_address": an_address().model_copy(update=dict.fromkeys(parts, evil))})
    reminder = cart_reminder("ada@example.com", [Item(1, evil, evil)], SHOP, evil)

    for email in (compose(Occasion.CONFIRMED, order), reminder):
        assert not Page(email.html).of("i")
        assert "onclick" not in str([list(attributes) for _, attributes in Page(email.html).tags])
        assert evil in email.text


@pytest.mark.parametrize("email", each_email(), ids=lambda email: email.subject)
def test_email_has_a_subject_on_one_line_one_button_and_no_foreign_address(email):
    assert email.subject == " ".join(email.subject.split())
    page = Page(email.html)
    assert len([each for each in page.of("a") if each.get("class") == "on-berry"]) == 1
    addresses = [each.get("href") or each.get("src") for each in (*page.of("a"), *page.of("img"))]
    assert {urlsplit(each)._replace(path="", fragment="").geturl() for each in addresses} == {SHOP}


@pytest.mark.parametrize("email", each_email(), ids=lambda email: email.subject)
def test_email_is_readable_by_screen_readers_and_in_the_dark(email):
    head, page = email.html.partition("</head>")[0], Page(email.html)
    assert '<html lang="en"' in head and '<meta name="color-scheme" content="light dark">' in head
    assert "@media (prefers-color-scheme: dark)" in head
    assert {each.get("role") for each in page.of("table")} == {"presentation"}
    assert next(tag for tag, _ in page.tags if tag in ("h1", "h2")) == "h1" and len(page.of("h1")) == 1
    assert page.tags[1][0] == "div" and "display:none" in page.tags[1][1]["style"]


def test_colours_are_those_of_the_storefront():
    """Each value of the dictionaries, and each colour in an email."""
    tokens = (FRONTEND / "src" / "styles" / "tokens.css").read_text()
    for name, light in rendering.LIGHT.items():
        dark = rendering.DARK[name]
        value = light if light == dark else f"light-dark({light}, {dark})"
        assert f"--{name.replace('_', '-')}: {value};" in tokens
    ours = {*rendering.LIGHT.values(), *rendering.DARK.values()}
    for email in each_email():
        assert set(re.findall(r"#[0-9a-f]{6}\b", email.html)) <= ours


@pytest.mark.parametrize(
    ("country", "amount", "day"),
    [
        ("GB", "€1,234.50", "17 May 2030"),
        ("US", "€1,234.50", "May 17, 2030"),
        ("DE", "1.234,50\xa0€", "17 May 2030"),
        ("FR", "1\u202f234,50\xa0€", "17 May 2030"),
        ("GR", "€1,234.50", "17 May 2030"),
        ("??", "€1,234.50", "17 May 2030"),
    ],
)
def test_amounts_and_days_are_written_as_in_the_buyers_country(country, amount, day):
    formats = rendering.Formats(country)

    assert formats.amount(123450, "EUR") == amount
    assert formats.day("2030-05-17T12:00:00+00:00") == day


def test_text_of_an_email_has_plain_spaces_only():
    order = an_order_in(Status.AUTHORIZED, lines=[a_line(quantity=1, price=123450)])
    address = order.shipping_address.model_copy(update={"country": "FR"})

    email = compose(Occasion.CONFIRMED, order.model_copy(update={"shipping_address": address}))

    assert "1 234,50 €" in email.text and "1\u202f234,50\xa0€" in email.html


@pytest.mark.parametrize(("currency", "amount"), [("JPY", "¥1,250"), ("KWD", "KWD1.250"), ("IQD", "IQD1.250")])
def test_amounts_have_the_decimal_places_of_their_currency(currency, amount):
    assert rendering.Formats("US").amount(1250, currency) == amount
    assert rendering.Formats("US").amount(-1250, currency) == f"-{amount}"


def test_days_are_those_of_the_shop():
    assert rendering.Formats("GB").day("2030-05-17T23:30:00+00:00") == "18 May 2030"


def test_longest_email_is_not_clipped_by_gmail():
    lines = [a_line(f"SKU-{number}", name="&" * 120) for number in range(MAX_LINES)]
    lines = [line.model_copy(update={"image": "/" + "p" * 199}) for line in lines]

    assert len(compose(Occasion.CONFIRMED, an_order_in(Status.AUTHORIZED, lines=lines)).html) < CLIPPED_BYTES


@pytest.mark.parametrize(("image", "picture"), [("/a/MUG.svg", "/a/MUG.png"), ("/a/mug.webp", "/a/mug.webp")])
def test_pictures_are_the_storefronts_and_no_svg(image, picture):
    """Gmail and Outlook draw no SVG."""
    order = an_order(lines=[a_line().model_copy(update={"image": image})])

    mark, product = Page(compose(Occasion.CONFIRMED, order).html).of("img")

    assert (mark["src"], product["src"]) == (f"{SHOP}/images/mark.png", SHOP + picture)
    assert all({"width", "height", "alt"} <= each.keys() for each in (mark, product))
