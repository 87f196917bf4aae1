"""Events of an order on the bus, as a consumer receives them."""

from chalicelib.events.contracts import ORDERS

HAPPY_PATH = ["OrderPlaced", "OrderReserved", "OrderAuthorized", "OrderShipping", "OrderDispatched", "OrderCompleted"]


def test_completed_order_publishes_each_event_once_in_order(guest, new_product, captured):
    order_id = guest.buy(new_product(1))
    guest.ended(order_id)
    captured.expect_in_order(HAPPY_PATH, order_id)
    captured.never("OrderCancelled", order_id, for_seconds=0)
    assert captured.check_contracts() >= len(HAPPY_PATH)


def test_cancelled_order_publishes_the_request_and_the_cancellation(guest, new_product, captured, eventually):
    order_id = guest.buy(new_product(1), line2="sandbox:silent")
    eventually(lambda: guest.order(order_id)["status"] == "SHIPPING")
    guest.cancel(order_id)
    guest.ended(order_id)
    events = captured.expect_in_order([*HAPPY_PATH[:4], "OrderCancelRequested", "OrderCancelled"], order_id)
    assert [event.data["reason"] for event in events[-2:]] == ["CUSTOMER_REQUEST", "CUSTOMER_REQUEST"]
    captured.never("OrderCompleted", order_id, for_seconds=0)
    captured.check_contracts()


def test_declined_card_publishes_no_shipment_event(guest, new_product, captured):
    order_id = guest.buy(new_product(1), card="pm_card_visa_chargeDeclined")
    guest.ended(order_id)
    [cancelled] = captured.expect("OrderCancelled", order_id)
    assert cancelled.data["reason"] == "PAYMENT_DECLINED"
    captured.never("OrderShipping", order_id)


def test_return_in_two_parts_publishes_partly_and_then_returned(guest, new_product, captured, eventually):
    sku = new_product(3, price=1000)
    order_id = guest.buy(sku, 3)
    guest.ended(order_id)
    for quantity in (1, 2):
        assert guest.give_back(order_id, {sku: quantity}).status == 202
        eventually(lambda: all(each["status"] == "REFUNDED" for each in guest.order(order_id)["returns"]))
    events = captured.expect_in_order(
        [*HAPPY_PATH, "OrderReturnRequested", "OrderPartlyReturned", "OrderReturnRequested", "OrderReturned"], order_id
    )
    assert [event.data["returned"]["refund"]["amount"] for event in events[-3::2]] == [1000, 2000]
    captured.check_contracts()


def test_order_events_share_a_correlation_id_and_name_their_cause(guest, new_product, captured, sandbox):
    sku = new_product(2, price=2000)
    refunded, other = guest.buy(sku), guest.buy(sku)
    for order_id in (refunded, other):
        guest.ended(order_id)
    sandbox.happens(refunded, "refund", amount=500)
    [outside] = captured.expect("PaymentRefundedOutside", refunded)
    captured.expect("OrderCompleted", other)
    assert outside.causation_id in {delivery["event"] for delivery in sandbox.deliveries(refunded)}
    for order_id in (refunded, other):
        events = captured.of(order_id, ORDERS)
        assert {event.correlation_id for event in events} == {order_id}
        assert len({event.id for event in events}) == len(events)
        assert [event.causation_id for event in events if event.type.startswith("Order")] == [None] * len(HAPPY_PATH)
