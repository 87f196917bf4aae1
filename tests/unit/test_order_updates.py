"""Live updates of an order over a WebSocket: access, the updates that are sent, and invalid messages."""

import json

import boto3
import pytest
from botocore.stub import Stubber

from chalicelib.order_updates import routes
from chalicelib.order_updates.handshake import TooManyCalls
from chalicelib.order_updates.model import CURRENT, MAX_SUBSCRIPTIONS, MESSAGE_LIMIT, Update
from chalicelib.order_updates.service import KEPT, OrderUpdates
from chalicelib.order_updates.sockets import Sockets
from chalicelib.orders.checkout import CheckoutRecord
from chalicelib.orders.model import Reason, Status
from chalicelib.orders.service import Orders
from chalicelib.platform.errors import Refusal, Unavailable
from chalicelib.platform.identity import Caller, TokenInvalid
from tests.builders import NOW, TestClock, an_order
from tests.fakes import FakeConnections, FakeOrderStore

SHOP, PEER, FLOODING = "https://shop.example", "203.0.113.9", "198.51.100.7"
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
        self.results = []
        self.left = set()

    def send(self, connection_id, message):
        if connection_id in self.left:
            return False
        self.results.append((connection_id, json.loads(json.dumps(message))))
        return True

    def close(self, connection_id):
        self.left.add(connection_id)

    def by(self, connection_id):
        return [message for each, message in self.results if each == connection_id]


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
    live = OrderUpdates(connections, sockets, orders, identify, TestClock(), SHOP, lambda peer: peer != FLOODING)
    for connection in ("here", "there"):
        live.connected(connection, handshake(), PEER)
    return live


def handshake(proof=f"ord_ada.{ADA}", origin=SHOP):
    return {"origin": origin, "sec-websocket-protocol": f"order-updates.v1, {proof}"}


def subscribe(order_id, token=None, **more):
    return json.dumps({"action": "subscribe", "order_id": order_id, "token": token} | more)


def an_update(order_id="ord_ada", version=2):
    return Update(order_id=order_id, version=version, type="OrderReserved", status="RESERVED", reason=None, at="now")


def push(live, update):
    live.push(update, live.watchers([update.order_id])[update.order_id])


@pytest.mark.parametrize("proof", ["ord_guest.order_secret", f"ord_ada.{ADA}", f"ord_guest.{KEEPER}"])
def test_connection_with_access_to_an_order_is_opened(live, connections, proof):
    live.connected("new", handshake(proof), PEER)

    assert "new" in connections.expiries


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "origin_refused"),
        (handshake(origin="https://evil.example"), "origin_refused"),
        (handshake(origin="null"), "origin_refused"),
        (handshake(origin=f"{SHOP}.evil.example"), "origin_refused"),
        (handshake() | {"sec-websocket-protocol": ""}, "proof_required"),
        (handshake() | {"sec-websocket-protocol": "order-updates.v1"}, "proof_required"),
        (handshake() | {"sec-websocket-protocol": f"graphql-ws, ord_ada.{ADA}"}, "proof_required"),
        (handshake("ord_guest"), "proof_required"),
        (handshake("ord_guest."), "proof_required"),
        (handshake("o" * 65 + ".token"), "proof_required"),
        (handshake("ord_guest.\u00fc"), "proof_required"),
        (handshake(f"ord_ada.{GRACE}"), "order_not_found"),
        (handshake("ord_guest.order_guess"), "order_not_found"),
        (handshake("ord_ada.forged.by.me"), "token_invalid"),
    ],
)
def test_connection_from_another_site_or_without_proof_is_refused(live, connections, headers, code):
    with pytest.raises(Refusal) as refused:
        live.connected("new", headers, PEER)

    assert refused.value.code == code
    assert "new" not in connections.expiries


def test_client_address_that_calls_too_often_is_refused_and_disconnected(live, sockets, connections):
    live.received("here", subscribe("ord_ada", ADA), PEER)
    with pytest.raises(TooManyCalls):
        live.connected("new", handshake(), FLOODING)
    live.received("here", subscribe("ord_ada", ADA), FLOODING)

    assert sockets.left == {"here"} and len(sockets.by("here")) == 1
    assert connections.watchers("ord_ada", 0) == []


def test_handshake_is_answered_with_its_protocol_or_the_status_of_its_refusal(live, monkeypatch):
    monkeypatch.setattr(routes.wiring, "order_updates", lambda: live)

    def answer(headers):
        context = {"connectionId": "new", "eventType": "CONNECT", "identity": {"sourceIp": PEER}}
        return routes.handle({"requestContext": context, "headers": headers})

    written = {"Origin": SHOP, "Sec-WebSocket-Protocol": f"order-updates.v1,ord_ada.{ADA}"}
    assert answer(written) == {"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": "order-updates.v1"}}
    assert answer(written | {"Origin": "https://evil.example"}) == {"statusCode": 403}
    assert answer(handshake("ord_ada.forged.by.me")) == {"statusCode": 401}


@pytest.mark.parametrize(
    ("order_id", "token"),
    [("ord_guest", "order_secret"), ("ord_ada", ADA), ("ord_ada", KEEPER), ("ord_guest", KEEPER)],
)
def test_subscription_with_access_returns_the_current_state(live, sockets, order_id, token):
    live.received("here", subscribe(order_id, token), PEER)

    [message] = sockets.by("here")
    assert message == {
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
    live.received("here", subscribe(order_id, token), PEER)
    push(live, an_update(order_id))

    [message] = sockets.by("here")
    assert message["error"]["code"] == code and message["error"]["detail"]


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
    live.received("here", text, PEER)

    [message] = sockets.by("here")
    assert message["error"]["code"] == code
    assert len(json.dumps(message)) < 200


@pytest.mark.parametrize(
    ("failure", "code"), [(Unavailable("secret"), "service_unavailable"), (KeyError("secret"), "internal_error")]
)
def test_internal_failure_is_answered_without_details(connections, sockets, orders, failure, code):
    def fail(headers):
        raise failure

    live = OrderUpdates(connections, sockets, orders, fail, TestClock(), SHOP, lambda peer: True)
    live.received("here", subscribe("ord_ada", ADA), PEER)

    [message] = sockets.by("here")
    assert message["error"]["code"] == code
    assert "secret" not in message["error"]["detail"]


def test_websocket_messages_are_not_logged(live, capfd):
    live.received("here", subscribe("ord_ada", "order_private"), PEER)
    live.received("here", subscribe("ord_ada", "forged.private.token"), PEER)
    live.received("here", '{"private": ', PEER)

    output = capfd.readouterr()
    assert "private" not in output.out + output.err


def test_update_is_sent_to_each_watcher_of_its_order_only(live, sockets, connections):
    live.connected("elsewhere", handshake(), PEER)
    for connection in ("here", "there"):
        live.received(connection, subscribe("ord_ada", ADA), PEER)
    live.received("elsewhere", subscribe("ord_guest", "order_secret"), PEER)

    push(live, an_update())

    assert sockets.by("here")[1:] == sockets.by("there")[1:] == [an_update().model_dump()]
    assert len(sockets.by("elsewhere")) == 1


def test_gone_watcher_is_removed_and_the_others_get_the_update(live, sockets, connections):
    for connection in ("here", "there"):
        live.received(connection, subscribe("ord_ada", ADA), PEER)
    live.received("here", subscribe("ord_ada", KEEPER), PEER)
    sockets.left.add("here")

    push(live, an_update())

    assert connections.watchers("ord_ada", 0) == ["there"]
    assert sockets.by("there")[-1] == an_update().model_dump()


def test_watcher_gone_before_the_answer_is_removed(live, sockets, connections):
    sockets.left.add("here")

    live.received("here", subscribe("ord_ada", ADA), PEER)

    assert connections.watchers("ord_ada", 0) == []


@pytest.fixture
def management():
    """Return a client of API Gateway and the stub that answers it."""
    client = boto3.client(
        "apigatewaymanagementapi",
        region_name="eu-west-1",
        endpoint_url="https://live.example",
        aws_access_key_id="none",
        aws_secret_access_key="none",
    )
    with Stubber(client) as answers:
        yield client, answers
        answers.assert_no_pending_responses()


@pytest.mark.parametrize(("error", "calls"), [("GoneException", []), ("LimitExceededException", ["delete_connection"])])
def test_connection_that_takes_no_message_is_closed_and_fails_nothing(management, error, calls):
    client, answers = management
    answers.add_client_error("post_to_connection", error)
    for call in calls:
        answers.add_response(call, {})

    assert Sockets(client).send("here", {}) is False


def test_other_failure_of_a_connection_is_raised_so_that_the_update_is_retried(management):
    client, answers = management
    answers.add_client_error("post_to_connection", "ForbiddenException")

    with pytest.raises(client.exceptions.ForbiddenException):
        Sockets(client).send("here", {})


def test_watchers_of_several_orders_are_read_at_once(live):
    live.received("here", subscribe("ord_ada", ADA), PEER)
    live.received("there", subscribe("ord_guest", "order_secret"), PEER)

    assert live.watchers(["ord_ada", "ord_guest", "ord_none"]) == {
        "ord_ada": ["here"],
        "ord_guest": ["there"],
        "ord_none": [],
    }


def test_disconnected_watcher_is_removed(live, connections):
    live.received("here", subscribe("ord_ada", ADA), PEER)

    live.disconnected("here")

    assert connections.watchers("ord_ada", 0) == []


def test_connection_follows_a_limited_number_of_orders(live, sockets, store):
    many = [an_order(f"ord_{n}", customer_id="ada") for n in range(MAX_SUBSCRIPTIONS + 1)]
    for order in many:
        store.place(order, CheckoutRecord(order.id, "", order.id, 0), NOW)
        live.received("here", subscribe(order.id, ADA), PEER)
    live.received("here", subscribe("ord_0", ADA), PEER)

    *message, last, again = sockets.by("here")
    assert [message["order_id"] for message in message] == [order.id for order in many[:-1]]
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
    live.received("here", subscribe("ord_ada", ADA), PEER)

    assert sockets.by("here")[0]["version"] == 2


def test_snapshot_includes_a_requested_cancellation(live, sockets, orders):
    orders.cancel("ord_ada", Reason.CUSTOMER_REQUEST)

    live.received("here", subscribe("ord_ada", ADA), PEER)

    [message] = sockets.by("here")
    assert (message["version"], message["status"], message["reason"]) == (2, "PLACED", "CUSTOMER_REQUEST")


def test_connection_record_outlives_the_limit_of_api_gateway(live, connections):
    assert connections.expiries["here"] == int((NOW + KEPT).timestamp())
    assert KEPT.total_seconds() > 2 * 3600
