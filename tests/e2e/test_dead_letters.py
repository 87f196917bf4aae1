"""Dead-letter queues: failed messages are kept and listed, and a redrive has exactly one effect."""

import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from infra.local import shop

pytestmark = pytest.mark.takes_long

LONG_AGO = "2020-01-01T00:00:00.000Z"


@pytest.fixture
def sqs(engine):
    return engine.session.client("sqs")


@pytest.fixture
def impatient(sqs, resource):
    """Return a context manager in which a queue moves a message to its dead-letter queue after two quick attempts."""

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
def dead_letters(admin):
    """Return a function that lists the dead letters of a queue."""
    return lambda name: admin.must("GET", f"/admin/queues/{name}/messages")["items"]


def test_queue_is_listed_with_its_message_counts(admin):
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
def test_unknown_queues_and_messages_are_not_found(admin, customer, guest, method, path):
    assert admin.call(method, path).status == 404
    assert customer.call(method, path).status == 403
    assert guest.call(method, path).status == 401


def test_poison_message_is_dead_lettered_and_blocks_no_other(
    guest, admin, new_product, sqs, impatient, dead_letters, emails, eventually
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
        unpublished = eventually(lambda: len(found := dead_letters("notifications")) == 2 and found)
    assert {dead_letter["context"]["reason"] for dead_letter in unpublished} == {None, "NotReadable"}
    assert "Havnegata" not in json.dumps(unpublished)
    for dead_letter in unpublished:
        assert dead_letter["receive_count"] >= 2 and dead_letter["first_received_at"]
        assert admin.call("DELETE", f"/admin/queues/notifications/messages/{dead_letter['id']}").status == 200
        assert admin.call("DELETE", f"/admin/queues/notifications/messages/{dead_letter['id']}").status == 404
    assert dead_letters("notifications") == []


def test_redrive_of_one_or_all_messages_sends_no_email_twice(
    guest, admin, new_product, sqs, dead_letters, outbox_event, emails, resource, eventually
):
    order_id = guest.buy(new_product(1))
    guest.ended(order_id)
    eventually(lambda: "Your order is on its way" in emails(order_id))
    event = outbox_event(order_id, "OrderCompleted")
    for _ in range(3):
        sqs.send_message(QueueUrl=resource("NotificationsDeadLetters"), MessageBody=json.dumps(event))
    context = dead_letters("notifications")[0]["context"]
    assert (context["event_type"], context["order_id"]) == ("OrderCompleted", order_id)
    one = dead_letters("notifications")[0]["id"]
    redriven = admin.must("POST", "/admin/queues/notifications/redrive", {"message_ids": [one]})
    assert (redriven["redriven"], redriven["failed"], redriven["left"]) == ([one], {}, 2)
    assert len(admin.must("POST", "/admin/queues/notifications/redrive")["redriven"]) == 2
    assert dead_letters("notifications") == []
    assert emails(order_id).count("Your order is on its way") == 1


def test_redrive_starts_an_order_once_whose_workflow_could_not_start(
    guest, admin, new_product, engine, impatient, dead_letters, resource, eventually, executions
):
    """The fault: the role may not start the workflow."""
    iam, role = engine.session.client("iam"), resource("StartFulfilmentRole")
    [name] = iam.list_role_policies(RoleName=role)["PolicyNames"]
    allowed = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
    kept = [each for each in allowed["Statement"] if "states:StartExecution" not in json.dumps(each)]
    with impatient("FulfilmentQueue"):
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(allowed | {"Statement": kept}))
        try:
            order_id = guest.buy(new_product(1))
            [dead_letter] = eventually(lambda: dead_letters("fulfilment"))
        finally:
            iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(allowed))
    assert (dead_letter["context"]["event_type"], dead_letter["context"]["order_id"]) == ("OrderPlaced", order_id)
    assert guest.order(order_id)["status"] == "PLACED"
    admin.must("POST", "/admin/queues/fulfilment/redrive")
    assert guest.ended(order_id)["status"] == "COMPLETED"
    assert executions("StateMachineArn", order_id) == [order_id]


@pytest.fixture
def park(sqs, engine, opened, resource):
    """Return a function that sends a message about an execution to the queue of parked orders."""

    def dead_letter(order_id, output, name):
        execution = f"{opened['stack'][output].replace(':stateMachine:', ':execution:')}:{name}"
        body = {"order_id": order_id, "failure": {"Error": "Unavailable", "Cause": "a test"}, "execution": execution}
        sqs.send_message(QueueUrl=resource("ParkedOrdersQueue"), MessageBody=json.dumps(body))

    return dead_letter


def test_redrive_of_a_parked_order_starts_its_compensation(
    guest, admin, new_product, engine, opened, sandbox, park, dead_letters, executions, timeline, eventually
):
    sku = new_product(1)
    order_id = guest.buy(sku, line2="sandbox:silent")
    eventually(lambda: guest.order(order_id)["status"] == "SHIPPING")
    execution = f"{opened['state_machine_arn'].replace(':stateMachine:', ':execution:')}:{order_id}"
    engine.session.client("stepfunctions").stop_execution(executionArn=execution)
    park(order_id, "StateMachineArn", order_id)
    [dead_letter] = dead_letters("parked-orders")
    assert (dead_letter["context"]["order_id"], dead_letter["context"]["reason"]) == (order_id, "Unavailable")
    assert len(admin.must("POST", "/admin/queues/parked-orders/redrive")["redriven"]) == 1
    order = guest.ended(order_id)
    assert (order["status"], order["reason"]) == ("CANCELLED", "FULFILMENT_FAILED")
    assert sandbox.kept(order_id) == 0
    compensations = executions("UndoMachineArn", order_id)
    assert compensations[0] == order_id
    assert admin.must("GET", f"/products/{sku}")["available"] == 1
    assert "undo started" in [item["title"] for item in timeline(order_id) if item["kind"] == "workflow"]
    park(order_id, "UndoMachineArn", order_id)
    assert len(admin.must("POST", "/admin/queues/parked-orders/redrive")["redriven"]) == 1
    assert executions("UndoMachineArn", order_id) == compensations, "the order has ended, so none is started"


def test_confirmation_of_a_repeated_event_is_sent_once(guest, new_product, sqs, resource, timeline, emails, eventually):
    order_id, queue = guest.buy(new_product(1)), resource("ConfirmationsQueue")
    eventually(lambda: "We have your order" in emails(order_id))
    [authorized] = [each["document"] for each in timeline(order_id) if each["title"] == "OrderAuthorized"]
    sqs.send_message(QueueUrl=queue, MessageBody=json.dumps({"detail": authorized}))
    counts = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    left = sqs.get_queue_attributes
    eventually(lambda: set(left(QueueUrl=queue, AttributeNames=counts)["Attributes"].values()) == {"0"})
    assert emails(order_id).count("We have your order") == 1


def test_order_completes_while_no_email_can_be_sent(
    guest, admin, new_product, engine, impatient, dead_letters, emails, eventually
):
    """The confirmation waits as a dead letter, and a redrive sends it once the sender is verified again."""
    ses = engine.session.client("ses")
    with impatient("ConfirmationsQueue"), impatient("NotificationsQueue"):
        ses.delete_identity(Identity=shop.SENDER)
        try:
            order_id = guest.buy(new_product(1))
            assert guest.ended(order_id)["status"] == "COMPLETED"
            unsent = [eventually(lambda name=name: dead_letters(name)) for name in ("confirmations", "notifications")]
        finally:
            ses.verify_email_identity(EmailAddress=shop.SENDER)
    assert [dead_letter["context"]["order_id"] for [dead_letter] in unsent] == [order_id, order_id]
    assert emails(order_id) == []
    for name in ("confirmations", "notifications"):
        assert len(admin.must("POST", f"/admin/queues/{name}/redrive")["redriven"]) == 1
    eventually(lambda: sorted(emails(order_id)) == ["We have your order", "Your order is on its way"])


def test_redrive_of_a_parked_return_starts_its_workflow_again(
    guest, admin, new_product, sandbox, park, executions, eventually
):
    order_id = guest.buy(new_product(1, price=3000))
    guest.ended(order_id)
    return_id = guest.give_back(order_id).body["return_id"]
    eventually(lambda: executions("ReturnMachineArn", return_id, statusFilter="SUCCEEDED"))
    park(order_id, "ReturnMachineArn", return_id)
    assert len(admin.must("POST", "/admin/queues/parked-orders/redrive")["redriven"]) == 1
    assert executions("ReturnMachineArn", return_id) == [return_id, f"{return_id}-1"]
    assert sandbox.kept(order_id) == 0


def test_redrive_keeps_a_message_of_unknown_origin(admin, sqs, resource, dead_letters):
    sqs.send_message(QueueUrl=resource("ParkedOrdersQueue"), MessageBody=json.dumps({"order_id": "ord_x"}))
    answer = admin.must("POST", "/admin/queues/parked-orders/redrive")
    assert list(answer["failed"].values()) == ["CannotRedrive"] and answer["left"] == 1
    [dead_letter] = dead_letters("parked-orders")
    admin.must("DELETE", f"/admin/queues/parked-orders/messages/{dead_letter['id']}")


@dataclass(frozen=True)
class Unpublished:
    """The events of an order that the relay never published: OrderPlaced and OrderSettled."""

    order_id: str
    outboxes: dict[str, Any]

    @property
    def key(self):
        return {"pk": f"ORDER#{self.order_id}", "sk": "EVENT#000001"}

    def is_published_again(self, captured):
        for event_type, outbox in self.outboxes.items():
            captured.expect(event_type, self.order_id, times=2)
            item = outbox.get_item(Key=self.key, ConsistentRead=True)["Item"]
            assert "published_at" in item and "unpublished" not in item
            assert outbox.scan(IndexName="unpublished")["Items"] == []
        return True


@pytest.fixture
def unpublished(guest, new_product, table, captured):
    """Create an order whose events look unpublished, as if the relay had failed: its workflow has not started."""
    order_id = guest.buy(new_product(1))
    guest.ended(order_id)
    outboxes = {"OrderPlaced": table("OrdersTableName"), "OrderSettled": table("InsightsTableName")}
    unpublished = Unpublished(order_id, outboxes)
    for event_type, outbox in outboxes.items():
        captured.expect(event_type, order_id)
        forgotten = "SET unpublished = :past REMOVE published_at"
        outbox.update_item(
            Key=unpublished.key, UpdateExpression=forgotten, ExpressionAttributeValues={":past": LONG_AGO}
        )
    return unpublished


def test_scheduled_job_publishes_events_that_the_relay_missed(unpublished, engine, resource, captured, executions):
    assert "FunctionError" not in engine.session.client("lambda").invoke(FunctionName=resource("RepublishEvents"))
    assert unpublished.is_published_again(captured)
    assert executions("StateMachineArn", unpublished.order_id) == [unpublished.order_id]


def test_redrive_of_the_relay_publishes_the_events_in_the_outboxes(
    unpublished, admin, sqs, resource, captured, dead_letters, executions
):
    record = {"requestContext": {"condition": "RetryAttemptsExhausted"}, "DDBStreamBatchInfo": {"shardId": "1"}}
    sqs.send_message(QueueUrl=resource("UnrelayedEventsQueue"), MessageBody=json.dumps(record))
    assert dead_letters("unrelayed-events")[0]["context"]["reason"] == "RetryAttemptsExhausted"
    assert admin.must("POST", "/admin/queues/unrelayed-events/redrive")["left"] == 0
    assert unpublished.is_published_again(captured)
    assert executions("StateMachineArn", unpublished.order_id) == [unpublished.order_id]


def test_redrive_publishes_an_undelivered_event_unchanged(
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
    [dead_letter] = admin.must("GET", "/admin/queues/undelivered-events/messages")["items"]
    assert dead_letter["context"]["reason"] == "NO_PERMISSIONS"
    admin.must("POST", "/admin/queues/undelivered-events/redrive")
    assert captured.expect("OrderCompleted", order_id, times=2) == [first, first]
    assert emails(order_id).count("Your order is on its way") == 1


def test_failed_asynchronous_invocation_is_dead_lettered(admin, engine, resource, dead_letters, eventually):
    """The dead letter has the error of the last attempt."""
    engine.session.client("lambda").invoke(
        FunctionName=resource("WriteSalesReport"), InvocationType="Event", Payload=json.dumps({"date": "no day"})
    )
    [dead_letter] = eventually(lambda: dead_letters("missed-jobs"))
    assert dead_letter["context"]["reason"] == "ValueError"
    admin.must("DELETE", f"/admin/queues/missed-jobs/messages/{dead_letter['id']}")


def test_redrive_runs_a_missed_job(admin, engine, sqs, resource, dead_letters):
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
    [dead_letter] = dead_letters("missed-jobs")
    admin.must("DELETE", f"/admin/queues/missed-jobs/messages/{dead_letter['id']}")
