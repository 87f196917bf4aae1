"""Live updates in the FIFO queue: each order's changes enter and leave it in their order."""

import json

from boto3.dynamodb.types import TypeSerializer

from chalicelib.order_updates.model import Update, change
from chalicelib.order_updates.updates import enqueue
from chalicelib.orders.model import Reason, Status
from chalicelib.platform.sqs_batch import consume_in_order
from tests.builders import NOW, a_record, an_event, an_order, an_order_in, as_read


class FakeFifo:
    """SQS: bodies with group and deduplication id, in order. It fails at the n-th message."""

    def __init__(self, failing_at=None):
        self.sent = []
        self.failing_at = failing_at

    def send_message(self, QueueUrl, MessageBody, MessageGroupId, MessageDeduplicationId):
        if len(self.sent) == self.failing_at:
            raise ConnectionError
        self.sent.append((MessageGroupId, json.loads(MessageBody)["version"], MessageDeduplicationId))


def of_outbox(order):
    image = {"event": TypeSerializer().serialize(order.pending_event.model_dump())}
    keys = {"pk": {"S": f"ORDER#{order.id}"}, "sk": {"S": f"EVENT#{order.version:06}"}}
    number = f"seq-{order.id}-{order.version}"
    return {"eventName": "INSERT", "dynamodb": {"SequenceNumber": number, "NewImage": image, "Keys": keys}}


class FakeRejections:
    def __init__(self):
        self.keys = []

    def add(self, record, problem):
        self.keys.append(record["dynamodb"]["Keys"]["pk"]["S"])


REJECTIONS = None
"""For batches in which nothing is rejected."""


def test_queue_updates_rejects_a_record_that_breaks_its_contract():
    bad, good = of_outbox(an_order("ord_1")), an_order("ord_2")
    bad["dynamodb"]["NewImage"]["event"]["M"]["type"] = {"S": "OrderEaten"}
    queue, rejections = FakeFifo(), FakeRejections()

    answer = enqueue({"Records": [bad, of_outbox(good)]}, queue, "url", rejections)

    assert answer == {"batchItemFailures": []}
    assert rejections.keys == ["ORDER#ord_1"]
    assert [order_id for order_id, _, _ in queue.sent] == ["ord_2"]


def test_changes_are_queued_in_their_order_grouped_by_order_and_known_by_their_event():
    one, other = an_order("ord_1"), an_order("ord_2")
    history = [one, other, one.advanced(Status.RESERVED, NOW), other.advanced(Status.RESERVED, NOW)]
    queue = FakeFifo()

    answer = enqueue({"Records": [of_outbox(order) for order in history]}, queue, "url", REJECTIONS)

    assert answer == {"batchItemFailures": []}
    assert queue.sent == [(order.id, order.version, order.pending_event.id) for order in history]


def test_update_that_cannot_be_queued_is_not_overtaken():
    order = an_order("ord_1")
    history = [order, order.advanced(Status.RESERVED, NOW), an_order("ord_2")]
    queue = FakeFifo(failing_at=1)

    answer = enqueue({"Records": [of_outbox(order) for order in history]}, queue, "url", REJECTIONS)

    assert answer == {"batchItemFailures": [{"itemIdentifier": "seq-ord_1-2"}]}
    assert len(queue.sent) == 1


def test_update_has_the_event_and_no_personal_data():
    cancelled = as_read(an_order("ord_1")).advanced(Status.CANCELLED, NOW, Reason.OUT_OF_STOCK)

    update = change(cancelled.pending_event, cancelled.version)

    assert update.model_dump() == {
        "order_id": "ord_1",
        "version": 2,
        "type": "OrderCancelled",
        "status": "CANCELLED",
        "reason": "OUT_OF_STOCK",
        "at": "2030-05-17T12:00:00.000Z",
    }


def test_update_has_the_status_and_id_of_its_order():
    completed = an_order_in(Status.COMPLETED)

    assert change(completed.pending_event, completed.version).status == completed.status == "COMPLETED"
    assert change(an_event(1), 1).order_id == "ord_1"


def an_update(order_id, version):
    return Update(order_id=order_id, version=version, type="OrderReserved", status="RESERVED", reason=None, at="now")


def fifo_batch(*updates):
    return {
        "Records": [
            a_record(f"{update.order_id}-{update.version}", update.model_dump_json(), MessageGroupId=update.order_id)
            for update in updates
        ]
    }


def test_failed_update_blocks_only_its_own_order():
    batch = fifo_batch(*(an_update(order_id, version) for version in (1, 2, 3) for order_id in ("bad", "good")))
    pushed = []

    def push(update):
        if (update.order_id, update.version) == ("bad", 2):
            raise ConnectionError
        pushed.append((update.order_id, update.version))

    answer = consume_in_order(batch, Update, push)

    assert pushed == [("bad", 1), ("good", 1), ("good", 2), ("good", 3)]
    assert [failure["itemIdentifier"] for failure in answer["batchItemFailures"]] == ["bad-2", "bad-3"]


def test_unreadable_update_blocks_its_order():
    batch = fifo_batch(an_update("bad", 1), an_update("bad", 2), an_update("good", 1))
    batch["Records"][0]["body"] = "garbage"
    pushed = []

    answer = consume_in_order(batch, Update, pushed.append)

    assert [update.order_id for update in pushed] == ["good"]
    assert [failure["itemIdentifier"] for failure in answer["batchItemFailures"]] == ["bad-1", "bad-2"]
