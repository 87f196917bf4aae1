"""A buyer whose bank wants a confirmation gives it, fails to, or walks away."""

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.buyer import PHONE, WHOLE_ORDER_MS, Buyer

pytestmark = pytest.mark.takes_long

WANTS_HOLDER = "pm_card_threeDSecure2Required"


@pytest.fixture
def asked(new_buyer: Any) -> Buyer:
    """Return a buyer with a phone, on the page of an order that waits for their confirmation."""
    buyer: Buyer = new_buyer(viewport=PHONE)
    buyer.add_to_cart("CAMP-AXE-01")
    buyer.check_out(WANTS_HOLDER)
    buyer.expect_order("ACTION_REQUIRED")
    return buyer


def test_buyer_who_confirms_at_the_bank_gets_the_order(asked: Buyer) -> None:
    page = asked.page
    page.get_by_test_id("confirm-payment").click()
    page.get_by_role("button", name="Complete authentication").click()
    asked.expect_order("COMPLETED")
    # No secret stays in the address.
    expect(page).to_have_url(re.compile(r"/orders/ord_[0-9a-f]{24}$"))


def test_failed_confirmation_is_shown_and_reachable_by_keyboard(asked: Buyer) -> None:
    page = asked.page
    page.get_by_test_id("confirm-payment").press("Enter")
    page.get_by_role("button", name="Fail authentication").press("Enter")
    asked.expect_order("CANCELLED")
    expect(page.get_by_text("could not confirm that it was you").first).to_be_visible()
    expect(page.get_by_role("button", name="Try another card")).to_be_visible()


def test_buyer_who_walks_away_is_asked_until_the_time_is_up(asked: Buyer) -> None:
    page = asked.page
    page.get_by_test_id("confirm-payment").click()
    page.get_by_role("link", name="Leave without answering").click()
    expect(page.get_by_test_id("confirm-panel")).to_be_visible(timeout=WHOLE_ORDER_MS)
    asked.expect_order("CANCELLED")
    expect(page.get_by_text("not confirmed in time").first).to_be_visible()
