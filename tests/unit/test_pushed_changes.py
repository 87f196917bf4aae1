"""Live updates from the stream: each order's changes are pushed in their order, and nothing bad blocks the others."""

from boto3.dynamodb.types import TypeSerializer

from chalicelib.order_updates.model import change
from chalicelib.order_updates.updates import push_changes
from chalicelib.orders.model import Reason, Status
from tests.builders import NOW, an_event, an_order, an_order_in, as_read


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


class Watched:
    """Orders of which each has a watcher, except for those in `unwatched`. Versions in `broken` cannot be pushed."""

    def __init__(self, unwatched=(), broken=()):
        self.pushed, self._unwatched, self._broken = [], unwatched, broken

    def watchers(self, order_ids):
        return {each: [] if each in self._unwatched else [f"watcher of {each}"] for each in order_ids}

    def push(self, update, watchers):
        if update.version in self._broken:
            raise ConnectionError
        assert watchers == [f"watcher of {update.order_id}"]
        self.pushed.append(update)


def test_push_rejects_a_record_that_breaks_its_contract_and_goes_on():
    bad, good = of_outbox(an_order("ord_1")), an_order("ord_2")
    bad["dynamodb"]["NewImage"]["event"]["M"]["type"] = {"S": "OrderEaten"}
    watched, rejections = Watched(), FakeRejections()

    answer = push_changes({"Records": [bad, of_outbox(good)]}, watched, rejections)

    assert answer == {"batchItemFailures": []}
    assert rejections.keys == ["ORDER#ord_1"]
    assert [update.order_id for update in watched.pushed] == ["ord_2"]


def test_changes_are_pushed_in_their_order_to_those_who_watch():
    one, other, unwatched = an_order("ord_1"), an_order("ord_2"), an_order("ord_3")
    history = [one, other, unwatched, one.advanced(Status.RESERVED, NOW), other.advanced(Status.RESERVED, NOW)]
    watched = Watched(unwatched=["ord_3"])

    answer = push_changes({"Records": [of_outbox(order) for order in history]}, watched, REJECTIONS)

    assert answer == {"batchItemFailures": []}
    assert watched.pushed == [change(each.pending_event, each.version) for each in history if each.id != "ord_3"]


def test_update_that_cannot_be_pushed_is_retried_and_not_overtaken():
    order = an_order("ord_1")
    history = [order, order.advanced(Status.RESERVED, NOW), an_order("ord_2")]
    watched = Watched(broken=[2])

    answer = push_changes({"Records": [of_outbox(order) for order in history]}, watched, REJECTIONS)

    assert answer == {"batchItemFailures": [{"itemIdentifier": "seq-ord_1-2"}]}
    assert [update.version for update in watched.pushed] == [1]


def test_batch_whose_watchers_cannot_be_read_is_retried_as_a_whole():
    broken = Watched()
    broken.watchers = lambda order_ids: 1 / 0

    answer = push_changes({"Records": [of_outbox(an_order("ord_1")), of_outbox(an_order("ord_2"))]}, broken, REJECTIONS)

    assert answer == {"batchItemFailures": [{"itemIdentifier": "seq-ord_1-1"}]}


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
