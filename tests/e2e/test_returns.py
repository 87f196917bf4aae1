"""Returns: the money is refunded and the units are restocked, exactly once."""

import json
import threading
import uuid

import pytest

from infra.commands.client import Buyer

pytestmark = pytest.mark.takes_long


@pytest.fixture
def completed(guest, new_product):
    """Return a function that buys units of one product, waits for completion and returns the order's id and the sku."""

    def order(units=1, price=1000):
        sku = new_product(units, price)
        order_id = guest.buy(sku, units)
        assert guest.ended(order_id)["status"] == "COMPLETED"
        return order_id, sku

    return order


@pytest.fixture
def settled(guest, eventually):
    """Return a function that waits until all returns of an order are refunded and returns the order."""

    def settle(order_id):
        def everything_is_refunded():
            order = guest.order(order_id)
            returns = order["returns"]
            return order if returns and all(each["status"] == "REFUNDED" for each in returns) else None

        return eventually(everything_is_refunded)

    return settle


def stock_of(buyer, sku):
    return buyer.call("GET", f"/products/{sku}").body["available"]


def assert_problem(reply, status, code):
    assert (reply.status, reply.body["code"]) == (status, code), reply.body
    assert reply.headers["content-type"].startswith("application/problem+json")
    assert reply.body["title"] and reply.body["detail"] and reply.body["status"] == status


def test_whole_order_is_returned(guest, completed, settled, sandbox, events_of, emails, eventually):
    order_id, sku = completed(units=2, price=1999)
    accepted = guest.give_back(order_id)
    assert (accepted.status, accepted.body["refund"]) == (202, {"amount": 3998, "currency": "EUR"})
    order = settled(order_id)
    assert order["status"] == "RETURNED" and order["history"][-1]["status"] == "RETURNED"
    assert [each["id"] for each in order["returns"]] == [accepted.body["return_id"]]
    assert order["returns"][0]["lines"] == [{"sku": sku, "quantity": 2}]
    assert (order["payment"]["status"], order["payment"]["refunded"]) == ("REFUNDED", 3998)
    assert (order["lines"][0]["returned"], order["actions"]) == (2, [])
    assert sandbox.kept(order_id) == 0
    assert stock_of(guest, sku) == 2
    assert events_of(order_id)[-2:] == ["OrderReturnRequested", "OrderReturned"]
    eventually(lambda: "Your money is on its way back" in emails(order_id))


def test_return_of_one_line_and_then_the_rest_refunds_both(
    guest, admin, new_product, settled, sandbox, events_of, emails, eventually
):
    """The stock of one line is split: the order takes its units from three shards, and they return to these."""
    one, other = new_product(3, 1000), new_product(1, 2500)
    admin.must("PUT", f"/admin/stock/{one}/shards", {"shards": 3})
    guest.put_in_cart(one, 3)
    order_id = guest.buy(other)
    guest.ended(order_id)

    assert guest.give_back(order_id, {one: 1}).body["refund"]["amount"] == 1000
    order = settled(order_id)
    assert (order["status"], order["actions"]) == ("COMPLETED", ["return"])
    assert (order["payment"]["status"], order["payment"]["refunded"]) == ("CAPTURED", 1000)
    assert (stock_of(guest, one), stock_of(guest, other)) == (1, 0)

    assert guest.give_back(order_id).body["refund"]["amount"] == 4500
    order = settled(order_id)
    assert order["status"] == "RETURNED"
    assert {line["sku"]: line["returned"] for line in order["lines"]} == {one: 3, other: 1}
    assert order["payment"]["refunded"] == 5500 and sandbox.kept(order_id) == 0
    assert (stock_of(guest, one), stock_of(guest, other)) == (3, 1)
    assert [name for name in events_of(order_id) if "Return" in name] == [
        "OrderReturnRequested",
        "OrderPartlyReturned",
        "OrderReturnRequested",
        "OrderReturned",
    ]
    eventually(lambda: emails(order_id).count("Your money is on its way back") == 2)
    merged = admin.must("PUT", f"/admin/stock/{one}/shards", {"shards": 1})
    assert merged == {"sku": one, "available": 3, "reserved": 0, "sold": 0, "received": 3, "shards": 1}


def test_concurrent_returns_of_two_lines_are_both_settled(guest, new_product, settled, sandbox):
    one, other = new_product(1, 1000), new_product(1, 2500)
    guest.put_in_cart(one)
    order_id = guest.buy(other)
    guest.ended(order_id)
    assert guest.give_back(order_id, {one: 1}).status == guest.give_back(order_id, {other: 1}).status == 202
    order = settled(order_id)
    assert order["status"] == "RETURNED" and len(order["returns"]) == 2
    assert sandbox.kept(order_id) == 0


@pytest.mark.parametrize("key", [None, "the-same"])
def test_concurrent_copies_of_a_return_are_one_return(
    guest, completed, settled, sandbox, events_of, emails, eventually, key
):
    order_id, sku = completed(units=3)
    replies = []
    threads = [
        threading.Thread(target=lambda: replies.append(guest.give_back(order_id, {sku: 1}, key))) for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    replies.append(guest.give_back(order_id, {sku: 1}, key))
    settled(order_id)
    replies.append(guest.give_back(order_id, {sku: 1}, key))
    assert [reply.status for reply in replies] == [202] * 7
    assert len({reply.body["return_id"] for reply in replies}) == 1
    assert len(settled(order_id)["returns"]) == events_of(order_id).count("OrderReturnRequested") == 1
    assert sandbox.kept(order_id) == 2000
    assert stock_of(guest, sku) == 1
    eventually(lambda: emails(order_id).count("Your money is on its way back") == 1)


def test_units_of_one_line_are_returned_one_by_one(guest, completed, settled, sandbox):
    order_id, sku = completed(units=2)
    assert guest.give_back(order_id, {sku: 1}, "first").status == 202
    assert guest.give_back(order_id, {sku: 1}, "second").status == 202
    assert settled(order_id)["status"] == "RETURNED"
    assert sandbox.kept(order_id) == 0


def test_idempotency_key_for_other_units_is_refused(guest, completed, settled):
    order_id, sku = completed(units=3)
    assert guest.give_back(order_id, {sku: 1}, "key").status == 202
    assert_problem(guest.give_back(order_id, {sku: 2}, "key"), 409, "idempotency_conflict")
    assert_problem(guest.give_back(order_id, None, "key"), 409, "idempotency_conflict")
    assert len(settled(order_id)["returns"]) == 1


def test_invalid_return_is_refused(guest, completed, settled, events_of):
    order_id, sku = completed(units=2)
    before = events_of(order_id)
    assert_problem(guest.give_back(order_id, {sku: 3}), 409, "return_exceeds_order")
    twice = {"lines": [{"sku": sku, "quantity": 1}, {"sku": sku, "quantity": 2}]}
    token = {"X-Order-Token": guest.order_tokens[order_id]}
    assert_problem(guest.call("POST", f"/orders/{order_id}/return", twice, token), 409, "return_exceeds_order")
    assert_problem(guest.give_back(order_id, {"OTHER": 1}), 422, "return_line_unknown")
    assert_problem(guest.give_back(order_id, {sku: 1, "OTHER": 1}), 422, "return_line_unknown")
    assert events_of(order_id) == before
    assert guest.give_back(order_id).status == 202
    assert_problem(guest.give_back(order_id, key="another"), 409, "nothing_to_return")
    assert settled(order_id)["status"] == "RETURNED"
    assert_problem(guest.give_back(order_id, {sku: 1}), 409, "nothing_to_return")


def test_return_of_an_unfinished_order_is_refused(guest, new_product):
    order_id = guest.buy(new_product(1), line2="sandbox:silent")
    assert_problem(guest.give_back(order_id), 409, "order_not_returnable")
    guest.cancel(order_id)
    guest.ended(order_id)
    assert_problem(guest.give_back(order_id), 409, "order_not_returnable")


def test_foreign_order_cannot_be_returned(guest, customer, opened, completed):
    order_id, _ = completed()
    assert_problem(Buyer(opened["api_url"]).give_back(order_id), 401, "order_token_required")
    stranger = Buyer(opened["api_url"], order_tokens={order_id: "order_" + "0" * 64})
    assert_problem(stranger.give_back(order_id), 404, "order_not_found")
    assert_problem(customer.give_back(order_id), 404, "order_not_found")
    assert guest.order(order_id)["returns"] == []


def test_customer_returns_their_own_order(customer, new_product, eventually):
    order_id = customer.buy(new_product(1))
    customer.ended(order_id)
    assert customer.give_back(order_id).status == 202
    eventually(lambda: customer.order(order_id)["status"] == "RETURNED")


def test_concurrent_returns_of_the_last_unit_are_one(guest, completed, settled, sandbox):
    order_id, sku = completed()
    replies = []
    threads = [
        threading.Thread(target=lambda: replies.append(guest.give_back(order_id, {sku: 1}, str(uuid.uuid4()))))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(reply.status for reply in replies) == [202] + [409] * 5
    assert {reply.body["code"] for reply in replies if reply.status == 409} == {"nothing_to_return"}
    assert len(settled(order_id)["returns"]) == 1
    assert sandbox.kept(order_id) == 0
    assert stock_of(guest, sku) == 1


@pytest.mark.parametrize(
    "operation, kind, times",
    [
        ("refund", "sticky_error", 3),
        ("retrieve", "error_before", 4),
    ],
)
def test_return_is_refunded_once_despite_provider_faults(guest, completed, settled, sandbox, operation, kind, times):
    order_id, sku = completed(units=2)
    sandbox.fault(operation, kind, times, order_id=order_id)
    guest.give_back(order_id, {sku: 1})
    order = settled(order_id)
    assert sandbox.struck() == [times]
    assert (order["status"], order["payment"]["refunded"]) == ("COMPLETED", 1000)
    assert [refund["amount"] for payment in sandbox.payments(order_id) for refund in payment["refunds"]] == [1000]
    assert sandbox.kept(order_id) == 1000


def test_overtaken_return_does_not_undo_the_other_return(guest, completed, settled, sandbox, eventually):
    order_id, sku = completed(units=3)
    sandbox.fault("refund", "slow", order_id=order_id, seconds=2)
    guest.give_back(order_id, {sku: 1}, "first")
    eventually(lambda: guest.order(order_id)["payment"]["refunded"] == 1000)  # reported by the provider
    sandbox.fault("retrieve", "slow", order_id=order_id, seconds=4)
    eventually(lambda: sandbox.struck() == [1, 1])  # the first has looked at the payment, and is answered later
    guest.give_back(order_id, {sku: 1}, "second")
    order = settled(order_id)
    assert [each["status"] for each in order["returns"]] == ["REFUNDED"] * 2
    assert sandbox.kept(order_id) == 1000
    eventually(lambda: guest.order(order_id)["payment"]["refunded"] == 2000, seconds=10)


def test_return_refunds_no_amount_already_refunded_at_stripe(guest, completed, settled, sandbox, eventually):
    order_id, _ = completed(units=2)
    sandbox.happens(order_id, "refund", amount=500)
    eventually(lambda: guest.order(order_id)["payment"]["refunded"] == 500)
    assert guest.give_back(order_id).status == 202
    order = settled(order_id)
    assert (order["status"], order["payment"]["refunded"]) == ("RETURNED", 2000)
    assert order["returns"][0]["refund"]["amount"] == 1500
    assert sandbox.kept(order_id) == 0


def test_return_without_lines_returns_the_whole_order(guest, completed, settled):
    order_id, _ = completed(units=2)
    token = {"X-Order-Token": guest.order_tokens[order_id]}
    assert guest.call("POST", f"/orders/{order_id}/return", {"lines": None}, token).status == 202
    order = settled(order_id)
    assert (order["status"], order["lines"][0]["returned"]) == ("RETURNED", 2)


def lines(*units):
    return {"lines": [{"sku": "SKU", "quantity": quantity} for quantity in units]}


BAD_BODIES = [
    (b"{", 400, "body_not_json"),
    (b"[]", 400, "body_not_json"),
    (b"null", 400, "body_not_json"),
    (b'"everything"', 400, "body_not_json"),
    (b"\xff\xfe", 400, "body_not_json"),
    (b"[" * 20_000, 400, "body_not_json"),
    (b'{"a": "' + b"x" * 40_000 + b'"}', 413, "body_too_large"),
    (b'{"lines": [{"sku": "SKU", "quantity": NaN}]}', 400, "body_not_json"),
    *[
        (body, 422, "validation_failed")
        for body in (
            {"lines": []},
            {"lines": "SKU"},
            {"lines": 1},
            {"lines": {}},
            {"lines": {"SKU": 1}},
            {"lines": [None]},
            {"lines": ["SKU"]},
            {"lines": [{"sku": "SKU"}]},
            {"lines": [{"quantity": 1}]},
            {"lines": [{"sku": "", "quantity": 1}]},
            {"lines": [{"sku": "x" * 65, "quantity": 1}]},
            {"lines": [{"sku": 1, "quantity": 1}]},
            *[lines(quantity) for quantity in (0, -1, 1.5, "1", 21, 10**30, 1e308, True, None, [], {})],
            lines(*[1] * 200),
        )
    ],
]


@pytest.fixture(scope="module")
def kept(opened):
    """Return an order without returns, and its buyer."""
    buyer = Buyer(opened["api_url"])
    sku = next(p["sku"] for p in buyer.call("GET", "/products").body["items"] if p["available"] > 5)
    order_id = buyer.buy(sku)
    buyer.ended(order_id)
    return buyer, order_id


def test_bad_bodies(kept):
    buyer, order_id = kept
    before, token = buyer.order(order_id), {"X-Order-Token": buyer.order_tokens[order_id]}
    for body, status, code in BAD_BODIES:
        sent = body if isinstance(body, bytes) else json.dumps(body).replace("SKU", before["lines"][0]["sku"]).encode()
        assert_problem(buyer.call("POST", f"/orders/{order_id}/return", sent, token), status, code)
    assert buyer.order(order_id) == before


@pytest.mark.parametrize("key", ["", " ", "x" * 129, "with space", "ümlaut"])
def test_bad_keys(kept, key):
    buyer, order_id = kept
    token = {"X-Order-Token": buyer.order_tokens[order_id]}
    reply = buyer.call("POST", f"/orders/{order_id}/return", None, token | {"Idempotency-Key": key})
    assert_problem(reply, 422, "idempotency_key_invalid")
    assert buyer.order(order_id)["returns"] == []
