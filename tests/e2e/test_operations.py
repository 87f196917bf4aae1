"""What an admin does: looks at dead letters and does their work again, replays events, reads an order's timeline."""

import json
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.platform.clock import iso
from infra.local import shop

LONG_AGO = "2020-01-01T00:00:00.000Z"


@pytest.fixture
def sqs(engine):
    return engine.session.client("sqs")


@pytest.fixture
def impatient(sqs, resource):
    """Lets a queue give a message up after two quick tries, for as long as the test needs it."""

    @contextmanager
    def queue(logical_id):
        url = resource(logical_id)
        names = ["VisibilityTimeout", "RedrivePolicy"]
        before = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        redrive = json.loads(before["RedrivePolicy"]) | {"maxReceiveCount": 2}
        hurried = {"VisibilityTimeout": "1", "RedrivePolicy": json.dumps(redrive)}
        sqs.set_queue_attributes(QueueUrl=url, Attributes=hurried)
        try:
            yield url
        finally:
            sqs.set_queue_attributes(QueueUrl=url, Attributes=before)

    return queue


@pytest.fixture
def letters(admin):
    """The dead letters of a queue, as an admin sees them."""
    return lambda name: admin.must("GET", f"/admin/queues/{name}/messages")["items"]


@pytest.fixture
def executions(engine, opened):
    """The names of a state machine's executions that begin so."""

    def names(output, prefix):
        pages = engine.session.client("stepfunctions").get_paginator("list_executions")
        found = pages.paginate(stateMachineArn=opened["stack"][output])
        return sorted(e["name"] for page in found for e in page["executions"] if e["name"].startswith(prefix))

    return names


def test_every_queue_is_listed_with_what_lies_in_it(admin):
    queues = {queue["name"]: queue for queue in admin.must("GET", "/admin/queues")["items"]}
    assert set(queues) >= {
        "fulfilment", "cancellations", "confirmations", "notifications", "returns", "stripe-events", "warehouse",
        "warehouse-replies", "parked-orders", "unrelayed-events", "undelivered-events", "missed-jobs",
    }  # fmt: skip
    assert queues["fulfilment"]["messages"] == queues["fulfilment"]["dead_letters"] == {"waiting": 0, "in_flight": 0}
    assert queues["parked-orders"]["messages"] is None


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/admin/queues/nowhere/messages"),
        ("POST", "/admin/queues/nowhere/redrive"),
        ("DELETE", "/admin/queues/nowhere/messages/1"),
        ("DELETE", "/admin/queues/fulfilment/messages/1"),
        ("GET", "/admin/replays/nothing"),
        ("GET", "/admin/orders/ord_none/timeline"),
        ("GET", "/admin/orders/ord_none/logs"),
    ],
)
def test_what_there_is_not_is_not_found(admin, customer, guest, method, path):
    assert admin.call(method, path).status == 404
    assert customer.call(method, path).status == 403
    assert guest.call(method, path).status == 401


def test_a_poison_message_is_given_up_and_never_blocks_others(
    guest, admin, new_product, sqs, impatient, letters, emails, eventually
):
    poison = json.dumps({"detail": {"type": "OrderCompleted", "data": {"order_id": "Ida Sand, Havnegata 1"}}})
    sku = new_product(2)
    with impatient("NotificationsQueue") as queue:
        sqs.send_message(QueueUrl=queue, MessageBody=poison)
        good = [guest.buy(sku), guest.buy(sku)]
        sqs.send_message(QueueUrl=queue, MessageBody="not even JSON")
        for order_id in good:
            assert guest.ended(order_id)["status"] == "COMPLETED"
            eventually(lambda: "Your order is on its way" in emails(order_id))  # noqa: B023
        given_up = eventually(lambda: len(found := letters("notifications")) == 2 and found)
    assert {letter["context"]["reason"] for letter in given_up} == {None, "NotReadable"}
    assert "Havnegata" not in json.dumps(given_up)
    for letter in given_up:
        assert letter["receive_count"] >= 2 and letter["first_received_at"]
        assert admin.call("DELETE", f"/admin/queues/notifications/messages/{letter['id']}").status == 200
        assert admin.call("DELETE", f"/admin/queues/notifications/messages/{letter['id']}").status == 404
    assert letters("notifications") == []


def test_an_email_that_was_sent_is_not_sent_again_by_redriving_one_letter_or_all(
    guest, admin, new_product, sqs, letters, outbox_event, emails, resource, eventually
):
    order_id = guest.buy(new_product(1))
    guest.ended(order_id)
    eventually(lambda: "Your order is on its way" in emails(order_id))
    event = outbox_event(order_id, "OrderCompleted")
    dead_letters = resource("NotificationsDeadLetters")
    for _ in range(3):
        sqs.send_message(QueueUrl=dead_letters, MessageBody=json.dumps(event))
    context = letters("notifications")[0]["context"]
    assert (context["event_type"], context["order_id"]) == ("OrderCompleted", order_id)
    one = letters("notifications")[0]["id"]
    redriven = admin.must("POST", "/admin/queues/notifications/redrive", {"message_ids": [one]})
    assert (redriven["redriven"], redriven["failed"], redriven["left"]) == ([one], {}, 2)
    assert len(admin.must("POST", "/admin/queues/notifications/redrive")["redriven"]) == 2
    assert letters("notifications") == []
    assert emails(order_id).count("Your order is on its way") == 1


def test_an_order_that_could_not_be_started_is_started_once_by_a_redrive(
    guest, admin, new_product, engine, impatient, letters, resource, eventually, executions
):
    """The fault: nobody may start the workflow."""
    iam, role = engine.session.client("iam"), resource("StartFulfilmentRole")
    [name] = iam.list_role_policies(RoleName=role)["PolicyNames"]
    allowed = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
    kept = [each for each in allowed["Statement"] if "states:StartExecution" not in json.dumps(each)]
    with impatient("FulfilmentQueue"):
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(allowed | {"Statement": kept}))
        try:
            order_id = guest.buy(new_product(1))
            [letter] = eventually(lambda: letters("fulfilment"))
        finally:
            iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(allowed))
    assert (letter["context"]["event_type"], letter["context"]["order_id"]) == ("OrderPlaced", order_id)
    assert guest.order(order_id)["status"] == "PLACED"
    admin.must("POST", "/admin/queues/fulfilment/redrive")
    assert guest.ended(order_id)["status"] == "COMPLETED"
    assert executions("StateMachineArn", order_id) == [order_id]


@pytest.fixture
def park(sqs, engine, opened, resource):
    """Puts a letter about an execution to the parked orders."""

    def letter(order_id, output, name):
        execution = f"{opened['stack'][output].replace(':stateMachine:', ':execution:')}:{name}"
        body = {"order_id": order_id, "failure": {"Error": "Unavailable", "Cause": "a test"}, "execution": execution}
        sqs.send_message(QueueUrl=resource("ParkedOrdersQueue"), MessageBody=json.dumps(body))

    return letter


def test_a_parked_order_is_undone_by_a_redrive_under_a_new_name(
    guest, admin, new_product, engine, opened, sandbox, park, letters, executions, timeline, eventually
):
    sku = new_product(1)
    order_id = guest.buy(sku, line2="sandbox:silent")
    eventually(lambda: guest.order(order_id)["status"] == "SHIPPING")
    execution = f"{opened['state_machine_arn'].replace(':stateMachine:', ':execution:')}:{order_id}"
    engine.session.client("stepfunctions").stop_execution(executionArn=execution)
    park(order_id, "StateMachineArn", order_id)
    [letter] = letters("parked-orders")
    assert (letter["context"]["order_id"], letter["context"]["reason"]) == (order_id, "Unavailable")
    assert len(admin.must("POST", "/admin/queues/parked-orders/redrive")["redriven"]) == 1
    order = guest.ended(order_id)
    assert (order["status"], order["reason"]) == ("CANCELLED", "FULFILMENT_FAILED")
    assert sandbox.kept(order_id) == 0
    compensations = executions("UndoMachineArn", order_id)
    assert compensations[0] == order_id
    assert admin.must("GET", f"/products/{sku}")["available"] == 1
    assert "undo started" in titles(timeline(order_id), "workflow")
    park(order_id, "UndoMachineArn", order_id)
    assert len(admin.must("POST", "/admin/queues/parked-orders/redrive")["redriven"]) == 1
    assert executions("UndoMachineArn", order_id) == compensations, "the order has ended, so none is started"


def test_an_admin_finds_orders_by_their_status(guest, admin, new_product):
    order_id = guest.buy(new_product(1))
    guest.ended(order_id)
    newest = admin.must("GET", "/admin/orders?status=COMPLETED")["items"]
    assert order_id in [order["order_id"] for order in newest]
    assert {order["status"] for order in newest} == {"COMPLETED"}


def test_confirmation_requested_twice_is_sent_once(guest, new_product, sqs, resource, emails, eventually):
    order_id, queue = guest.buy(new_product(1)), resource("ConfirmationsQueue")
    eventually(lambda: "We have your order" in emails(order_id))
    sqs.send_message(QueueUrl=queue, MessageBody=json.dumps({"order_id": order_id}))
    counts = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    left = sqs.get_queue_attributes
    eventually(lambda: set(left(QueueUrl=queue, AttributeNames=counts)["Attributes"].values()) == {"0"})
    assert emails(order_id).count("We have your order") == 1


def test_order_completes_while_no_email_can_be_sent(
    guest, admin, new_product, engine, impatient, letters, emails, eventually
):
    """The confirmation waits as a dead letter, and a redrive sends it once the sender is verified again."""
    ses = engine.session.client("ses")
    with impatient("ConfirmationsQueue"), impatient("NotificationsQueue"):
        ses.delete_identity(Identity=shop.SENDER)
        try:
            order_id = guest.buy(new_product(1))
            assert guest.ended(order_id)["status"] == "COMPLETED"
            unsent = [eventually(lambda name=name: letters(name)) for name in ("confirmations", "notifications")]
        finally:
            ses.verify_email_identity(EmailAddress=shop.SENDER)
    assert [letter["context"]["order_id"] for [letter] in unsent] == [order_id, order_id]
    assert emails(order_id) == []
    for name in ("confirmations", "notifications"):
        assert len(admin.must("POST", f"/admin/queues/{name}/redrive")["redriven"]) == 1
    eventually(lambda: sorted(emails(order_id)) == ["We have your order", "Your order is on its way"])


def test_a_parked_return_is_begun_anew_by_a_redrive(guest, admin, new_product, sandbox, park, executions, eventually):
    order_id = guest.buy(new_product(1, price=3000))
    guest.ended(order_id)
    return_id = guest.give_back(order_id).body["return_id"]
    eventually(lambda: guest.order(order_id)["status"] == "RETURNED")
    park(order_id, "ReturnMachineArn", return_id)
    assert len(admin.must("POST", "/admin/queues/parked-orders/redrive")["redriven"]) == 1
    assert executions("ReturnMachineArn", return_id) == [return_id, f"{return_id}-1"]
    assert sandbox.kept(order_id) == 0


def test_a_letter_that_does_not_say_what_it_was_stays(admin, sqs, resource, letters):
    sqs.send_message(QueueUrl=resource("ParkedOrdersQueue"), MessageBody=json.dumps({"order_id": "ord_x"}))
    answer = admin.must("POST", "/admin/queues/parked-orders/redrive")
    assert list(answer["failed"].values()) == ["CannotRedrive"] and answer["left"] == 1
    [letter] = letters("parked-orders")
    admin.must("DELETE", f"/admin/queues/parked-orders/messages/{letter['id']}")


@dataclass(frozen=True)
class GivenUp:
    """What the relay never published of an order: that it was placed, and that it was settled."""

    order_id: str
    outboxes: dict[str, Any]

    @property
    def key(self):
        return {"pk": f"ORDER#{self.order_id}", "sk": "EVENT#000001"}

    def is_made_up_for(self, captured):
        for event_type, outbox in self.outboxes.items():
            captured.expect(event_type, self.order_id, times=2)
            item = outbox.get_item(Key=self.key, ConsistentRead=True)["Item"]
            assert "published_at" in item and "unpublished" not in item
            assert outbox.scan(IndexName="unpublished")["Items"] == []
        return True


@pytest.fixture
def given_up(guest, new_product, table, captured):
    """As if the relay had never published these: the order was never begun, and never told to be settled."""
    order_id = guest.buy(new_product(1))
    guest.ended(order_id)
    outboxes = {"OrderPlaced": table("OrdersTableName"), "OrderSettled": table("InsightsTableName")}
    given_up = GivenUp(order_id, outboxes)
    for event_type, outbox in outboxes.items():
        captured.expect(event_type, order_id)
        forgotten = "SET unpublished = :past REMOVE published_at"
        outbox.update_item(Key=given_up.key, UpdateExpression=forgotten, ExpressionAttributeValues={":past": LONG_AGO})
    return given_up


def test_what_the_relay_gave_up_is_published_by_the_clock(given_up, engine, resource, captured, executions):
    assert "FunctionError" not in engine.session.client("lambda").invoke(FunctionName=resource("RepublishEvents"))
    assert given_up.is_made_up_for(captured)
    assert executions("StateMachineArn", given_up.order_id) == [given_up.order_id]


def test_what_the_relay_gave_up_is_published_from_the_outboxes(
    given_up, admin, sqs, resource, captured, letters, executions
):
    record = {"requestContext": {"condition": "RetryAttemptsExhausted"}, "DDBStreamBatchInfo": {"shardId": "1"}}
    sqs.send_message(QueueUrl=resource("UnrelayedEventsQueue"), MessageBody=json.dumps(record))
    assert letters("unrelayed-events")[0]["context"]["reason"] == "RetryAttemptsExhausted"
    assert admin.must("POST", "/admin/queues/unrelayed-events/redrive")["left"] == 0
    assert given_up.is_made_up_for(captured)
    assert executions("StateMachineArn", given_up.order_id) == [given_up.order_id]


def test_an_undelivered_event_is_put_on_the_bus_again_as_it_was(
    guest, admin, new_product, sqs, resource, captured, outbox_event, emails
):
    order_id = guest.buy(new_product(1))
    guest.ended(order_id)
    [first] = captured.expect("OrderCompleted", order_id)
    reason = {"ERROR_CODE": {"DataType": "String", "StringValue": "NO_PERMISSIONS"}}
    sqs.send_message(
        QueueUrl=resource("UndeliveredEventsQueue"),
        MessageBody=json.dumps(outbox_event(order_id, "OrderCompleted")),
        MessageAttributes=reason,
    )
    [letter] = admin.must("GET", "/admin/queues/undelivered-events/messages")["items"]
    assert letter["context"]["reason"] == "NO_PERMISSIONS"
    admin.must("POST", "/admin/queues/undelivered-events/redrive")
    assert captured.expect("OrderCompleted", order_id, times=2) == [first, first]
    assert emails(order_id).count("Your order is on its way") == 1


def test_what_is_invoked_without_waiting_ends_where_its_failures_go(admin, engine, resource, letters, eventually):
    """With the reason why it failed to the end."""
    engine.session.client("lambda").invoke(
        FunctionName=resource("WriteSalesReport"), InvocationType="Event", Payload=json.dumps({"date": "no day"})
    )
    [letter] = eventually(lambda: letters("missed-jobs"))
    assert letter["context"]["reason"] == "ValueError"
    admin.must("DELETE", f"/admin/queues/missed-jobs/messages/{letter['id']}")


def test_a_missed_job_is_run_by_a_redrive(admin, engine, sqs, resource, letters):
    function = engine.session.client("lambda").get_function(FunctionName=resource("SweepReservations"))
    arn = function["Configuration"]["FunctionArn"]
    target = {"TARGET_ARN": {"DataType": "String", "StringValue": arn}}
    sqs.send_message(QueueUrl=resource("MissedJobsQueue"), MessageBody="{}", MessageAttributes=target)
    report = {
        "requestContext": {"functionArn": f"{arn}:$LATEST"},
        "requestPayload": {},
    }
    sqs.send_message(QueueUrl=resource("MissedJobsQueue"), MessageBody=json.dumps(report))
    foreign = {"requestContext": {"functionArn": arn.replace("Sweep", "Other")}, "requestPayload": {}}
    sqs.send_message(QueueUrl=resource("MissedJobsQueue"), MessageBody=json.dumps(foreign))
    answer = admin.must("POST", "/admin/queues/missed-jobs/redrive")
    assert len(answer["redriven"]) == 2 and len(answer["failed"]) == 1
    [letter] = letters("missed-jobs")
    admin.must("DELETE", f"/admin/queues/missed-jobs/messages/{letter['id']}")


@pytest.fixture
def replay(admin, eventually):
    """Replays a window to its end."""

    def run(start, end, **filters):
        started = admin.call("POST", "/admin/replays", {"from": iso(start), "to": iso(end), **filters})
        assert started.status == 202, started.body
        path = f"/admin/replays/{started.body['replay_id']}"
        return eventually(lambda: (told := admin.must("GET", path))["state"] == "COMPLETED" and told)

    return run


def test_a_replay_of_everything_changes_nothing(
    guest, customer, new_product, replay, captured, emails, executions, sandbox, told, eventually
):
    start = datetime.now(UTC)
    sku = new_product(6, price=1500)
    completed, returned = customer.buy(sku), customer.buy(sku)
    declined = guest.buy(sku, card="pm_card_visa_chargeDeclined")
    cancelled = guest.buy(sku, line2="sandbox:silent")
    eventually(lambda: guest.order(cancelled)["status"] == "SHIPPING")
    guest.cancel(cancelled)
    for buyer, order_id in ((customer, completed), (customer, returned), (guest, declined), (guest, cancelled)):
        buyer.ended(order_id)
    customer.give_back(returned)
    eventually(lambda: customer.order(returned)["status"] == "RETURNED")
    orders = (completed, returned, declined, cancelled)
    captured.expect("OrderReturned", returned)
    captured.expect("OrderCompleted", completed)
    eventually(lambda: all(len(emails(order_id)) >= 2 for order_id in (completed, returned, cancelled)))

    def state():
        return {
            order_id: (sorted(emails(order_id)), told(order_id), sandbox.kept(order_id),
                       executions("StateMachineArn", order_id), executions("UndoMachineArn", order_id))
            for order_id in orders
        } | {"stock": guest.must("GET", f"/products/{sku}")["available"]}  # fmt: skip

    before = state()
    replay(start - timedelta(seconds=2), datetime.now(UTC))
    for order_id in (completed, returned):
        captured.expect("OrderPlaced", order_id, times=2)
        captured.expect("OrderCompleted", order_id, times=2)
    captured.expect("OrderCancelled", cancelled, times=2)
    time.sleep(2)
    assert state() == before


def test_a_replay_of_a_type_says_how_it_stands(replay):
    now = datetime.now(UTC)
    told = replay(now - timedelta(hours=1), now - timedelta(minutes=59), detail_type="OrderCompleted")
    assert (told["start"], told["state"]) == (iso((now - timedelta(hours=1)).replace(microsecond=0)), "COMPLETED")


@pytest.mark.parametrize(
    ("start", "end", "detail_type", "status", "field"),
    [
        (-1, -2, None, 422, "from"),
        (-1, 1, None, 422, "to"),
        (-24 * 61, 0, None, 422, "from"),
        (-2, -1, "OrderForgotten", 422, "detail_type"),
        (-2, -1, "OrderAuthorized", 409, None),
    ],
)
def test_a_replay_that_makes_no_sense_is_refused(admin, start, end, detail_type, status, field):
    now = datetime.now(UTC)
    window = {"from": iso(now + timedelta(hours=start)), "to": iso(now + timedelta(hours=end))}
    refused = admin.call("POST", "/admin/replays", window | ({"detail_type": detail_type} if detail_type else {}))
    assert refused.status == status, refused.body
    assert [error["field"] for error in refused.body.get("errors", [])] == ([field] if field else [])


@pytest.fixture
def timeline(admin):
    def of(order_id):
        items = admin.must("GET", f"/admin/orders/{order_id}/timeline")["items"]
        assert [item["at"] for item in items] == sorted(item["at"] for item in items)
        return items

    return of


def titles(items, kind):
    return [item["title"] for item in items if item["kind"] == kind]


def test_a_timeline_tells_states_events_emails_payment_and_parcel(guest, new_product, timeline, emails, eventually):
    order_id = guest.buy(new_product(1))
    guest.ended(order_id)
    eventually(lambda: len(emails(order_id)) == 2)
    items = eventually(lambda: len(titles(found := timeline(order_id), "email")) == 2 and found)
    expected = ["ReserveInventory", "AuthorizePayment", "FulfillOrder", "CapturePayment", "CompleteOrder"]
    assert [state for state in titles(items, "state") if state in expected] == expected
    assert titles(items, "workflow") == ["fulfilment started", "fulfilment succeeded"]
    assert titles(items, "event")[0] == "OrderPlaced" and titles(items, "event")[-1] == "OrderCompleted"
    assert all(item["details"]["published_at"] for item in items if item["kind"] == "event")
    assert titles(items, "email") == [f"confirmed {order_id}", f"completed {order_id}"]
    assert titles(items, "payment") == ["payment captured"] and titles(items, "shipment") == ["shipment dispatched"]
    assert not [word for word in ("Ida", "Havnegata", "token", "@") if word in json.dumps(items)]


def test_a_timeline_grows_while_the_order_is_under_way_and_tells_of_its_undoing(
    guest, new_product, timeline, sandbox, eventually
):
    order_id = guest.buy(new_product(1), line2="sandbox:silent")
    eventually(lambda: guest.order(order_id)["status"] == "SHIPPING")
    under_way = timeline(order_id)
    assert titles(under_way, "workflow") == ["fulfilment started"]
    [waiting] = [item for item in under_way if item["title"] == "FulfillOrder"]
    assert waiting["details"]["left_at"] is None
    guest.cancel(order_id)
    guest.ended(order_id)
    undone = eventually(lambda: "fulfilment succeeded" in titles(found := timeline(order_id), "workflow") and found)
    undo = ["RecallShipment", "VoidPayment", "ReleaseInventory", "CancelOrder"]
    assert titles(undone, "state")[-4:] == undo
    assert titles(undone, "payment") == ["payment voided"] and titles(undone, "shipment") == ["shipment recalled"]


def test_a_timeline_tells_of_a_return(guest, new_product, timeline, eventually):
    order_id = guest.buy(new_product(1))
    guest.ended(order_id)
    guest.give_back(order_id)
    items = eventually(lambda: "return succeeded" in titles(found := timeline(order_id), "workflow") and found)
    assert titles(items, "state")[-3:] == ["RefundReturn", "RestockReturn", "CompleteReturn"]
    assert titles(items, "payment") == ["payment refunded"]


QUEUES_OF_AN_ORDER = {"FulfilmentQueue", "WarehouseRepliesQueue", "OrderUpdatesQueue"}
"""Each is logged by whoever receives. The message to the warehouse is logged by its sender only, once, and a process
that a crowded engine ends takes its last lines with it: tests/unit/test_console.py has that line."""


def queues_of(found):
    return {item["details"]["queue"].split("-")[1] for item in found["items"] if item["kind"] == "queue"}


def test_what_was_logged_of_an_order_is_found_by_its_id(guest, admin, new_product, eventually):
    order_id = guest.buy(new_product(1))
    guest.ended(order_id)

    def logged():
        found = admin.must("GET", f"/admin/orders/{order_id}/logs")
        is_told = {"call", "payment", "push", "log"} <= {item["kind"] for item in found["items"]}
        return found if is_told and queues_of(found) >= QUEUES_OF_AN_ORDER else None

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


def test_the_workflows_are_told_as_they_are_deployed(admin, customer):
    workflows = {each["name"]: each for each in admin.must("GET", "/admin/workflows")["items"]}
    assert set(workflows) == {"fulfilment", "undo", "return"}
    fulfilment = workflows["fulfilment"]["definition"]
    assert fulfilment["StartAt"] == "ReserveInventory"
    assert fulfilment["States"]["ReserveInventory"]["Resource"].startswith("arn:aws:lambda:")
    assert workflows["return"]["definition"]["StartAt"] == "RefundReturn"
    assert customer.call("GET", "/admin/workflows").status == 403


def test_the_system_is_told_as_it_is_deployed_and_how_busy_it_is(
    guest, admin, customer, new_product, resource, eventually
):
    parts = {part["id"]: part for part in admin.must("GET", "/admin/system")["parts"]}
    assert parts["StartFulfilment"]["name"] == resource("StartFulfilment")
    assert resource("FulfilmentQueue").endswith(parts["FulfilmentQueue"]["name"])

    def activity():
        return admin.must("GET", "/admin/system/activity")

    def another_call_is_counted():
        """Those of a minute that leaves the last five are not, so it takes a second look at worst."""
        before = activity()["functions"]["ReserveInventory"]["invocations"]
        order_id = guest.buy(new_product(1), line2="sandbox:silent")
        eventually(lambda: activity()["running"]["OrderFulfilment"] >= 1)
        eventually(lambda: guest.order(order_id)["status"] == "SHIPPING")
        is_counted = activity()["functions"]["ReserveInventory"]["invocations"] > before
        guest.cancel(order_id)
        guest.ended(order_id)
        return is_counted

    assert any(another_call_is_counted() for _ in range(3))
    for path in ("/admin/system", "/admin/system/activity"):
        assert customer.call("GET", path).status == 403


def test_the_shops_orders_are_listed_for_admins_by_status_by_customer_or_all(guest, customer, admin, new_product):
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
    for wrong in ("?status=LOST", "?status=PLACED&customer_id=x", "?cursor=nonsense"):
        assert 400 <= admin.call("GET", f"/admin/orders{wrong}").status < 500
