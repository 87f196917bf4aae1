"""Keyboard: a purchase without a mouse, from the front page to the order."""

from playwright.sync_api import Page, expect

from tests.browser.buyer import ADDRESS, Buyer

MANY_TABS = 80

IS_SEEN = """[document.activeElement, document.activeElement.closest('label')].some((element) => {
  const style = element && getComputedStyle(element);
  return style && style.outlineStyle !== 'none' && style.outlineWidth !== '0px';
})"""


def test_purchase_succeeds_by_keyboard_alone(buyer: Buyer) -> None:
    page = buyer.page
    keys = page.keyboard
    buyer.open("/")
    expect(page.get_by_test_id("product-card").first).to_be_visible()

    _tab_to(page, "open-search")
    keys.press("Enter")
    keys.type("kettle")
    expect(page.get_by_test_id("search-option")).to_have_count(1)
    keys.press("ArrowDown")
    keys.press("Enter")

    expect(page.get_by_role("heading", level=1)).to_have_text("Fjord Camp Kettle")
    _tab_to(page, "add-to-cart")
    keys.press("Enter")
    expect(page.locator("#drawer-title")).to_be_focused()
    _tab_to(page, "go-to-checkout")
    keys.press("Enter")

    expect(page.get_by_role("heading", level=1)).to_have_text("Checkout")
    for field in ("email", "country", "name", "line1", "postal-code", "city"):
        _tab_to(page, f"checkout-{field}")
        keys.type(ADDRESS.get(field, "Norway"))
    _tab_to(page, "card-pm_card_visa")
    keys.press("ArrowRight")
    expect(page.get_by_test_id("card-pm_card_mastercard")).to_be_checked()
    _tab_to(page, "place-order")
    keys.press("Enter")
    buyer.expect_order("COMPLETED")


def test_first_tab_skips_the_page_header(buyer: Buyer) -> None:
    buyer.open("/")
    buyer.page.get_by_test_id("product-card").first.wait_for()
    buyer.page.keyboard.press("Tab")
    expect(buyer.page.get_by_role("link", name="Skip to the goods")).to_be_focused()
    buyer.page.keyboard.press("Enter")
    expect(buyer.page.locator("main")).to_be_focused()


def _tab_to(page: Page, test_id: str) -> None:
    """Press Tab until the element has the focus, and check that the focus is visible."""
    for _ in range(MANY_TABS):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.dataset.testid") == test_id:
            assert page.evaluate(IS_SEEN), f"nothing shows that {test_id} has the focus"
            return
    raise AssertionError(f"Tab never came to {test_id}")
