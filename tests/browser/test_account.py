"""The account's pages in a browser: addresses that are kept, chosen at checkout and deleted."""

from playwright.sync_api import expect

from infra.local import shop
from tests.browser.buyer import Buyer


def test_customer_keeps_an_address_at_checkout_and_chooses_it_at_the_next(buyer: Buyer) -> None:
    page = buyer.page
    buyer.sign_in(shop.CUSTOMER)
    buyer.add_to_cart("KITCHEN-MUG-01")
    buyer.open("/checkout")
    buyer.fill_in(None)
    page.get_by_test_id("checkout-name").fill("Ida at home")
    page.get_by_test_id("checkout-phone").fill("22 12 34 56")
    page.get_by_test_id("keep-address").check()
    with page.expect_response(lambda answer: "/me/addresses/" in answer.url and answer.ok):
        page.get_by_test_id("place-order").click()
    buyer.add_to_cart("KITCHEN-MUG-01")
    buyer.open("/checkout")
    expect(page.get_by_label("Ida at home")).to_be_checked()
    page.get_by_test_id("place-order").click()
    expect(page.get_by_test_id("shipping-label")).to_contain_text("Ida at home")
    expect(page.get_by_test_id("shipping-phone")).to_have_text("+4722123456")
    buyer.open("/account/settings")
    page.get_by_role("button", name="Change the address of Ida at home").click()
    page.get_by_test_id("address-city").fill("Bergen")
    page.get_by_test_id("keep-address").click()
    expect(page.get_by_test_id("known-address")).to_contain_text("Bergen")
    page.get_by_test_id("delete-address").click()
    expect(page.get_by_test_id("known-address")).to_have_count(0)
