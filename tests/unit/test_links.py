"""A signed link opens one thing for one use, until it expires, under the current and the previous key."""

from datetime import timedelta

import jwt
import pytest

from chalicelib.platform.links import LinkExpired, LinkInvalid, Links, is_link
from chalicelib.platform.log import redact
from tests.builders import TestClock

CURRENT, PREVIOUS, OLDER = "c" * 48, "p" * 48, "o" * 48
MONTH = timedelta(days=30)


class Keys:
    """What the parameter store holds; a cached copy may be older."""

    def __init__(self, cached, stored=None):
        self.cached, self.stored = cached, stored or cached

    def __call__(self):
        return self.cached

    def refreshed(self):
        self.cached = self.stored
        return self.cached


@pytest.fixture
def clock():
    return TestClock()


def links_with(keys, clock, stored=None):
    return Links(Keys(keys, stored), clock)


def test_link_opens_its_subject_until_it_expires(clock):
    links = links_with(CURRENT, clock)
    token = links.sign("order", "ord_1", MONTH)
    assert is_link(token)
    assert links.subject("order", token) == "ord_1"

    clock.passes(days=30)
    with pytest.raises(LinkExpired):
        links.subject("order", token)


def test_link_opens_no_other_use(clock):
    links = links_with(CURRENT, clock)

    with pytest.raises(LinkInvalid):
        links.subject("unsubscribe", links.sign("order", "ord_1", MONTH))


def test_link_of_the_previous_key_opens_and_older_ones_do_not(clock):
    now = links_with(f"{CURRENT} {PREVIOUS}", clock)
    assert now.subject("order", links_with(PREVIOUS, clock).sign("order", "ord_1", MONTH)) == "ord_1"

    with pytest.raises(LinkInvalid):
        now.subject("order", links_with(OLDER, clock).sign("order", "ord_1", MONTH))


def test_keys_that_were_just_rotated_are_read_again_before_a_link_is_refused(clock):
    behind = links_with(PREVIOUS, clock, stored=f"{CURRENT} {PREVIOUS}")

    assert behind.subject("order", links_with(CURRENT, clock).sign("order", "ord_1", MONTH)) == "ord_1"


@pytest.mark.parametrize(
    "claims",
    [{"sub": "ord_1", "aud": "order"}, {"exp": 9999999999, "aud": "order"}, {"sub": "ord_1", "exp": 9999999999}],
)
def test_link_without_a_claim_opens_nothing(clock, claims):
    with pytest.raises(LinkInvalid):
        links_with(CURRENT, clock).subject("order", "link_" + jwt.encode(claims, CURRENT, algorithm="HS256"))


@pytest.mark.parametrize("forged", ["link_", "link_a.b.c", "link_\u00fc.b.c", "link_eyJhbGciOiJub25lIn0.e30."])
def test_forged_link_opens_nothing(clock, forged):
    with pytest.raises(LinkInvalid):
        links_with(CURRENT, clock).subject("order", forged)


def test_unsigned_link_opens_nothing(clock):
    unsigned = jwt.encode({"sub": "ord_1", "aud": "order", "exp": 9999999999}, None, algorithm="none")

    with pytest.raises(LinkInvalid):
        links_with(CURRENT, clock).subject("order", "link_" + unsigned)


def test_fingerprint_needs_the_key(clock):
    links = links_with(f"{CURRENT} {PREVIOUS}", clock)
    fingerprint = links.fingerprint("ada@example.com")

    assert links.is_fingerprint(fingerprint, "ada@example.com")
    assert links.is_fingerprint(links_with(PREVIOUS, clock).fingerprint("ada@example.com"), "ada@example.com")
    assert not links.is_fingerprint(fingerprint, "bob@example.com")
    assert fingerprint != links_with(OLDER, clock).fingerprint("ada@example.com")


def test_link_in_a_log_line_is_redacted(clock):
    token = links_with(CURRENT, clock).sign("order", "ord_1", MONTH)

    assert token.split(".")[1] not in redact(f"https://shop.example/orders/ord_1#link={token}")
