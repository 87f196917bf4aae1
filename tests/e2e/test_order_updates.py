"""Following orders over a real WebSocket, through the deployed functions."""

import json
import uuid
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from typing import Any

import pytest
from boto3.dynamodb.conditions import Attr, Key
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from infra.commands.client import Buyer

PATIENCE = 60
PUBLISHED = ["OrderPlaced", "OrderReserved", "OrderAuthorized", "OrderShipping", "OrderDispatched", "OrderCompleted"]


class Watcher:
    """WebSocket client that behaves like the page: it subscribes, and ignores updates that are not newer than the last.

    `pushed` has all received updates.
    """

    def __init__(self, line: ClientConnection) -> None:
        self.line = line
        self.pushed: list[dict[str, Any]] = []
        self.known: dict[str, int] = {}
        self._updates: deque[dict[str, Any]] = deque()

    def say(self, message: Any) -> dict[str, Any]:
        """Send a message and return the response. Text and bytes are sent unchanged."""
        self.line.send(message if isinstance(message, str | bytes) else json.dumps(message))
        while True:
            received = self._receive()
            if received.get("type") == "CurrentState" or "error" in received:
                return received

    def next_update(self) -> dict[str, Any]:
        """Return the next update."""
        while not self._updates:
            self._receive()
        return self._updates.popleft()

    def follow(self, order_id: str, token: str | None) -> dict[str, Any]:
        return self.say({"action": "subscribe", "order_id": order_id, "token": token})

    def follow_until_shipping(self, order_id: str, token: str | None) -> None:
        """Wait until the order is SHIPPING, where it stays without further updates while its warehouse is silent."""
        if self.follow(order_id, token)["status"] != "SHIPPING":
            self.until("SHIPPING")

    def until(self, status: str) -> list[dict[str, Any]]:
        """Return all updates until the order has this status."""
        received = [self.next_update()]
        while received[-1]["status"] != status:
            received.append(self.next_update())
        return received

    def _receive(self) -> dict[str, Any]:
        received = json.loads(self.line.recv(timeout=PATIENCE))
        if "error" in received:
            return received
        is_new = received["version"] > self.known.get(received["order_id"], 0)
        if is_new:
            self.known[received["order_id"]] = received["version"]
        if received["type"] == "CurrentState":
            # An update of before, which was pushed between the subscription and the reading of the state.
            self._updates = deque(each for each in self._updates if not _is_within(each, received))
        else:
            self.pushed.append(received)
            self._updates.extend([received] if is_new else [])
        return received


def _is_within(update: dict[str, Any], state: dict[str, Any]) -> bool:
    return update["order_id"] == state["order_id"] and update["version"] <= state["version"]


@pytest.fixture(scope="module")
def proof(opened: dict[str, Any]) -> list[Any]:
    """Return the subprotocols of a visitor with an order of their own."""
    visitor = Buyer(opened["api_url"])
    order_id = visitor.buy("CAMP-KETTLE-01")
    visitor.ended(order_id)
    return visitor.live(order_id)


@pytest.fixture
def connected(opened: dict[str, Any], proof: list[Any]) -> Any:
    """Return a function that connects like a page of the shop, or with other arguments."""
    usual = {"origin": opened["storefront_url"], "subprotocols": proof, "open_timeout": PATIENCE}
    return lambda **other: connect(opened["websocket_url"], **{**usual, **other})


@pytest.fixture
def watcher(connected: Any) -> Iterator[Any]:
    with ExitStack() as lines:
        yield lambda: Watcher(lines.enter_context(connected()))


@pytest.fixture
def watching(table: Any) -> Any:
    """Return a function that counts the connections that watch an order."""

    def count(order_id: str) -> int:
        watches = Key("pk").eq(f"ORDER#{order_id}")
        return table("ConnectionsTableName").query(KeyConditionExpression=watches, ConsistentRead=True)["Count"]

    return count


@pytest.fixture
def fulfilment(mapping: Any) -> Any:
    """Return a function that delays the start of sagas."""
    return partial(mapping, "StartFromFulfilmentQueue")


def versions(received: list[dict[str, Any]]) -> list[int]:
    return [update["version"] for update in received]


def test_guest_receives_each_order_update_once_in_order(guest, new_product, watcher, fulfilment):
    line = watcher()
    fulfilment(False)
    order_id = guest.buy(new_product(1))

    first = line.follow(order_id, guest.order_tokens[order_id])
    fulfilment(True)
    received = line.until("COMPLETED")

    assert (first["type"], first["status"], first["version"]) == ("CurrentState", "PLACED", 1)
    assert [(update["version"], update["type"]) for update in received] == list(enumerate(PUBLISHED, 1))[1:]
    assert versions(line.pushed) == sorted(set(versions(line.pushed)))
    for update in [first, *received]:
        assert set(update) == {"order_id", "version", "type", "status", "reason", "at"}


def test_connection_receives_updates_of_many_orders_in_order(guest, new_product, watcher, fulfilment):
    line, sku = watcher(), new_product(4)
    fulfilment(False)
    followed = [guest.buy(sku) for _ in range(4)]
    for order_id in followed:
        line.follow(order_id, guest.order_tokens[order_id])
    fulfilment(True)

    while any(version < len(PUBLISHED) for version in line.known.values()):
        line.next_update()

    for order_id in followed:
        received = [update for update in line.pushed if update["order_id"] == order_id and update["version"] > 1]
        assert [update["type"] for update in received] == PUBLISHED[1:]


def test_cancellation_update_has_its_reason(guest, new_product, watcher):
    line = watcher()
    order_id = guest.buy(new_product(1), line2="sandbox:silent")
    line.follow_until_shipping(order_id, guest.order_tokens[order_id])

    guest.cancel(order_id)
    received = line.until("CANCELLED")

    assert [(update["type"], update["reason"]) for update in received] == [
        ("OrderCancelRequested", "CUSTOMER_REQUEST"),
        ("OrderCancelled", "CUSTOMER_REQUEST"),
    ]
    assert versions(received) == [5, 6]


def test_customer_receives_the_state_of_an_ended_order(customer, new_product, watcher):
    order_id = customer.buy(new_product(1))
    customer.ended(order_id)

    received = watcher().follow(order_id, customer.token)

    assert (received["status"], received["version"]) == ("COMPLETED", len(PUBLISHED))


def test_strangers_are_refused_and_receive_nothing(opened, guest, customer, new_product, watcher, watching):
    order_id = guest.buy(new_product(1))
    stranger = Buyer(opened["api_url"])
    theirs = stranger.buy(new_product(1))
    line = watcher()

    refusals = [
        line.follow(order_id, token)["error"]["code"]
        for token in (None, stranger.order_tokens[theirs], customer.token, customer.token[:-9] + "forgeries")
    ]

    assert refusals == ["order_token_required", "order_not_found", "order_not_found", "token_invalid"]
    assert watching(order_id) == 0
    guest.ended(order_id)
    assert stranger.ended(theirs)["status"] == line.follow(theirs, stranger.order_tokens[theirs])["status"]


def test_connection_from_another_site_or_without_an_order_is_refused(connected, proof):
    guessed = f"{proof[1].partition('.')[0]}.order_{'0' * 64}"
    for other in ({"origin": "https://evil.example"}, {"subprotocols": None}, {"subprotocols": [proof[0], guessed]}):
        with pytest.raises(InvalidStatus) as refused:
            connected(**other)
        assert refused.value.response.status_code == 403
    with connected() as line:
        assert line.subprotocol == proof[0]


def test_client_that_sends_too_much_is_disconnected(connected, table):
    with connected() as line, pytest.raises(ConnectionClosed):
        for _ in range(200):
            line.send("garbage")
            line.recv(timeout=PATIENCE)
    effects = table("EffectsTableName")
    limits = effects.scan(FilterExpression=Attr("id").begins_with("limit#live#"))["Items"]
    for limit in limits:
        effects.delete_item(Key={"id": limit["id"]})


def test_invalid_message_is_answered_and_keeps_the_connection(guest, new_product, watcher):
    order_id = guest.buy(new_product(1))
    line = watcher()

    for garbage in ("garbage", b"\x00\xff\xfe", "[]", "{}", '{"action": "$connect"}', '{"action": {}}', "x" * 20_000):
        answer = line.say(garbage)
        assert set(answer) == {"error"} and set(answer["error"]) == {"code", "detail"}
        assert answer["error"]["code"] in ("message_not_json", "message_too_large", "validation_failed")

    assert line.follow(order_id, guest.order_tokens[order_id])["order_id"] == order_id
    guest.ended(order_id)


def test_watchers_of_an_order_receive_updates_until_they_disconnect(guest, new_product, watcher, watching, eventually):
    order_id = guest.buy(new_product(1), line2="sandbox:silent")
    token = guest.order_tokens[order_id]
    lines = [watcher() for _ in range(3)]
    for line in lines:
        line.follow(order_id, token)
    assert watching(order_id) == 3

    lines.pop().line.close()
    eventually(lambda: watching(order_id) == 2)
    guest.cancel(order_id)

    for line in lines:
        assert line.until("CANCELLED")[-1]["type"] == "OrderCancelled"
        assert versions(line.pushed) == sorted(set(versions(line.pushed)))


def test_dead_connection_is_removed_at_the_next_push(guest, new_product, watcher, watching, table, eventually):
    order_id = guest.buy(new_product(1), line2="sandbox:silent")
    line = watcher()
    line.follow_until_shipping(order_id, guest.order_tokens[order_id])
    dead = {"pk": f"ORDER#{order_id}", "sk": f"CONNECTION#{uuid.uuid4().hex[:12]}", "expires_at": 4_000_000_000}
    table("ConnectionsTableName").put_item(Item=dead)
    assert watching(order_id) == 2

    guest.cancel(order_id)

    assert line.until("CANCELLED")[-1]["status"] == "CANCELLED"
    eventually(lambda: watching(order_id) == 1)
