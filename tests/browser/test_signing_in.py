"""Accounts in a real browser: opened, entered, forgotten, and left."""

import re
from typing import Any

from playwright.sync_api import expect

from infra.commands import mail, people
from infra.local import shop
from tests.browser.buyer import Buyer


def tries_to_sign_in(buyer: Buyer, email: str, password: str) -> None:
    buyer.open("/sign-in")
    buyer.page.get_by_test_id("sign-in-email").fill(email)
    buyer.page.get_by_test_id("sign-in-password").fill(password)
    buyer.page.get_by_test_id("sign-in-submit").click()


def mailed(opened: Any, email: str, pattern: str) -> str:
    """What stands there in the last email to this address."""
    sent = [m for m in mail.messages(opened["engine_url"], opened["account"]) if email in m["To"]]
    return re.search(pattern, sent[-1]["BodyText"])[1]


def test_scripts_see_no_token_that_outlives_the_page_and_a_reload_goes_on(buyer: Buyer, opened: Any) -> None:
    page = buyer.page
    tries_to_sign_in(buyer, shop.ADMIN.email, shop.ADMIN.password)
    page.wait_for_url(lambda url: "sign-in" not in url)
    page.reload()
    signed_in = page.get_by_label(f"Your account, signed in as {shop.ADMIN.email}")
    expect(signed_in).to_be_visible()
    kept = page.evaluate("[JSON.stringify(localStorage), JSON.stringify(sessionStorage), document.cookie].join()")
    assert "saga.signed-in" in kept and "eyJ" not in kept
    paths = {"saga_refresh": "/api/session", "saga_admin": "/admin"}
    places = [f"{opened['storefront_url']}{path}" for path in paths.values()]
    found = page.context.cookies(places)
    assert {cookie["name"]: cookie["path"] for cookie in found if cookie["name"] in paths} == paths
    assert all(cookie["httpOnly"] for cookie in found if cookie["name"] in paths)
    page.get_by_role("button", name="Sign out").click()
    expect(signed_in).to_be_hidden()
    assert not {cookie["name"] for cookie in page.context.cookies(places)} & set(paths)


def test_customer_signs_up_by_emailed_code_and_resets_the_password(buyer: Buyer, opened: Any) -> None:
    page = buyer.page
    email, forgotten, new = "new@example.com", "a-new-story-1", "another-story-2"
    buyer.open("/sign-up")
    page.get_by_test_id("sign-up-email").fill(email)
    page.get_by_test_id("sign-up-password").fill(forgotten)
    page.get_by_test_id("sign-up-submit").click()
    page.wait_for_url(lambda url: "confirm" in url)
    page.get_by_test_id("confirm-code").fill(mailed(opened, email, r"code is (\w+)"))
    page.get_by_test_id("confirm-submit").click()
    expect(page.get_by_label(f"Your account, signed in as {email}")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    buyer.open("/sign-in")
    page.get_by_test_id("forgotten-password").click()
    page.get_by_test_id("reset-email").fill(email)
    page.get_by_test_id("reset-submit").click()
    page.get_by_test_id("reset-code").wait_for()
    page.get_by_test_id("reset-code").fill(mailed(opened, email, r"code is (\w+)"))
    page.get_by_test_id("reset-password").fill(new)
    page.get_by_test_id("reset-submit").click()
    page.wait_for_url(lambda url: "sign-in" in url)
    tries_to_sign_in(buyer, email, forgotten)
    expect(page.get_by_role("alert")).to_contain_text("do not match")
    tries_to_sign_in(buyer, email, new)
    page.wait_for_url(lambda url: "sign-in" not in url)


def test_invited_admin_chooses_a_password(buyer: Buyer, opened: Any, engine: Any) -> None:
    page = buyer.page
    email = "boss@example.com"
    people.make_admin(engine.session, opened["stack"], email)
    tries_to_sign_in(buyer, email, mailed(opened, email, r"password (\S+)"))
    page.get_by_test_id("sign-in-new-password").fill("a-password-of-my-own")
    page.get_by_test_id("sign-in-submit").click()
    page.wait_for_url(lambda url: "sign-in" not in url)
    expect(page.get_by_label(f"Your account, signed in as {email}")).to_be_visible()
