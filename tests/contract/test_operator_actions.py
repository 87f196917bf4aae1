"""Operator actions: each once per key, in one transaction with its audit entry."""

import pytest

from chalicelib.notifications.model import Occasion
from chalicelib.orders.model import OrderChanged, OrderNotFound, Reason, Status, TooLateToCancel
from chalicelib.orders.operator_actions import EmailNotDue, OperatorActions, OrderEmail, Wish
from chalicelib.orders.returns import OrderNotReturnable, ReturnExceedsOrder
from chalicelib.orders.store import CheckoutRecord, OrderStore
from chalicelib.payments.model import Payment, PaymentStatus
from chalicelib.payments.provider import PaymentDisputed
from chalicelib.platform.request_keys import IdempotencyConflict, RequestKey
from tests.builders import HAPPY_PATH, an_order, euros


@pytest.fixture
def store(dynamodb, new_table):
    return OrderStore(dynamodb, new_table("OrdersTable"))


@pytest.fixture
def actions(store, clock):
    return OperatorActions(store, clock)


@pytest.fixture
def order(store, clock):
    store.place(an_order("ord_1"), CheckoutRecord("ord_1", "fingerprint", "ord_1", 0), clock())
    return store.get("ord_1")


@pytest.fixture
def completed(store, order, clock):
    for status in HAPPY_PATH[1:]:
        order = order.advanced(status, clock())
        store.save(order)
    return order


def a_wish(key="k1", asked="once", why="Called by phone"):
    return Wish(RequestKey(key, asked), "admin@example.com", why)


def paid(disputed=False):
    return lambda: Payment(
        order_id="ord_1", status=PaymentStatus.CAPTURED, amount=euros(2500), captured=2500, disputed=disputed
    )


def entries(actions):
    return [(each.kind, each.by, each.why) for each in actions.of("ord_1")]


def test_cancellation_is_requested_once_with_its_audit_entry(actions, store, order):
    for _ in range(2):
        assert actions.cancel("ord_1", a_wish(), Reason.SHOP_REQUEST).cancellation == Reason.SHOP_REQUEST
    assert [each.event.type for each in store.events("ord_1")] == ["OrderPlaced", "OrderCancelRequested"]
    assert entries(actions) == [("cancel", "admin@example.com", "Called by phone")]


def test_refund_is_one_return_of_its_lines_however_often_it_is_sent(actions, store, completed):
    first, again = [actions.refund("ord_1", a_wish(), {"MUG-01": 1}, paid()) for _ in range(2)]
    assert (first, first.refund.amount) == (again, 1250)
    assert store.get("ord_1").returned == {"MUG-01": 1}
    actions.refund("ord_1", a_wish("k2", "the rest"), None, paid())
    assert store.get("ord_1").returned == {"MUG-01": 2}
    assert [kind for kind, *_ in entries(actions)] == ["refund", "refund"]


def test_note_leaves_order_and_events_as_they_are(actions, store, order):
    for _ in range(2):
        actions.note("ord_1", a_wish(why="Wants a gift wrap"))
    assert store.get("ord_1") == order and len(store.events("ord_1")) == 1
    assert entries(actions) == [("note", "admin@example.com", "Wants a gift wrap")]


def test_key_that_was_used_for_another_request_is_refused(actions, order):
    actions.note("ord_1", a_wish())
    with pytest.raises(IdempotencyConflict):
        actions.cancel("ord_1", a_wish(asked="another"), Reason.SHOP_REQUEST)
    assert [kind for kind, *_ in entries(actions)] == ["note"]


@pytest.mark.parametrize(
    ("refusal", "act"),
    [
        (TooLateToCancel, lambda actions: actions.cancel("ord_1", a_wish(), Reason.SHOP_REQUEST)),
        (ReturnExceedsOrder, lambda actions: actions.refund("ord_1", a_wish(), {"MUG-01": 3}, paid())),
        (PaymentDisputed, lambda actions: actions.refund("ord_1", a_wish(), None, paid(disputed=True))),
        (OrderNotFound, lambda actions: actions.note("ord_none", a_wish())),
    ],
)
def test_refused_action_writes_nothing(actions, store, completed, refusal, act):
    with pytest.raises(refusal):
        act(actions)
    assert entries(actions) == [] and store.get("ord_1") == completed.model_copy(update={"pending_event": None})


def test_order_that_is_not_completed_is_not_refunded(actions, order):
    with pytest.raises(OrderNotReturnable):
        actions.refund("ord_1", a_wish(), None, paid())


def test_action_on_an_order_that_changes_meanwhile_starts_over(actions, store, order, clock, monkeypatch):
    """The other change lies between reading the order and writing the action."""
    read = store.get

    def get_before_another_change(order_id):
        monkeypatch.setattr(store, "get", read)
        found = read(order_id)
        store.save(found.advanced(Status.RESERVED, clock()))
        return found

    monkeypatch.setattr(store, "get", get_before_another_change)
    changed = actions.cancel("ord_1", a_wish(), Reason.CUSTOMER_REQUEST)
    assert (changed.status, changed.cancellation) == (Status.RESERVED, Reason.CUSTOMER_REQUEST)
    assert len(entries(actions)) == 1


def test_action_that_always_meets_another_change_is_refused(actions, order, store, clock, monkeypatch):
    stale = store.get("ord_1")
    store.save(stale.advanced(Status.RESERVED, clock()))
    monkeypatch.setattr(store, "get", lambda order_id: stale)
    with pytest.raises(OrderChanged):
        actions.cancel("ord_1", a_wish(), Reason.CUSTOMER_REQUEST)
    assert entries(actions) == []


def test_email_is_requested_once_with_its_audit_entry_and_event(actions, store, completed):
    for _ in range(2):
        actions.send_again("ord_1", a_wish(), OrderEmail(Occasion.COMPLETED))
    event = store.events("ord_1")[-1].event
    assert (event.type, event.data["requested"]["occasion"]) == ("OrderEmailRequested", "completed")
    assert len(store.events("ord_1")) == len(HAPPY_PATH) + 1
    assert [(each.kind, each.email.occasion) for each in actions.of("ord_1")] == [("email", "completed")]


@pytest.mark.parametrize("email", [(Occasion.CANCELLED, None), (Occasion.REFUNDED, "ret_none"), (Occasion.LINK, None)])
def test_email_that_the_order_has_no_reason_for_is_refused(actions, store, completed, email):
    with pytest.raises(EmailNotDue):
        actions.send_again("ord_1", a_wish(), OrderEmail(*email))
    assert entries(actions) == []
