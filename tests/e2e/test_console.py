"""Operator console: an order's timeline and logs, the deployed workflows and system map, and the list of orders."""

import json
import uuid

from chalicelib.orders.numbers import number_of


def titles(items, kind):
    return [item["title"] for item in items if item["kind"] == kind]


def test_timeline_lists_states_events_emails_payment_and_parcel(guest, new_product, timeline, emails, eventually):
    order_id = guest.buy(new_product(1))
    guest.ended(order_id)
    eventually(lambda: len(emails(order_id)) == 2)
    items = eventually(lambda: len(titles(found := timeline(order_id), "email")) == 2 and found)
    expected = ["ReserveInventory", "AuthorizePayment", "ShipOrder", "CapturePayment", "CompleteOrder"]
    assert [state for state in titles(items, "state") if state in expected] == expected
    assert titles(items, "workflow") == ["fulfilment started", "fulfilment succeeded"]
    assert titles(items, "event")[0] == "OrderPlaced" and titles(items, "event")[-1] == "OrderCompleted"
    assert all(item["details"]["published_at"] for item in items if item["kind"] == "event")
    assert titles(items, "email") == [f"confirmed {order_id}", f"completed {order_id}"]
    assert titles(items, "payment") == ["payment captured"] and titles(items, "shipment") == ["shipment dispatched"]
    assert not [word for word in ("Ida", "Havnegata", "token", "@") if word in json.dumps(items)]


def test_timeline_of_an_open_order_grows_and_lists_its_compensations(guest, new_product, timeline, sandbox, eventually):
    order_id = guest.buy(new_product(1), line2="sandbox:silent")
    eventually(lambda: guest.order(order_id)["status"] == "SHIPPING")
    under_way = timeline(order_id)
    assert titles(under_way, "workflow") == ["fulfilment started"]
    [waiting] = [item for item in under_way if item["title"] == "ShipOrder"]
    assert waiting["details"]["left_at"] is None
    guest.cancel(order_id)
    guest.ended(order_id)
    undone = eventually(lambda: "fulfilment succeeded" in titles(found := timeline(order_id), "workflow") and found)
    undo = ["RecallShipment", "VoidPayment", "ReleaseInventory", "CancelOrder"]
    assert titles(undone, "state")[-4:] == undo
    assert titles(undone, "payment") == ["payment voided"] and titles(undone, "shipment") == ["shipment recalled"]


def test_timeline_lists_the_states_of_a_return(guest, new_product, timeline, eventually):
    order_id = guest.buy(new_product(1))
    guest.ended(order_id)
    guest.give_back(order_id)
    items = eventually(lambda: "return succeeded" in titles(found := timeline(order_id), "workflow") and found)
    assert titles(items, "state")[-3:] == ["RefundReturn", "RestockReturn", "CompleteReturn"]
    assert titles(items, "payment") == ["payment refunded"]


QUEUES_OF_AN_ORDER = {"FulfilmentQueue", "WarehouseQueue", "WarehouseRepliesQueue", "ConfirmationsQueue"}
"""Each message is logged by its receiver, and that to the warehouse by its sender."""


def queues_of(found):
    return {item["details"]["queue"].split("-")[1] for item in found["items"] if item["kind"] == "queue"}


def test_logs_of_an_order_are_found_by_its_id(guest, admin, new_product, eventually):
    order_id = guest.buy(new_product(1))
    guest.ended(order_id)

    def logged():
        found = admin.must("GET", f"/admin/orders/{order_id}/logs")
        has_all_kinds = {"call", "payment", "log"} <= {item["kind"] for item in found["items"]}
        return found if has_all_kinds and queues_of(found) >= QUEUES_OF_AN_ORDER else None

    found = eventually(logged)
    assert found["is_complete"]
    calls = [item["details"] for item in found["items"] if item["kind"] == "call"]
    assert [(call["method"], call["path"], call["status"]) for call in calls] == [("POST", "/orders", 202)]
    paid = [
        (item["details"]["operation"], item["details"]["outcome"])
        for item in found["items"]
        if item["kind"] == "payment"
    ]
    assert ("confirm", "requires_capture") in paid and ("capture", "succeeded") in paid
    assert not [word for word in ("Ida", "Havnegata", "token", "@") if word in json.dumps(found)]


STEPS = {"ReserveInventory", "AuthorizePayment", "ShipOrder", "CapturePayment", "CompleteOrder"}
CONSUMERS = {"StartFulfilment", "SendNotifications", "WriteInvoice", "CountSales", "LearnAffinity"}
"""Of the events of one order, through the outbox, the bus, queues and topics."""


def test_order_is_one_trace_from_the_api_to_its_last_consumer(guest, admin, new_product, timeline, eventually):
    order_id = guest.buy(new_product(1))
    guest.ended(order_id)

    def traces():
        """Return the trace ids of the timed work of each function, when all have logged."""
        found: dict[str, set[str]] = {}
        for item in admin.must("GET", f"/admin/orders/{order_id}/logs")["items"]:
            if item["duration_ms"] is not None:
                function = item["details"]["log_group"].split("-")[1]
                found.setdefault(function, set()).add(item["trace_id"])
        return found if {"APIHandler"} | STEPS | CONSUMERS <= set(found) else None

    found = eventually(traces)
    [trace] = found["APIHandler"]
    assert trace and {name: found[name] for name in STEPS | CONSUMERS} == {name: {trace} for name in STEPS | CONSUMERS}
    events = [item for item in timeline(order_id) if item["kind"] == "event"]
    assert {item["trace_id"] for item in events} == {trace}
    assert all(item["duration_ms"] is not None for item in events)


def test_workflows_are_returned_as_deployed(admin, customer):
    workflows = {each["name"]: each for each in admin.must("GET", "/admin/workflows")["items"]}
    assert set(workflows) == {"fulfilment", "undo", "return"}
    fulfilment = workflows["fulfilment"]["definition"]
    assert fulfilment["StartAt"] == "ReserveInventory"
    assert fulfilment["States"]["ReserveInventory"]["Resource"].startswith("arn:aws:lambda:")
    assert workflows["return"]["definition"]["StartAt"] == "RefundReturn"
    assert customer.call("GET", "/admin/workflows").status == 403


def test_system_map_returns_the_deployed_parts_and_their_activity(
    guest, admin, customer, new_product, resource, eventually
):
    parts = {part["id"]: part for part in admin.must("GET", "/admin/system")["parts"]}
    assert parts["StartFulfilment"]["name"] == resource("StartFulfilment")
    assert resource("FulfilmentQueue").endswith(parts["FulfilmentQueue"]["name"])

    order_id = guest.buy(new_product(1), line2="sandbox:silent")
    eventually(lambda: guest.order(order_id)["status"] == "SHIPPING")
    assert admin.must("GET", "/admin/system/activity")["running"]["OrderFulfilment"] >= 1
    # Invocations are counted once a minute: another test may have caused a count before this order.
    eventually(
        lambda: admin.must("GET", "/admin/system/activity")["functions"]["ReserveInventory"]["invocations"] >= 1, 150
    )
    guest.cancel(order_id)
    guest.ended(order_id)
    for path in ("/admin/system", "/admin/system/activity"):
        assert customer.call("GET", path).status == 403


def test_orders_are_listed_for_admins_by_status_by_customer_or_all(guest, customer, admin, new_product):
    sku = new_product(2)
    of_guest, of_customer = guest.buy(sku), customer.buy(sku)
    for buyer, order_id in ((guest, of_guest), (customer, of_customer)):
        buyer.ended(order_id)

    def listed(query=""):
        return {order["order_id"]: order for order in admin.must("GET", f"/admin/orders{query}")["items"]}

    assert {of_guest, of_customer} <= set(listed())
    assert {of_guest, of_customer} <= set(listed("?status=COMPLETED"))
    assert not {of_guest, of_customer} & set(listed("?status=PLACED"))
    found = listed()
    assert found[of_guest]["customer_id"] is None and found[of_customer]["email"]
    of_one = listed(f"?customer_id={found[of_customer]['customer_id']}")
    assert of_customer in of_one and of_guest not in of_one
    today = found[of_guest]["placed_at"][:10]
    assert of_guest in listed(f"?placed_from={today}") and not listed("?placed_to=2001-01-01")
    by_email = admin.must("POST", "/admin/orders/search", {"email": found[of_guest]["email"].upper()})["items"]
    assert of_guest in [order["order_id"] for order in by_email]
    totals = admin.must(
        "GET", f"/admin/orders/totals?customer_id={found[of_customer]['customer_id']}&placed_from={today}"
    )
    assert totals["is_complete"] and totals["count"] >= len(of_one) and totals["sums"][0]["amount"] > 0
    assert customer.call("GET", "/admin/orders/totals").status == 403
    number = {"text": number_of(of_guest).lower()}
    assert [order["order_id"] for order in admin.must("POST", "/admin/orders/search", number)["items"]] == [of_guest]
    by_name = admin.must("POST", "/admin/orders/search", {"text": "ida sand"})["items"]
    assert of_guest in [order["order_id"] for order in by_name]
    for wrong in ({}, {"email": "ida@example.com", "text": "sand"}, {"text": "sand", "cursor": "nonsense"}):
        assert 400 <= admin.call("POST", "/admin/orders/search", wrong).status < 500
    days = ("?placed_from=today", "?placed_from=2030-02-30", "?placed_from=2030-02-02&placed_to=2030-02-01")
    for wrong in ("?status=LOST", "?status=PLACED&customer_id=x", "?cursor=nonsense", *days):
        assert 400 <= admin.call("GET", f"/admin/orders{wrong}").status < 500


def test_orders_are_listed_by_status_newest_first(guest, admin, new_product):
    order_id = guest.buy(new_product(1))
    guest.ended(order_id)
    newest = admin.must("GET", "/admin/orders?status=COMPLETED")["items"]
    assert order_id in [order["order_id"] for order in newest]
    assert {order["status"] for order in newest} == {"COMPLETED"}


def test_email_is_sent_again_once_for_an_operator(guest, customer, admin, new_product, emails, timeline, eventually):
    order_id = guest.buy(new_product(1))
    guest.ended(order_id)
    subject = "Your order is on its way"
    eventually(lambda: subject in emails(order_id))
    due = admin.must("GET", f"/admin/orders/{order_id}/emails")["items"]
    assert [each["occasion"] for each in due] == ["confirmed", "completed"]

    path, key = f"/admin/orders/{order_id}/emails", {"Idempotency-Key": uuid.uuid4().hex}
    asked = {"occasion": "completed", "why": "The first one did not arrive."}
    for _ in range(2):
        assert admin.call("POST", path, asked, key).status == 202
    eventually(lambda: emails(order_id).count(subject) == 2)
    eventually(lambda: [entry for entry in timeline(order_id) if entry["title"] == "completed"])
    assert admin.call("POST", path, asked | {"occasion": "cancelled"}, {"Idempotency-Key": "k2"}).status == 409
    assert admin.call("POST", path, asked).status == 422
    assert customer.call("POST", path, asked, key).status == 403
