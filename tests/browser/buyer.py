"""Page object: the actions of a buyer on the storefront's pages."""

from playwright.sync_api import Page, expect

from infra.local import shop

PATIENCE_MS = 40_000
WHOLE_ORDER_MS = 120_000
"""Time from the checkout to the end of the saga on a busy machine."""
WIDTHS = (320, 390, 1280)
"""Window widths in CSS pixels at which no page may scroll sideways; 320 is that of WCAG 1.4.10, Reflow."""
PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1440, "height": 900}
ADDRESS = {
    "email": "ida@example.com",
    "name": "Ida Sand",
    "line1": "Havnegata 1",
    "city": "Oslo",
    "postal-code": "0150",
}
SIGN_IN = """async (person) => {
  localStorage.setItem('saga.signed-in', 'true');
  const headers = { 'Content-Type': 'application/json', 'X-Session-Request': '1' };
  return (await fetch('/api/session', { method: 'POST', headers, body: JSON.stringify(person) })).json();
}"""


class Buyer:
    """A buyer at one page of one browser."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self._address = address

    def open(self, path: str) -> None:
        self.page.goto(f"{self._address}{path}")

    def expect_visible(self, test_id: str) -> None:
        expect(self.page.get_by_test_id(test_id).first).to_be_visible()

    def expect_no_sideways_scroll(self, where: str) -> None:
        for width in WIDTHS:
            self.page.set_viewport_size({"width": width, "height": 900})
            wide, room = self.page.evaluate(
                "(({ scrollWidth, clientWidth }) => [scrollWidth, clientWidth])(document.documentElement)"
            )
            assert wide <= room, f"{where} is {wide} wide at {width}"

    def add_to_cart(self, sku: str) -> None:
        """Add one unit to the cart and wait until the cart shows it."""
        self.open(f"/products/{sku}")
        self.add_shown_to_cart()

    def add_shown_to_cart(self) -> None:
        """Add one unit of the product whose page is open."""
        self.page.get_by_test_id("add-to-cart").click()
        expect(self.page.get_by_test_id("go-to-checkout")).to_be_visible()

    def check_out(self, card: str = "pm_card_visa", line2: str = "") -> None:
        self.open("/checkout")
        self.fill_in(card, line2)
        self.page.get_by_test_id("place-order").click()

    def fill_in(self, card: str | None, line2: str = "") -> None:
        self.page.get_by_test_id("checkout-country").select_option("NO")
        for field, value in {**ADDRESS, "line2": line2}.items():
            self.page.get_by_test_id(f"checkout-{field}").fill(value)
        if card:
            self.choose_card(card)

    def choose_card(self, card: str) -> None:
        """Click the label: the radio button under it is invisible, and a forced click does not wait for the layout."""
        radio = self.page.get_by_test_id(f"card-{card}")
        self.page.locator("label", has=radio).click()
        expect(radio).to_be_checked()

    def expect_order(self, status: str) -> None:
        shown = self.page.get_by_test_id("order-status")
        expect(shown).to_have_attribute("data-status", status, timeout=WHOLE_ORDER_MS)

    def sign_in_by_form(self, email: str, password: str) -> None:
        self.open("/sign-in")
        self.page.get_by_test_id("sign-in-email").fill(email)
        self.page.get_by_test_id("sign-in-password").fill(password)
        self.page.get_by_test_id("sign-in-submit").click()
        self.page.wait_for_url(lambda url: "sign-in" not in url)

    def sign_in(self, person: shop.Person) -> str:
        """Sign in without the page. Return the id token."""
        self.open("/offline.html")
        return self.page.evaluate(SIGN_IN, {"email": person.email, "password": person.password})["id_token"]

    @property
    def order_id(self) -> str:
        return self.page.url.rstrip("/").rsplit("/", 1)[-1]
