"""Mismatches between Stripe's payments and the shop's records, and cases that are none."""

import pytest

from chalicelib.payments.model import Payment, PaymentStatus
from chalicelib.payments.provider import Dispute, DisputeStatus, ProviderPayment, ProviderStatus, Refund, RefundStatus
from chalicelib.payments.reconciliation import Claim, Mismatch, MismatchKind, mismatches
from tests.builders import euros

HOLD_NOT_NEEDED, NOT_RECORDED = MismatchKind.HOLD_NOT_NEEDED, MismatchKind.NOT_RECORDED
TOO_MUCH, TOO_LITTLE, OVERDUE = MismatchKind.CHARGED_TOO_MUCH, MismatchKind.CHARGED_TOO_LITTLE, MismatchKind.OVERDUE

BEGUN = {"status": ProviderStatus.CREATED}
REFUSED = {"status": ProviderStatus.DECLINED, "decline_code": "generic_decline"}
HELD = {"status": ProviderStatus.AUTHORIZED, "held": 2500}
TAKEN = {"status": ProviderStatus.CAPTURED, "captured": 2500}
FAILED = (Refund("re_1", 2500, "ord_1:ret_1", RefundStatus.FAILED),)
OUTSIDE = (Refund("re_1", 1000),)
BACK = (Refund("re_1", 1000, "ord_1:ret_1"),)
WHOLE = (Refund("re_1", 2500, "ord_1:ret_1"),)
PARTLY_BACK = TAKEN | {"refunds": BACK}
ALL_BACK = TAKEN | {"refunds": WHOLE}
DISPUTED = {"disputes": (Dispute("dp_1", 2500, DisputeStatus.OPEN),)}
LOST = {"disputes": (Dispute("dp_1", 2500, DisputeStatus.LOST),)}
GONE = {"status": ProviderStatus.CANCELLED}

SOLD = {"owed": 2500, "captured": 2500}
CALLED_OFF = {"owed": 0}
UNDER_WAY = {"owed": 2500, "is_settled": False}
PARTLY_RETURNED = {"owed": 1500, "captured": 2500, "refunded": 1000, "refunds": BACK}
RETURNED = {"owed": 0, "captured": 2500, "refunded": 2500, "refunds": WHOLE}


def an_intent(number=1, order_id="ord_1", **facts):
    return ProviderPayment(id=f"pi_{number}", order_id=order_id, amount=2500, **facts)


def a_claim(owed, *, is_settled=True, is_overdue=False, intent_id="pi_1", status=None, **paid):
    """Its status follows from the amounts, unless a test is about the status."""
    fitting = status or status_with(owed, paid.get("captured", 0), paid.get("refunded", 0))
    payment = Payment(order_id="ord_1", status=fitting, intent_id=intent_id, amount=euros(2500), **paid)
    return Claim("ord_1", owed, is_settled, is_overdue, payment)


def status_with(owed, captured, refunded):
    if captured:
        return PaymentStatus.CAPTURED if captured > refunded else PaymentStatus.REFUNDED
    return PaymentStatus.AUTHORIZED if owed else PaymentStatus.VOIDED


def found(intents, *claims):
    return [difference for difference, _ in mismatches(intents, {claim.order_id: claim for claim in claims})]


def seen(intents, *claims):
    """(kind, expected, found) of each."""
    return [(each.kind, each.expected, each.found) for each in found(intents, *claims)]


@pytest.mark.parametrize(
    ("at_stripe", "believed"),
    [
        (TAKEN, SOLD),
        (PARTLY_BACK, PARTLY_RETURNED),
        (ALL_BACK, RETURNED),
        (GONE, CALLED_OFF),
        (BEGUN, CALLED_OFF),
        (ALL_BACK, CALLED_OFF | {"captured": 2500, "refunded": 2500, "refunds": WHOLE}),
        (TAKEN | DISPUTED, SOLD | DISPUTED | {"disputed": True, "withdrawn": 2500}),
        (TAKEN | LOST, SOLD | LOST | {"lost": 2500, "status": PaymentStatus.CHARGED_BACK}),
        (TAKEN | LOST, RETURNED | LOST | {"refunded": 0, "refunds": (), "lost": 2500, "status": "CHARGED_BACK"}),
    ],
)
def test_books_that_agree_have_no_difference(at_stripe, believed):
    assert seen([an_intent(**at_stripe)], a_claim(**believed)) == []


@pytest.mark.parametrize(
    ("at_stripe", "believed", "expected"),
    [
        (HELD, CALLED_OFF, [(HOLD_NOT_NEEDED, 0, 2500)]),
        (TAKEN, CALLED_OFF | {"captured": 2500}, [(TOO_MUCH, 0, 2500)]),
        (TAKEN, CALLED_OFF, [(TOO_MUCH, 0, 2500), (NOT_RECORDED, 0, 2500)]),
        (TAKEN, PARTLY_RETURNED, [(TOO_MUCH, 1500, 2500), (NOT_RECORDED, 1500, 2500)]),
        (TAKEN, RETURNED, [(TOO_MUCH, 0, 2500), (NOT_RECORDED, 0, 2500)]),
        (GONE, SOLD, [(TOO_LITTLE, 2500, 0), (NOT_RECORDED, 2500, 0)]),
        (PARTLY_BACK, SOLD | {"refunded": 1000, "refunds": BACK}, [(TOO_LITTLE, 2500, 1500)]),
        (TAKEN, {"owed": 2500}, [(NOT_RECORDED, 0, 2500)]),
        (TAKEN | DISPUTED, SOLD, [(NOT_RECORDED, 2500, 2500)]),
        (TAKEN | LOST, SOLD, [(NOT_RECORDED, 2500, 0)]),
        (TAKEN | {"refunds": FAILED}, RETURNED, [(NOT_RECORDED, 0, 2500)]),
        (
            HELD,
            {"owed": 2500},
            [(HOLD_NOT_NEEDED, 0, 2500), (TOO_LITTLE, 2500, 0)],
        ),
    ],
)
def test_ended_order_keeps_exactly_the_owed_amount(at_stripe, believed, expected):
    assert seen([an_intent(**at_stripe)], a_claim(**believed)) == expected


@pytest.mark.parametrize(
    ("at_stripe", "believed"),
    [
        (GONE, CALLED_OFF | {"status": PaymentStatus.AUTHORIZED}),
        (GONE | {"cancelled_by_shop": True}, CALLED_OFF | {"status": PaymentStatus.AUTHORIZED}),
        (GONE, CALLED_OFF | {"status": PaymentStatus.CREATED}),
        (
            {"status": ProviderStatus.DECLINED, "decline_code": "generic_decline"},
            CALLED_OFF | {"status": PaymentStatus.CREATED},
        ),
        (ALL_BACK, CALLED_OFF | {"captured": 2500, "refunded": 2500, "status": PaymentStatus.CAPTURED}),
        (TAKEN | DISPUTED, SOLD),
        (TAKEN, SOLD | {"disputed": True}),
    ],
)
def test_record_with_the_right_amounts_may_still_be_outdated(at_stripe, believed):
    assert [kind for kind, *_ in seen([an_intent(**at_stripe)], a_claim(**believed))] == [NOT_RECORDED]


@pytest.mark.parametrize("at_stripe", [BEGUN, HELD, TAKEN, PARTLY_BACK, ALL_BACK, GONE])
def test_order_under_way_has_no_difference(at_stripe):
    assert seen([an_intent(**at_stripe)], a_claim(**UNDER_WAY)) == []


@pytest.mark.parametrize("untold", [DISPUTED, LOST, {"refunds": OUTSIDE}, {"refunds": FAILED}])
def test_order_under_way_still_hears_what_happened_at_stripe(untold):
    """Else a return would wait for ever for a dispute that has ended."""
    assert [kind for kind, *_ in seen([an_intent(**TAKEN | untold)], a_claim(**UNDER_WAY))] == [NOT_RECORDED]


def test_order_under_way_without_a_payment_has_no_difference():
    assert seen([], a_claim(**UNDER_WAY)) == []


@pytest.mark.parametrize(
    ("refunds", "believed"),
    [
        ((Refund("re_1", 1000),), SOLD | {"refunded": 1000}),
        ((Refund("re_1", 2500),), SOLD | {"refunded": 2500, "status": PaymentStatus.REFUNDED}),
        ((Refund("re_2", 1500, "ord_1:ret_1"), Refund("re_1", 1000)), RETURNED),
        ((Refund("re_2", 1500, "ord_1:ret_1"), Refund("re_1", 1000)), RETURNED | {"owed": 1000}),
    ],
)
def test_refund_made_on_purpose_is_not_missing(refunds, believed):
    outside = refunds[-1].amount
    claim = a_claim(**believed | {"refunds": refunds, "refunded_outside": outside})

    assert seen([an_intent(**TAKEN, refunds=refunds)], claim) == []


def test_unknown_refund_at_stripe_is_recorded():
    assert seen([an_intent(**TAKEN, refunds=OUTSIDE)], a_claim(**SOLD)) == [(NOT_RECORDED, 2500, 1500)]


def test_refund_outside_stays_to_be_recorded_although_a_return_followed():
    """The amounts agree; only the order has no event about it."""
    refunds = (Refund("re_2", 1500, "ord_1:ret_1"), *OUTSIDE)
    claim = a_claim(owed=0, captured=2500, refunded=2500, refunds=refunds[:1])

    assert seen([an_intent(**TAKEN, refunds=refunds)], claim) == [(NOT_RECORDED, 0, 0)]


def test_delivered_order_that_stripe_does_not_know_is_not_paid():
    assert found([], a_claim(**SOLD)) == [Mismatch(TOO_LITTLE, "ord_1", None, expected=2500)]


@pytest.mark.parametrize("believed", [CALLED_OFF, RETURNED])
def test_free_order_needs_no_payment_at_stripe(believed):
    assert found([], a_claim(**believed)) == []


@pytest.mark.parametrize("is_settled", [True, False])
def test_order_that_should_have_ended_is_overdue(is_settled):
    claim = a_claim(2500, is_settled=is_settled, is_overdue=True, captured=2500)

    assert found([an_intent(**TAKEN)], claim) == [Mismatch(OVERDUE, "ord_1", None)]


class TestStrangers:
    @pytest.mark.parametrize("order_id", [None, "ord_unknown"])
    @pytest.mark.parametrize(
        ("at_stripe", "expected"),
        [
            (BEGUN, []),
            (GONE, []),
            (ALL_BACK, []),
            (HELD, [(HOLD_NOT_NEEDED, 0, 2500)]),
            (TAKEN, [(TOO_MUCH, 0, 2500)]),
            (PARTLY_BACK, [(TOO_MUCH, 0, 1500)]),
        ],
    )
    def test_stranger_may_keep_nothing(self, order_id, at_stripe, expected):
        assert seen([an_intent(order_id=order_id, **at_stripe)]) == expected

    def test_payment_without_an_order_is_a_difference(self):
        assert found([an_intent(order_id=None, **TAKEN)]) == [Mismatch(TOO_MUCH, None, "pi_1", found=2500)]

    @pytest.mark.parametrize("believed", [SOLD, UNDER_WAY])
    def test_second_payments_of_an_order_are_differences(self, believed):
        intents = [an_intent(2, **HELD), an_intent(1, **TAKEN)]

        assert found(intents, a_claim(**believed)) == [Mismatch(HOLD_NOT_NEEDED, "ord_1", "pi_2", found=2500)]

    @pytest.mark.parametrize("payment", [None, Payment(order_id="ord_1", status=PaymentStatus.VOIDED)])
    def test_unrecorded_payments_are_differences(self, payment):
        claim = Claim("ord_1", 0, True, False, payment)

        assert found([an_intent(**HELD)], claim) == [Mismatch(HOLD_NOT_NEEDED, "ord_1", "pi_1", found=2500)]


class TestDifference:
    def test_mismatch_comes_with_the_payment_that_it_is_about(self):
        intent = an_intent(**HELD)

        [(difference, about)] = mismatches([intent], {"ord_1": a_claim(**CALLED_OFF)})

        assert (difference.payment_id, about) == ("pi_1", intent)

    def test_mismatch_is_the_same_when_it_is_found_again_and_another_when_it_has_grown(self):
        first, again, grown = (Mismatch(TOO_MUCH, "ord_1", "pi_1", 0, amount) for amount in (100, 100, 200))

        assert first.id == again.id != grown.id

    @pytest.mark.parametrize("kind", list(MismatchKind))
    def test_mismatch_is_repaired_with_money_only_where_money_is_not_ours(self, kind):
        assert Mismatch(kind, "ord_1", "pi_1").is_repairable == (kind in (HOLD_NOT_NEEDED, TOO_MUCH))
