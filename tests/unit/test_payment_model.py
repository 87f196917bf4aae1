"""What we know of a payment, brought to what Stripe says, and what is new in that."""

import pytest

from chalicelib.payments.model import Intent, News, Payment, PaymentStatus
from tests.builders import euros

CREATED, AUTHORIZED, DECLINED = PaymentStatus.CREATED, PaymentStatus.AUTHORIZED, PaymentStatus.DECLINED
CAPTURED, VOIDED, REFUNDED = PaymentStatus.CAPTURED, PaymentStatus.VOIDED, PaymentStatus.REFUNDED

BEGUN = {"status": "requires_payment_method"}
REFUSED = BEGUN | {"decline_code": "generic_decline"}
HELD = {"status": "requires_capture", "amount_capturable": 2500}
TAKEN = {"status": "succeeded", "amount_received": 2500}
PARTLY_BACK = TAKEN | {"amount_refunded": 1000}
ALL_BACK = TAKEN | {"amount_refunded": 2500}
LET_GO = {"status": "canceled", "cancellation_reason": "abandoned"}
EXPIRED = {"status": "canceled", "cancellation_reason": "automatic"}
GONE_BY_HAND = {"status": "canceled", "cancellation_reason": None}

LOST = [News.HOLD_LOST]

STATUSES = [
    (CREATED, BEGUN, CREATED, []),
    (CREATED, REFUSED, DECLINED, []),
    (CREATED, HELD, CREATED, []),
    (CREATED, TAKEN, CAPTURED, []),
    (CREATED, ALL_BACK, REFUNDED, []),
    (CREATED, LET_GO, CREATED, []),
    (CREATED, EXPIRED, VOIDED, LOST),
    (AUTHORIZED, HELD, AUTHORIZED, []),
    (AUTHORIZED, TAKEN, CAPTURED, []),
    (AUTHORIZED, PARTLY_BACK, CAPTURED, []),
    (AUTHORIZED, ALL_BACK, REFUNDED, []),
    (AUTHORIZED, LET_GO, VOIDED, []),
    (AUTHORIZED, EXPIRED, VOIDED, LOST),
    (AUTHORIZED, GONE_BY_HAND, VOIDED, LOST),
    (DECLINED, REFUSED, DECLINED, []),
    (DECLINED, EXPIRED, DECLINED, []),
    (DECLINED, LET_GO, DECLINED, []),
    (CAPTURED, TAKEN, CAPTURED, []),
    (CAPTURED, PARTLY_BACK, CAPTURED, []),
    (CAPTURED, ALL_BACK, REFUNDED, []),
    (VOIDED, EXPIRED, VOIDED, []),
    (VOIDED, LET_GO, VOIDED, []),
    (REFUNDED, ALL_BACK, REFUNDED, []),
]


def a_payment(status=CAPTURED, **facts):
    return Payment(order_id="ord_1", status=status, intent_id="pi_1", amount=euros(2500), **facts)


def an_intent(**facts):
    return Intent(id="pi_1", order_id="ord_1", amount=2500, **facts)


def news_between(earlier, later, intent):
    return list(earlier.news_in(later, intent))


@pytest.mark.parametrize(("status", "at_stripe", "then", "news"), STATUSES)
def test_the_status_follows_stripe_and_only_what_we_did_not_do_is_news(status, at_stripe, then, news):
    payment = a_payment(status)

    later = payment.as_at(an_intent(**at_stripe), outside=0)

    assert (later.status, news_between(payment, later, an_intent(**at_stripe))) == (then, news)


@pytest.mark.parametrize(("status", "at_stripe", "then", "news"), STATUSES)
def test_brought_there_twice_there_is_nothing_new(status, at_stripe, then, news):
    later = a_payment(status).as_at(an_intent(**at_stripe), outside=0)

    again = later.as_at(an_intent(**at_stripe), outside=0)

    assert (again, news_between(later, again, an_intent(**at_stripe))) == (later, [])


def test_the_amounts_are_stripes():
    later = a_payment(AUTHORIZED).as_at(an_intent(**PARTLY_BACK), outside=0)

    assert (later.captured, later.refunded, later.refunded_outside) == (2500, 1000, 0)


def test_a_refund_that_we_know_of_is_not_forgotten_by_an_older_look():
    later = a_payment(REFUNDED, captured=2500, refunded=2500).as_at(an_intent(**PARTLY_BACK), outside=0)

    assert (later.status, later.refunded) == (REFUNDED, 2500)


@pytest.mark.parametrize(
    ("known", "now", "news"), [(0, 1000, [News.REFUNDED_OUTSIDE]), (1000, 1000, []), (1000, 1500, ["REFUNDED_OUTSIDE"])]
)
def test_what_others_refunded_is_news_whenever_it_grows(known, now, news):
    payment = a_payment(refunded_outside=known)

    later = payment.as_at(an_intent(**PARTLY_BACK), outside=now)

    assert (later.refunded_outside, news_between(payment, later, an_intent(**PARTLY_BACK))) == (now, news)


@pytest.mark.parametrize(
    ("known", "now", "news"), [(False, True, [News.DISPUTED]), (True, True, []), (True, False, [])]
)
def test_a_dispute_is_news_when_it_begins(known, now, news):
    payment = a_payment(disputed=known)

    later = payment.as_at(an_intent(**TAKEN, disputed=now), outside=0)

    assert (later.disputed, news_between(payment, later, an_intent(**TAKEN))) == (now, news)


def test_news_of_two_refunds_by_others_are_two_facts():
    payment, intent = a_payment(CAPTURED), an_intent(**PARTLY_BACK)
    first, second = payment.as_at(intent, outside=400), payment.as_at(intent, outside=1000)

    assert payment.news_in(first, intent) != first.news_in(second, intent)


def test_two_pieces_of_news_of_one_look_are_two_facts():
    payment, intent = a_payment(CAPTURED), an_intent(**PARTLY_BACK, disputed=True)

    news = payment.news_in(payment.as_at(intent, outside=1000), intent)

    assert set(news) == {News.REFUNDED_OUTSIDE, News.DISPUTED}
    assert len(set(news.values())) == 2


def test_the_first_decline_code_stays():
    payment = a_payment(DECLINED, decline_code="authentication_required")

    assert payment.as_at(an_intent(**REFUSED), outside=0).decline_code == "authentication_required"
    assert a_payment(CREATED).as_at(an_intent(**REFUSED), outside=0).decline_code == "generic_decline"


@pytest.mark.parametrize(
    ("at_stripe", "kept"), [(HELD, 0), (TAKEN, 2500), (PARTLY_BACK, 1500), (ALL_BACK, 0), (LET_GO, 0)]
)
def test_kept_is_what_was_taken_and_not_given_back(at_stripe, kept):
    assert an_intent(**at_stripe).kept == kept
