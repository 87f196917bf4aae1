"""Order lifecycle: from checkout to each ending, through the functions deployed on the AWS emulator."""

import json
import threading
import uuid

import pytest

from infra.commands import mail
from infra.commands.client import Buyer

pytestmark = pytest.mark.takes_long


def statuses(order):
    return [moment["status"] for moment in order["history"]]


def subjects(opened, order_id):
    sent = mail.messages(opened["engine_url"], opened["account"])
    return sorted(m["Subject"].split(" – ")[0] for m in sent if order_id in m["BodyText"])


def stock_of(buyer, sku):
    return buyer.call("GET", f"/products/{sku}").body["available"]


def test_paid_order_is_fulfilled(guest, opened, new_product):
    sku = new_product(5, price=1999)
    order = guest.ended(guest.buy(sku, 2))
    assert statuses(order) == ["PLACED", "RESERVED", "AUTHORIZED", "SHIPPING", "COMPLETED"]
    assert order["total"] == {"amount": 3998, "currency": "EUR"}
    assert (order["payment"]["status"], order["payment"]["captured"]) == ("CAPTURED", 3998)
    assert order["shipment"]["status"] == "DISPATCHED" and order["shipment"]["tracking_number"]
    assert stock_of(guest, sku) == 3
    assert guest.call("GET", "/cart").body["lines"] == []


def test_happy_path_makes_at_most_seven_transitions(guest, engine, opened, new_product):
    order_id = guest.buy(new_product(1))
    guest.ended(order_id)
    execution = f"{opened['state_machine_arn'].replace(':stateMachine:', ':execution:')}:{order_id}"
    events = engine.session.client("stepfunctions").get_execution_history(executionArn=execution)["events"]
    assert sum("stateEnteredEventDetails" in event for event in events) <= 7


def test_declined_card_charges_nothing_and_restocks_the_units(guest, new_product):
    sku = new_product(1)
    order = guest.ended(guest.buy(sku, card="pm_card_visa_chargeDeclinedInsufficientFunds"))
    assert (order["status"], order["reason"]) == ("CANCELLED", "PAYMENT_DECLINED")
    assert order["payment"]["decline_code"] == "insufficient_funds"
    assert stock_of(guest, sku) == 1


def test_unknown_card_is_declined(guest, new_product):
    order = guest.ended(guest.buy(new_product(1), card="pm_card_that_nobody_has"))
    assert (order["status"], order["reason"]) == ("CANCELLED", "PAYMENT_DECLINED")


def test_out_of_stock_order_is_never_charged(guest, new_product):
    order = guest.ended(guest.buy(new_product(1), quantity=2))
    assert (order["status"], order["reason"], order["payment"]) == ("CANCELLED", "OUT_OF_STOCK", None)


def test_order_with_a_missing_line_reserves_nothing(guest, new_product):
    plenty, none = new_product(9), new_product(0)
    guest.put_in_cart(plenty, 3)
    order = guest.ended(guest.buy(none))
    assert (order["status"], order["reason"]) == ("CANCELLED", "OUT_OF_STOCK")
    assert stock_of(guest, plenty) == 9


def test_refused_shipment_releases_the_authorization(guest, new_product):
    sku = new_product(1)
    order = guest.ended(guest.buy(sku, line2="sandbox:refuse"))
    assert (order["status"], order["reason"]) == ("CANCELLED", "SHIPPING_FAILED")
    assert (order["payment"]["status"], order["payment"]["captured"]) == ("VOIDED", 0)
    assert stock_of(guest, sku) == 1


def test_silent_warehouse_times_out_and_is_recalled(guest, new_product):
    sku = new_product(1)
    order = guest.ended(guest.buy(sku, line2="sandbox:silent"))
    assert (order["status"], order["reason"]) == ("CANCELLED", "SHIPPING_FAILED")
    assert order["shipment"]["status"] == "RECALLED"
    assert stock_of(guest, sku) == 1


def test_late_reply_of_the_warehouse_changes_nothing(guest, engine, opened, new_product):
    sku = new_product(1)
    order_id = guest.buy(sku, line2="sandbox:silent")
    assert guest.ended(order_id)["status"] == "CANCELLED"
    resources = engine.session.client("cloudformation").describe_stack_resource(
        StackName="storefront", LogicalResourceId="WarehouseRepliesQueue"
    )
    late = {"order_id": order_id, "task_token": "long-gone", "outcome": "dispatched", "tracking_number": "LATE"}
    engine.session.client("sqs").send_message(
        QueueUrl=resources["StackResourceDetail"]["PhysicalResourceId"], MessageBody=json.dumps(late)
    )
    guest.ended(guest.buy(new_product(1)))  # its reply stands behind the late one in the same queue
    order = guest.order(order_id)
    assert (order["status"], order["shipment"]["status"]) == ("CANCELLED", "RECALLED")


def test_repeated_checkout_creates_one_order(guest, new_product):
    sku, key = new_product(5), str(uuid.uuid4())
    guest.put_in_cart(sku, 1)
    first, again = guest.check_out(key=key), guest.check_out(key=key)
    assert first.status == again.status == 202
    assert first.body == again.body
    guest.ended(first.body["order_id"])
    assert stock_of(guest, sku) == 4


def test_concurrent_copies_of_a_checkout_create_one_order(guest, new_product):
    sku, key = new_product(20), str(uuid.uuid4())
    guest.put_in_cart(sku, 1)
    replies = []
    threads = [threading.Thread(target=lambda: replies.append(guest.check_out(key=key))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    accepted = [reply.body["order_id"] for reply in replies if reply.status == 202]
    assert len(accepted) == len(replies) and len(set(accepted)) == 1
    guest.ended(accepted[0])
    assert stock_of(guest, sku) == 19


def test_idempotency_key_of_another_checkout_is_refused(guest, new_product):
    sku, key = new_product(5), str(uuid.uuid4())
    guest.put_in_cart(sku, 1)
    assert guest.check_out(key=key).status == 202
    guest.put_in_cart(sku, 1)
    refused = guest.check_out(key=key, card="pm_card_mastercard")
    assert (refused.status, refused.body["code"]) == (409, "idempotency_conflict")
    assert len(guest.call("GET", "/cart").body["lines"]) == 1


def test_identical_orders_with_two_keys_are_two_orders(guest, new_product):
    sku = new_product(5)
    one, two = guest.buy(sku), guest.buy(sku)
    assert one != two
    assert {guest.ended(one)["status"], guest.ended(two)["status"]} == {"COMPLETED"}
    assert stock_of(guest, sku) == 3


def test_redelivered_event_starts_nothing_and_mails_nothing(guest, engine, opened, new_product):
    order_id = guest.buy(new_product(3))
    guest.ended(order_id)
    dynamodb = engine.session.resource("dynamodb").meta.client
    for version in (1, 5):
        item = dynamodb.get_item(
            TableName=opened["stack"]["OrdersTableName"],
            Key={"pk": f"ORDER#{order_id}", "sk": f"EVENT#{version:06}"},
        )["Item"]
        envelope = json.loads(json.dumps(item["event"], default=int))
        entry = {
            "EventBusName": opened["stack"]["EventBusName"],
            "Source": envelope["source"],
            "DetailType": envelope["type"],
            "Detail": json.dumps(envelope),
        }
        engine.session.client("events").put_events(Entries=[entry] * 3)
    probe = guest.buy(new_product(1))
    guest.ended(probe)  # behind the duplicates in the same queues
    assert guest.order(order_id)["status"] == "COMPLETED"
    assert subjects(opened, order_id) == ["We have your order", "Your order is on its way"]


def test_last_unit_is_sold_to_one_of_two_buyers(opened, new_product):
    sku = new_product(1)
    buyers = [Buyer(opened["api_url"]) for _ in range(2)]
    orders = [None, None]

    def buy(n):
        orders[n] = buyers[n].ended(buyers[n].buy(sku))

    threads = [threading.Thread(target=buy, args=(n,)) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(order["status"] for order in orders) == ["CANCELLED", "COMPLETED"]
    assert [order["reason"] for order in orders if order["status"] == "CANCELLED"] == ["OUT_OF_STOCK"]


def test_order_has_the_catalog_price_at_checkout(guest, admin, new_product):
    sku = new_product(3, price=1000)
    guest.put_in_cart(sku, 1)
    details = guest.call("GET", f"/products/{sku}").body
    raised = {k: details[k] for k in ("name", "description", "category", "image")} | {
        "price": {"amount": 1500, "currency": "EUR"}
    }
    assert admin.call("PUT", f"/admin/products/{sku}", raised).status == 200
    accepted = guest.check_out()
    assert accepted.body["total"]["amount"] == 1500
    guest.ended(accepted.body["order_id"])


def test_customer_order_is_only_in_its_customers_list(customer, guest, opened, new_product):
    order_id = customer.buy(new_product(2))
    assert customer.ended(order_id)["status"] == "COMPLETED"
    assert order_id in [order["order_id"] for order in customer.call("GET", "/orders").body["items"]]
    anonymous = guest.call("GET", f"/orders/{order_id}")
    assert (anonymous.status, anonymous.body["code"]) == (401, "order_token_required")
    stranger = guest.call("GET", f"/orders/{order_id}", headers={"X-Order-Token": "order_" + "0" * 64})
    assert (stranger.status, stranger.body["code"]) == (404, "order_not_found")


def test_guests_cart_is_claimed_once(customer, guest, opened, new_product):
    sku = new_product(9)
    guest.put_in_cart(sku, 2)
    claim = {"X-Cart-Token": guest.cart_token}
    before = {line["sku"]: line["quantity"] for line in customer.call("GET", "/cart").body["lines"]}
    for _ in range(2):
        reply = customer.call("POST", "/cart/claim", headers=claim)
        assert reply.status == 200
        assert {line["sku"]: line["quantity"] for line in reply.body["lines"]} == before | {sku: 2}
    assert guest.call("GET", "/cart").body["lines"] == []
    customer.call("DELETE", f"/cart/items/{sku}")
