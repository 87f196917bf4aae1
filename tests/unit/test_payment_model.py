"""What we know of a payment, brought to what Stripe says, and what is new in that."""

import pytest

from chalicelib.payments.model import Payment, PaymentStatus, Shortfall, UpdateKind
from chalicelib.payments.provider import Dispute, DisputeStatus, ProviderPayment, ProviderStatus, Refund, RefundStatus
from chalicelib.payments.refunds import shortfall_of
from tests.builders import euros

CREATED, AUTHORIZED, DECLINED = PaymentStatus.CREATED, PaymentStatus.AUTHORIZED, PaymentStatus.DECLINED
CAPTURED, VOIDED, REFUNDED = PaymentStatus.CAPTURED, PaymentStatus.VOIDED, PaymentStatus.REFUNDED
CHARGED_BACK = PaymentStatus.CHARGED_BACK


def ours(amount, number=1, reference="ord_1:ret_1", status=RefundStatus.SUCCEEDED):
    return Refund(f"re_{number}", amount, reference, status)


def theirs(amount, number=1, status=RefundStatus.SUCCEEDED):
    return Refund(f"re_{number}", amount, None, status)


def disputed(status=DisputeStatus.OPEN, amount=2500):
    return {"disputes": (Dispute("dp_1", amount, status),)}


BEGUN = {"status": ProviderStatus.CREATED}
REFUSED = {"status": ProviderStatus.DECLINED, "decline_code": "generic_decline"}
HELD = {"status": ProviderStatus.AUTHORIZED, "held": 2500}
TAKEN = {"status": ProviderStatus.CAPTURED, "captured": 2500}
PARTLY_BACK = TAKEN | {"refunds": (ours(1000),)}
ALL_BACK = TAKEN | {"refunds": (ours(2500),)}
RELEASED = {"status": ProviderStatus.CANCELLED, "cancelled_by_shop": True}
EXPIRED = {"status": ProviderStatus.CANCELLED}

INQUIRED = disputed(DisputeStatus.WITHDRAWN)

LOST = [UpdateKind.HOLD_LOST]

STATUSES = [
    (CREATED, BEGUN, CREATED, []),
    (CREATED, REFUSED, DECLINED, []),
    (CREATED, HELD, CREATED, []),
    (CREATED, TAKEN, CAPTURED, []),
    (CREATED, ALL_BACK, REFUNDED, []),
    (CREATED, RELEASED, CREATED, []),
    (CREATED, EXPIRED, VOIDED, LOST),
    (AUTHORIZED, HELD, AUTHORIZED, []),
    (AUTHORIZED, TAKEN, CAPTURED, []),
    (AUTHORIZED, PARTLY_BACK, CAPTURED, []),
    (AUTHORIZED, ALL_BACK, REFUNDED, []),
    (AUTHORIZED, RELEASED, VOIDED, []),
    (AUTHORIZED, EXPIRED, VOIDED, LOST),
    (DECLINED, REFUSED, DECLINED, []),
    (DECLINED, EXPIRED, DECLINED, []),
    (DECLINED, RELEASED, DECLINED, []),
    (CAPTURED, TAKEN, CAPTURED, []),
    (CAPTURED, PARTLY_BACK, CAPTURED, []),
    (CAPTURED, ALL_BACK, REFUNDED, []),
    (VOIDED, EXPIRED, VOIDED, []),
    (VOIDED, RELEASED, VOIDED, []),
    (REFUNDED, ALL_BACK, REFUNDED, []),
    (CAPTURED, TAKEN | disputed(), CAPTURED, [UpdateKind.DISPUTED]),
    (CAPTURED, TAKEN | disputed(DisputeStatus.WON), CAPTURED, [UpdateKind.DISPUTED, UpdateKind.DISPUTE_WON]),
    (CAPTURED, TAKEN | disputed(DisputeStatus.LOST), CHARGED_BACK, [UpdateKind.DISPUTED, UpdateKind.DISPUTE_LOST]),
    (CAPTURED, TAKEN | disputed(DisputeStatus.LOST, 1000), CAPTURED, [UpdateKind.DISPUTED, UpdateKind.DISPUTE_LOST]),
    (
        CAPTURED,
        TAKEN | disputed(DisputeStatus.WITHDRAWN),
        CAPTURED,
        [UpdateKind.DISPUTED, UpdateKind.DISPUTE_WITHDRAWN],
    ),
    (CHARGED_BACK, TAKEN | disputed(DisputeStatus.WON), CAPTURED, [UpdateKind.DISPUTED, UpdateKind.DISPUTE_WON]),
    (REFUNDED, TAKEN | {"refunds": (ours(2500, status=RefundStatus.FAILED),)}, CAPTURED, [UpdateKind.REFUND_FAILED]),
]


def a_payment(status=CAPTURED, **facts):
    return Payment(order_id="ord_1", status=status, intent_id="pi_1", amount=euros(2500), **facts)


def an_intent(**facts):
    return ProviderPayment(id="pi_1", order_id="ord_1", amount=2500, **facts)


def updates_between(earlier, later, intent):
    return [update.kind for update in earlier.updates_to(later, intent)]


def updates(earlier, intent):
    return [
        (update.kind, update.reference, update.amount) for update in earlier.updates_to(earlier.as_at(intent), intent)
    ]


@pytest.mark.parametrize(("status", "at_stripe", "then", "update"), STATUSES)
def test_status_follows_stripe_and_only_foreign_changes_are_updates(status, at_stripe, then, update):
    payment = a_payment(status)

    later = payment.as_at(an_intent(**at_stripe))

    assert (later.status, updates_between(payment, later, an_intent(**at_stripe))) == (then, update)


@pytest.mark.parametrize(("status", "at_stripe", "then", "update"), STATUSES)
def test_brought_there_twice_there_is_nothing_new(status, at_stripe, then, update):
    later = a_payment(status).as_at(an_intent(**at_stripe))

    again = later.as_at(an_intent(**at_stripe))

    assert (again, updates_between(later, again, an_intent(**at_stripe))) == (later, [])


def test_payment_has_the_amounts_of_stripe():
    later = a_payment(AUTHORIZED).as_at(an_intent(**PARTLY_BACK))

    assert (later.captured, later.refunded, later.refunded_outside) == (2500, 1000, 0)


def test_amounts_follow_disputes_through_their_states():
    at = {
        status: a_payment().as_at(an_intent(**TAKEN | disputed(status, 1000)))
        for status in (DisputeStatus.OPEN, DisputeStatus.INQUIRY, DisputeStatus.WON, DisputeStatus.LOST)
    }

    assert {status: (later.withdrawn, later.lost, later.kept, later.disputed) for status, later in at.items()} == {
        DisputeStatus.OPEN: (1000, 0, 2500, True),
        DisputeStatus.INQUIRY: (0, 0, 2500, True),
        DisputeStatus.WON: (0, 0, 2500, False),
        DisputeStatus.LOST: (0, 1000, 1500, False),
    }


def test_refund_by_others_is_one_update_for_each_refund():
    first, second = theirs(400, 1), theirs(600, 2)
    known = a_payment(refunds=(first,), refunded_outside=400)
    intent = an_intent(**TAKEN, refunds=(second, first))

    assert updates(a_payment(), intent) == [("REFUNDED_OUTSIDE", "re_1", 400), ("REFUNDED_OUTSIDE", "re_2", 600)]
    assert updates(known, intent) == [("REFUNDED_OUTSIDE", "re_2", 600)]
    assert updates(known.as_at(intent), intent) == []


def test_refund_by_others_in_an_older_record_is_no_update():
    assert updates(a_payment(refunded_outside=400), an_intent(**TAKEN, refunds=(theirs(400),))) == []
    assert updates(a_payment(disputed=True), an_intent(**TAKEN | disputed())) == []


@pytest.mark.parametrize("status", [RefundStatus.FAILED, RefundStatus.CANCELLED])
def test_refund_that_fails_later_is_kept_again_and_one_update(status):
    known = a_payment(REFUNDED, captured=2500, refunded=2500, refunds=(ours(2500),))
    intent = an_intent(**TAKEN, refunds=(ours(2500, status=status),))

    later = known.as_at(intent)

    assert updates(known, intent) == [("REFUND_FAILED", "re_1", 2500)]
    assert (later.status, later.refunded, later.kept) == (CAPTURED, 0, 2500)
    assert updates(later, intent) == []


def test_failed_refund_by_others_is_an_update_only_if_it_was_one_before():
    intent = an_intent(**TAKEN, refunds=(theirs(400, status=RefundStatus.FAILED),))

    assert updates(a_payment(), intent) == []
    assert updates(a_payment(refunds=(theirs(400),), refunded_outside=400), intent) == [("REFUND_FAILED", "re_1", 400)]


def test_retried_refund_is_an_update_after_the_failure():
    intent = an_intent(**TAKEN, refunds=(ours(2500, 2), ours(2500, 1, status=RefundStatus.FAILED)))

    assert updates(a_payment(), intent) == [("REFUND_FAILED", "re_1", 2500), ("REFUND_RETRIED", "re_2", 2500)]


def test_own_refunds_are_recorded_without_hiding_other_updates():
    """A return follows a refund at Stripe whose event was lost."""
    refunds = (ours(500, 4), ours(300, 3, status=RefundStatus.FAILED), theirs(400, 2), ours(600, 1, "ord_1:ret_2"))
    intent = an_intent(**TAKEN, refunds=refunds)

    noted = a_payment().with_our_refunds(intent)

    assert (noted.refunded, noted.refunded_outside, noted.refunds) == (1500, 0, (refunds[3],))
    assert updates(noted, intent) == [
        ("REFUNDED_OUTSIDE", "re_2", 400),
        ("REFUND_FAILED", "re_3", 300),
        ("REFUND_RETRIED", "re_4", 500),
    ]


@pytest.mark.parametrize(
    ("reference", "return_id"), [("ord_1:ret_1", "ret_1"), ("ord_1:refund", None), ("pi_1:surplus", None)]
)
def test_failed_refund_names_its_return(reference, return_id):
    intent = an_intent(**TAKEN, refunds=(ours(2500, 1, reference, RefundStatus.FAILED),))

    [update] = a_payment().updates_to(a_payment().as_at(intent), intent)

    assert update.return_id == return_id


def test_dispute_is_an_update_at_its_begin_and_at_its_end():
    open_one, lost = an_intent(**TAKEN | disputed()), an_intent(**TAKEN | disputed(DisputeStatus.LOST))
    known = a_payment().as_at(open_one)

    assert updates(a_payment(), open_one) == [("DISPUTED", "dp_1", 2500)]
    assert updates(known, open_one) == []
    assert updates(known, lost) == [("DISPUTE_LOST", "dp_1", 2500)]
    assert updates(known.as_at(lost), lost) == []


def test_updates_of_one_look_are_different_facts():
    intent = an_intent(**TAKEN | disputed(DisputeStatus.WON), refunds=(theirs(400, 2), theirs(400, 1)))

    facts = [update.fact for update in a_payment().updates_to(a_payment().as_at(intent), intent)]

    assert len(facts) == len(set(facts)) == 4


@pytest.mark.parametrize(
    ("at_stripe", "why"),
    [
        (TAKEN | {"refunds": (theirs(1000),)}, Shortfall.REFUNDED_BEFORE),
        (TAKEN | {"captured": 1000}, Shortfall.CAPTURED_LESS),
        (TAKEN | disputed(DisputeStatus.LOST), Shortfall.DISPUTE_LOST),
        (PARTLY_BACK, Shortfall.REFUNDED_BEFORE),
    ],
)
def test_shortfall_names_what_was_taken_before(at_stripe, why):
    assert shortfall_of(an_intent(**at_stripe)) == why


def test_first_decline_code_stays():
    payment = a_payment(DECLINED, decline_code="authentication_required")

    assert payment.as_at(an_intent(**REFUSED)).decline_code == "authentication_required"
    assert a_payment(CREATED).as_at(an_intent(**REFUSED)).decline_code == "generic_decline"


@pytest.mark.parametrize(
    ("at_stripe", "kept"), [(HELD, 0), (TAKEN, 2500), (PARTLY_BACK, 1500), (ALL_BACK, 0), (RELEASED, 0)]
)
def test_kept_is_what_was_taken_and_not_given_back(at_stripe, kept):
    assert an_intent(**at_stripe).kept == kept


def test_record_of_an_earlier_version_is_read_and_brought_up_to_date():
    stored = a_payment(**disputed(DisputeStatus.LOST), refunds=(ours(1),)).model_dump()
    stored["disputes"][0]["status"], stored["refunds"][0]["status"] = "needs_response", "requires_action"

    read = Payment.model_validate(stored)

    assert (read.disputes[0].status, read.refunds[0].status) == (DisputeStatus.OPEN, RefundStatus.PENDING)
    won = an_intent(**TAKEN | disputed(DisputeStatus.WON), refunds=(ours(1),))
    assert updates(read, won) == [(UpdateKind.DISPUTE_WON, "dp_1", 2500)]
