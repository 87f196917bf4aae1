"""Live updates of an order over a WebSocket: access, the updates that are sent, and invalid messages."""

import json

import pytest
from boto3.dynamodb.types import TypeSerializer

from chalicelib.order_updates.model import CURRENT, MAX_SUBSCRIPTIONS, MESSAGE_LIMIT, Update, change
from chalicelib.order_updates.service import KEPT, OrderUpdates
from chalicelib.order_updates.updates import enqueue
from chalicelib.orders.checkout import CheckoutRecord
from chalicelib.orders.model import Reason, Status
from chalicelib.orders.service import Orders
from chalicelib.platform.errors import Unavailable
from chalicelib.platform.identity import Caller, TokenInvalid
from chalicelib.platform.sqs_batch import consume_in_order
from tests.builders import NOW, TestClock, a_record, an_event, an_order, an_order_in, as_read
from tests.fakes import FakeConnections, FakeOrderStore

ADA, GRACE, KEEPER = "jwt.of.ada", "jwt.of.grace", "jwt.of.keeper"
PEOPLE = {ADA: Caller("ada"), GRACE: Caller("grace"), KEEPER: Caller("keeper", is_admin=True)}


def identify(headers):
    if "authorization" not in headers:
        return Caller()
    token = headers["authorization"].removeprefix("Bearer ")
    if token not in PEOPLE:
        raise TokenInvalid
    return PEOPLE[token]


class FakeSockets:
    """Messages sent to each connection. Connections in `left` receive none."""

    def __init__(self):
        self.heard = []
        self.left = set()

    def send(self, connection_id, message):
        if connection_id in self.left:
            return False
        self.heard.append((connection_id, json.loads(json.dumps(message))))
        return True

    def by(self, connection_id):
        return [message for each, message in self.heard if each == connection_id]


@pytest.fixture
def sockets():
    return FakeSockets()


@pytest.fixture
def connections():
    return FakeConnections()


@pytest.fixture
def store():
    store = FakeOrderStore()
    for order in (
        an_order("ord_ada", customer_id="ada"),
        an_order("ord_guest", customer_id=None, token="order_secret"),
    ):
        store.place(order, CheckoutRecord(order.id, "", order.id, 0), NOW)
    return store


@pytest.fixture
def orders(store):
    return Orders(store, TestClock())


@pytest.fixture
def live(connections, sockets, orders):
    live = OrderUpdates(connections, sockets, orders, identify, TestClock())
    for connection in ("here", "there"):
        live.connected(connection)
    return live


def subscribe(order_id, token=None, **more):
    return json.dumps({"action": "subscribe", "order_id": order_id, "token": token} | more)


def an_update(order_id="ord_ada", version=2):
    return Update(order_id=order_id, version=version, type="OrderReserved", status="RESERVED", reason=None, at="now")


@pytest.mark.parametrize(
    ("order_id", "token"),
    [("ord_guest", "order_secret"), ("ord_ada", ADA), ("ord_ada", KEEPER), ("ord_guest", KEEPER)],
)
def test_subscription_with_access_returns_the_current_state(live, sockets, order_id, token):
    live.received("here", subscribe(order_id, token))

    [told] = sockets.by("here")
    assert told == {
        "order_id": order_id,
        "version": 1,
        "type": CURRENT,
        "status": "PLACED",
        "reason": None,
        "at": "2030-05-17T12:00:00.000Z",
    }


@pytest.mark.parametrize(
    ("order_id", "token", "code"),
    [
        ("ord_ada", None, "order_token_required"),
        ("ord_none", None, "order_token_required"),
        ("ord_ada", GRACE, "order_not_found"),
        ("ord_none", ADA, "order_not_found"),
        ("ord_guest", ADA, "order_not_found"),
        ("ord_guest", "order_guess", "order_not_found"),
        ("ord_ada", "order_secret", "order_not_found"),
        ("ord_ada", "forged.by.me", "token_invalid"),
    ],
)
def test_subscription_without_access_is_refused_and_gets_no_update(live, sockets, order_id, token, code):
    live.received("here", subscribe(order_id, token))
    live.push(an_update(order_id))

    [told] = sockets.by("here")
    assert told["error"]["code"] == code and told["error"]["detail"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "message_not_json"),
        ("garbage", "message_not_json"),
        ("[]", "message_not_json"),
        ("7", "message_not_json"),
        ("[" * MESSAGE_LIMIT, "message_not_json"),
        ("x" * (MESSAGE_LIMIT + 1), "message_too_large"),
        ("{}", "validation_failed"),
        ('{"action": "subscribe"}', "validation_failed"),
        ('{"action": "shout", "order_id": "ord_ada"}', "validation_failed"),
        ('{"action": "$connect", "order_id": "ord_ada"}', "validation_failed"),
        ('{"action": "subscribe", "order_id": "\\ud800"}', "validation_failed"),
        ('{"action": "subscribe", "order_id": {"S": "ord_ada"}}', "validation_failed"),
        (subscribe("o" * 65), "validation_failed"),
        (subscribe("ord_ada", "\ud800"), "validation_failed"),
        (subscribe("ord_ada", "t" * 4097), "validation_failed"),
        (subscribe("ord_ada", 7), "validation_failed"),
    ],
)
def test_garbage_is_answered_with_a_problem_that_does_not_repeat_it(live, sockets, text, code):
    live.received("here", text)

    [told] = sockets.by("here")
    assert told["error"]["code"] == code
    assert len(json.dumps(told)) < 200


@pytest.mark.parametrize(
    ("failure", "code"), [(Unavailable("secret"), "service_unavailable"), (KeyError("secret"), "internal_error")]
)
def test_a_failure_of_ours_is_answered_too_and_says_nothing_of_itself(connections, sockets, orders, failure, code):
    def fail(headers):
        raise failure

    OrderUpdates(connections, sockets, orders, fail, TestClock()).received("here", subscribe("ord_ada", ADA))

    [told] = sockets.by("here")
    assert told["error"]["code"] == code
    assert "secret" not in told["error"]["detail"]


def test_what_is_said_is_not_logged(live, capfd):
    live.received("here", subscribe("ord_ada", "order_private"))
    live.received("here", subscribe("ord_ada", "forged.private.token"))
    live.received("here", '{"private": ')

    output = capfd.readouterr()
    assert "private" not in output.out + output.err


def test_all_who_watch_an_order_hear_its_change_and_nobody_else(live, sockets, connections):
    live.connected("elsewhere")
    for connection in ("here", "there"):
        live.received(connection, subscribe("ord_ada", ADA))
    live.received("elsewhere", subscribe("ord_guest", "order_secret"))

    live.push(an_update())

    assert sockets.by("here")[1:] == sockets.by("there")[1:] == [an_update().model_dump()]
    assert len(sockets.by("elsewhere")) == 1


def test_who_has_gone_is_forgotten_and_the_others_hear_it(live, sockets, connections):
    for connection in ("here", "there"):
        live.received(connection, subscribe("ord_ada", ADA))
    live.received("here", subscribe("ord_ada", KEEPER))
    sockets.left.add("here")

    live.push(an_update())

    assert connections.watchers("ord_ada", 0) == ["there"]
    assert sockets.by("there")[-1] == an_update().model_dump()


def test_who_has_gone_before_the_answer_is_forgotten(live, sockets, connections):
    sockets.left.add("here")

    live.received("here", subscribe("ord_ada", ADA))

    assert connections.watchers("ord_ada", 0) == []


def test_who_disconnects_is_forgotten(live, connections):
    live.received("here", subscribe("ord_ada", ADA))

    live.disconnected("here")

    assert connections.watchers("ord_ada", 0) == []


def test_a_connection_follows_so_many_orders_and_no_more(live, sockets, store):
    many = [an_order(f"ord_{n}", customer_id="ada") for n in range(MAX_SUBSCRIPTIONS + 1)]
    for order in many:
        store.place(order, CheckoutRecord(order.id, "", order.id, 0), NOW)
        live.received("here", subscribe(order.id, ADA))
    live.received("here", subscribe("ord_0", ADA))

    *told, last, again = sockets.by("here")
    assert [message["order_id"] for message in told] == [order.id for order in many[:-1]]
    assert last["error"]["code"] == "too_many_subscriptions"
    assert again["order_id"] == "ord_0"


def test_change_during_a_subscription_is_in_the_response_or_sent_after_it(connections, sockets, orders, live):
    """The update arrives right after the subscription was stored, which is the worst moment."""
    write = connections.subscribe

    def subscribe_and_change(*arguments):
        written = write(*arguments)
        orders.advance("ord_ada", Status.RESERVED)
        return written

    connections.subscribe = subscribe_and_change
    live.received("here", subscribe("ord_ada", ADA))

    assert sockets.by("here")[0]["version"] == 2


def test_a_wish_to_cancel_is_part_of_how_it_stands(live, sockets, orders):
    orders.cancel("ord_ada", Reason.CUSTOMER_REQUEST)

    live.received("here", subscribe("ord_ada", ADA))

    [told] = sockets.by("here")
    assert (told["version"], told["status"], told["reason"]) == (2, "PLACED", "CUSTOMER_REQUEST")


def test_a_connection_is_kept_longer_than_api_gateway_lets_it_live(live, connections):
    assert connections.expiries["here"] == int((NOW + KEPT).timestamp())
    assert KEPT.total_seconds() > 2 * 3600


# Into the queue, and out of it


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


def test_changes_are_queued_in_their_order_grouped_by_order_and_known_by_their_event():
    one, other = an_order("ord_1"), an_order("ord_2")
    history = [one, other, one.advanced(Status.RESERVED, NOW), other.advanced(Status.RESERVED, NOW)]
    queue = FakeFifo()

    answer = enqueue({"Records": [of_outbox(order) for order in history]}, queue, "url")

    assert answer == {"batchItemFailures": []}
    assert queue.sent == [(order.id, order.version, order.pending_event.id) for order in history]


def test_what_cannot_be_queued_is_not_overtaken():
    order = an_order("ord_1")
    history = [order, order.advanced(Status.RESERVED, NOW), an_order("ord_2")]
    queue = FakeFifo(failing_at=1)

    answer = enqueue({"Records": [of_outbox(order) for order in history]}, queue, "url")

    assert answer == {"batchItemFailures": [{"itemIdentifier": "seq-ord_1-2"}]}
    assert len(queue.sent) == 1


def test_update_has_the_event_and_no_personal_data():
    cancelled = as_read(an_order("ord_1")).advanced(Status.CANCELLED, NOW, Reason.OUT_OF_STOCK)

    told = change(cancelled.pending_event, cancelled.version)

    assert told.model_dump() == {
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


def fifo_batch(*updates):
    return {
        "Records": [
            a_record(f"{update.order_id}-{update.version}", update.model_dump_json(), MessageGroupId=update.order_id)
            for update in updates
        ]
    }


def test_what_fails_holds_up_the_rest_of_its_order_and_no_other_order():
    batch = fifo_batch(*(an_update(order_id, version) for version in (1, 2, 3) for order_id in ("bad", "good")))
    pushed = []

    def push(update):
        if (update.order_id, update.version) == ("bad", 2):
            raise ConnectionError
        pushed.append((update.order_id, update.version))

    answer = consume_in_order(batch, Update, push)

    assert pushed == [("bad", 1), ("good", 1), ("good", 2), ("good", 3)]
    assert [failure["itemIdentifier"] for failure in answer["batchItemFailures"]] == ["bad-2", "bad-3"]


def test_what_cannot_be_read_holds_up_its_order_too():
    batch = fifo_batch(an_update("bad", 1), an_update("bad", 2), an_update("good", 1))
    batch["Records"][0]["body"] = "garbage"
    pushed = []

    answer = consume_in_order(batch, Update, pushed.append)

    assert [update.order_id for update in pushed] == ["good"]
    assert [failure["itemIdentifier"] for failure in answer["batchItemFailures"]] == ["bad-1", "bad-2"]
