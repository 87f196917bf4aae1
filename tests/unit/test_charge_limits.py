"""Charge limits: what the payment provider would refuse is refused before there is an order."""

import pytest
from pydantic import ValidationError

from chalicelib.payments.limits import LARGEST_CHARGE, SMALLEST_CHARGE, TotalTooLarge, TotalTooSmall, check_total
from chalicelib.platform.money import Money
from chalicelib.platform.shop import shop
from infra.stripe_sandbox import money as sandbox
from tests.builders import euros, product_details


@pytest.mark.parametrize("amount", [0, 50, LARGEST_CHARGE])
def test_total_within_the_limits_or_zero_is_accepted(amount):
    check_total(euros(amount))


@pytest.mark.parametrize("amount", [1, 40, 49])
def test_total_below_the_smallest_charge_is_refused(amount):
    with pytest.raises(TotalTooSmall, match=r"0\.50 EUR"):
        check_total(euros(amount))


def test_total_above_the_largest_charge_is_refused():
    with pytest.raises(TotalTooLarge, match=r"999999\.99 EUR"):
        check_total(euros(LARGEST_CHARGE + 1))


def test_smallest_charge_follows_the_currency():
    check_total(Money(amount=30, currency="GBP"))
    with pytest.raises(TotalTooSmall):
        check_total(Money(amount=299, currency="NOK"))


def test_currency_of_the_shop_has_a_smallest_charge():
    assert shop().currency in SMALLEST_CHARGE


def test_limits_agree_with_the_payment_sandbox():
    assert {code.lower(): amount for code, amount in SMALLEST_CHARGE.items()} == {
        code: currency.minimum for code, currency in sandbox.CURRENCIES.items()
    }
    assert LARGEST_CHARGE == sandbox.MAXIMUM


def test_product_may_be_free_or_cost_less_than_the_smallest_charge():
    for amount in (0, 1, 49, LARGEST_CHARGE):
        assert product_details(price=euros(amount)).price == euros(amount)


@pytest.mark.parametrize("amount", [-1, LARGEST_CHARGE + 1])
def test_product_that_can_never_be_sold_is_refused(amount):
    with pytest.raises(ValidationError):
        product_details(price={"amount": amount, "currency": "EUR"})
