"""Search: suggestions appear while the visitor types."""

from playwright.sync_api import expect

from tests.browser.buyer import Buyer


def test_search_shows_results_while_typing(buyer: Buyer) -> None:
    page = buyer.page
    buyer.open("/cart")
    page.keyboard.press("/")
    line, options = page.get_by_test_id("search-input"), page.get_by_test_id("search-option")
    expect(line).to_be_focused()
    line.press_sequentially("brass")
    expect(options.first).to_contain_text("Brass Pocket Torch")
    expect(page.locator("search-box [role=status]")).to_contain_text("things found")
    line.press("ArrowDown")
    line.press("ArrowDown")
    chosen = options.nth(1)
    expect(chosen).to_have_attribute("aria-selected", "true")
    expect(line).to_have_attribute("aria-activedescendant", chosen.get_attribute("id") or "")
    expect(line).to_be_focused()
    name = chosen.locator(".finder-name").inner_text()
    line.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(name)


def test_enter_without_a_choice_leads_to_all_that_was_found(buyer: Buyer) -> None:
    page = buyer.page
    buyer.open("/cart")
    page.get_by_test_id("open-search").click()
    page.get_by_test_id("search-input").fill("wool")
    page.get_by_test_id("search-input").press("Enter")
    expect(page.get_by_test_id("product-card").filter(has_text="Yoke Sweater")).to_be_visible()
    assert page.url.endswith("/search?q=wool")


def test_empty_search_result_and_offline_show_different_texts(buyer: Buyer) -> None:
    page = buyer.page
    buyer.open("/cart")
    page.get_by_test_id("open-search").click()
    line = page.get_by_test_id("search-input")
    line.fill("submarine")
    expect(page.locator(".finder-note")).to_contain_text("Nothing called “submarine”")
    page.route("**/api/products?*", lambda route: route.abort())
    line.fill("kettle")
    expect(page.locator(".finder-note")).to_contain_text("cannot reach the shelves")
    page.unroute("**/api/products?*")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_test_id("search-option")).to_have_count(1)
    line.press("Escape")
    expect(page.locator("dialog.finder")).not_to_be_visible()
    expect(page.get_by_test_id("open-search")).to_be_focused()


def test_order_and_prices_of_a_list_stay_in_its_address(buyer: Buyer) -> None:
    page = buyer.page
    cards = page.get_by_test_id("product-card")
    buyer.open("/search?q=lantrn")
    page.get_by_role("link", name="lantern", exact=True).click()
    expect(cards.filter(has_text="Stormproof Lantern")).to_be_visible()
    page.get_by_role("searchbox").fill("steel")
    page.get_by_label("Sort by").select_option("Price, high to low")
    expect(cards.first).to_contain_text("Late Chapter Reading Lamp")
    page.get_by_label("Price to").fill("80")
    page.get_by_label("Price to").press("Enter")
    expect(cards.first).to_contain_text("Slow Morning Coffee Mill")
    assert page.url.endswith("/search?q=steel&sort=price_desc&max_price=8000")
    page.reload()
    expect(cards.first).to_contain_text("Slow Morning Coffee Mill")
    page.get_by_label("Price from").fill("90")
    page.get_by_label("Price from").press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("below the lowest price")
