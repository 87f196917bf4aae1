"""Idle carts are found by their last change, and each version of a cart causes at most one reminder."""

import json
import re
from datetime import timedelta

import pytest

from chalicelib.cart.consent import ReminderConsent
from chalicelib.cart.model import LIFETIME
from chalicelib.cart.service import Carts
from chalicelib.cart.store import CartStore
from chalicelib.notifications.limits import MailLimits
from chalicelib.notifications.model import Item
from chalicelib.notifications.service import Notifications
from chalicelib.notifications.ses import SesSender
from chalicelib.platform.idempotency import IdempotencyStore
from chalicelib.platform.identity import GUEST, Caller
from chalicelib.platform.links import Links
from tests.builders import a_cart, a_name
from tests.fakes import FakeMail

KEY = "k" * 48
ADA = Caller(customer_id="ada", email="ada@example.com")
WITH_ACCESS_TOKEN = Caller(customer_id="ada")
"""Only the id token contains the email address."""


@pytest.fixture
def table(new_table):
    return new_table("CartsTable")


@pytest.fixture
def carts(dynamodb, table, clock):
    return Carts(CartStore(dynamodb, table), clock)


@pytest.fixture
def left(carts, clock):
    """Return the ids of carts that were idle for twenty hours."""
    return lambda: [cart.id for cart in carts.abandoned(clock.now - timedelta(hours=20))]


@pytest.fixture
def stored(dynamodb, table):
    return lambda: dynamodb.scan(TableName=table)["Items"]


def test_cart_is_abandoned_after_the_idle_hours(carts, clock, left):
    carts.set_quantity(ADA, None, "MUG", 2, a_name)
    clock.passes(hours=19, minutes=59)
    assert left() == []

    clock.passes(minutes=1)
    assert left() == ["customer#ada"]

    carts.set_quantity(ADA, None, "MUG", 3, a_name)
    assert left() == []


def test_emptied_cart_is_not_abandoned_and_keeps_no_email(carts, clock, left, stored):
    carts.set_quantity(ADA, None, "MUG", 2, a_name)
    carts.remove(ADA, None, "MUG")
    clock.passes(days=1)

    assert left() == []
    assert not any({"email", "remindable"} & item.keys() for item in stored())


def test_bought_cart_is_not_abandoned(carts, dynamodb, clock, left):
    carts.set_quantity(ADA, None, "MUG", 2, a_name)
    dynamodb.transact_write_items(TransactItems=[carts.taking(carts.read(ADA, None), "ord_1", "checkout-1")])
    clock.passes(days=1)

    assert left() == []


def test_expired_cart_is_not_abandoned(carts, clock, left):
    carts.set_quantity(ADA, None, "MUG", 2, a_name)
    clock.now += LIFETIME

    assert left() == []


def test_guest_cart_is_never_abandoned_and_stores_no_email(carts, clock, left, stored):
    carts.set_quantity(GUEST, None, "MUG", 2, a_name)
    clock.passes(days=1)

    assert left() == []
    assert json.dumps(stored(), default=str).count("@") == 0


def test_claimed_cart_can_get_a_reminder(carts, clock, left):
    _, token = carts.set_quantity(GUEST, None, "MUG", 2, a_name)
    carts.claim("ada", token, "ada@example.com")
    clock.passes(days=1)

    assert left() == ["customer#ada"]


def test_email_is_kept_when_a_token_has_none(carts, clock, left):
    carts.set_quantity(ADA, None, "MUG", 2, a_name)
    carts.set_quantity(WITH_ACCESS_TOKEN, None, "MUG", 3, a_name)
    clock.passes(days=1)

    assert left() == ["customer#ada"]
    assert carts.read(ADA, None).email == "ada@example.com"


def test_cart_without_an_email_gets_no_reminder(carts, clock, left):
    carts.set_quantity(WITH_ACCESS_TOKEN, None, "MUG", 3, a_name)
    clock.passes(days=1)

    assert left() == []


@pytest.fixture
def consent(dynamodb, table, clock):
    return ReminderConsent(dynamodb, table, clock)


@pytest.fixture
def mail():
    return FakeMail()


@pytest.fixture
def remind(dynamodb, new_table, clock, mail, consent):
    once = IdempotencyStore(dynamodb, new_table("EffectsTable"), clock)
    links = Links(lambda: KEY, clock)
    notifications = Notifications(
        once, SesSender(mail, "shop@example.com", "mail"), MailLimits(None, 0, 0), links, "https://shop.example"
    )

    def remind(version):
        cart = a_cart({"MUG": 2}, "customer#ada", version)
        return notifications.cart_left(
            cart, "ada@example.com", [Item(2, "Camp <mug>", "/images/mug.svg")], lambda: consent.is_given("ada")
        )

    return remind


def test_reminder_is_sent_once_for_each_version(remind, mail, consent):
    consent.choose("ada", True)

    assert [remind(1), remind(1), remind(2)] == [True, False, True]
    first, second = mail.sent
    assert first == second and first["Destination"] == {"ToAddresses": ["ada@example.com"]}
    text, html = (first["Content"]["Simple"]["Body"][kind]["Data"] for kind in ("Text", "Html"))
    assert "2 × Camp <mug>" in text and "https://shop.example/cart" in text
    assert "Camp &lt;mug&gt;" in html and "See your cart" in html


def test_reminder_has_a_one_click_unsubscribe_header(remind, mail, consent, clock):
    consent.choose("ada", True)
    remind(1)

    headers = {each["Name"]: each["Value"] for each in mail.sent[0]["Content"]["Simple"]["Headers"]}
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    token = re.fullmatch(r"<https://shop.example/api/unsubscribe/(\S+)>", headers["List-Unsubscribe"])[1]
    assert Links(lambda: KEY, clock).subject("unsubscribe", token) == "ada"
    assert f"https://shop.example/unsubscribe#link={token}" in mail.sent[0]["Content"]["Simple"]["Body"]["Text"]["Data"]
    assert len(headers["List-Unsubscribe"]) < 870


def test_missing_or_withdrawn_consent_sends_no_reminder(remind, mail, consent):
    assert not remind(1)
    consent.choose("ada", True)
    consent.choose("ada", False)
    assert not remind(2)
    assert mail.sent == []
