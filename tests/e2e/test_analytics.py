"""Fan-out and fan-in of a completed order: each consumer has its effect once, and then the order is settled."""

import json
import urllib.request
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from boto3.dynamodb.conditions import Key

from chalicelib.platform.shop import shop as shop_file

FAN_OUT = ("PointsQueue", "InvoicesQueue", "SalesQueue", "AffinityQueue")
ALL_PARTS = ["AFFINITY", "INVOICE", "POINTS", "SALES"]
REPORTED = ("visit", "cart", "checkout")
"""Steps that pages report. The others follow from orders, also from those of earlier tests."""


@pytest.fixture
def parts(of_order):
    def done(order_id):
        return [item["sk"].removeprefix("PART#") for item in of_order(order_id) if item["sk"].startswith("PART#")]

    return done


@pytest.fixture
def deliver_again(engine, resource, table):
    """Return a function that sends an order's event to these queues again, as the bus would."""

    def send(order_id, event_type, *queues):
        key = Key("pk").eq(f"ORDER#{order_id}") & Key("sk").begins_with("EVENT#")
        items = table("OrdersTableName").query(KeyConditionExpression=key, ConsistentRead=True)["Items"]
        [event] = [item["event"] for item in items if item["event"]["type"] == event_type]
        body = json.dumps({"detail-type": event_type, "detail": event}, default=int)
        for queue in queues:
            engine.session.client("sqs").send_message(QueueUrl=resource(queue), MessageBody=body)

    return send


@pytest.fixture
def drained(engine, resource, eventually):
    """Return a function that waits until these queues are empty and no message is in flight."""
    counts = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")

    def wait(*queues):
        sqs = engine.session.client("sqs")
        for queue in queues:
            read = partial(sqs.get_queue_attributes, QueueUrl=resource(queue), AttributeNames=list(counts))
            eventually(lambda read=read: all(read()["Attributes"][name] == "0" for name in counts))

    return wait


def insights(admin):
    return admin.must("GET", "/admin/insights?days=1")


def points(buyer):
    return buyer.must("GET", "/me/points")["points"]


def invoice_of(buyer, order_id):
    token = buyer.order_tokens.get(order_id)
    return buyer.call("GET", f"/orders/{order_id}/invoice", headers={"X-Order-Token": token} if token else {})


def read(url):
    with urllib.request.urlopen(url, timeout=30) as answer:
        return answer.headers["Content-Type"], answer.read().decode()


def funnel(view):
    """Return today's count of each step of the funnel, by variant."""
    return view["funnel"][-1]["by_variant"]


def test_order_is_counted_once_by_country_and_by_variant_of_the_experiment(
    guest, admin, new_product, settled, deliver_again, drained, eventually
):
    before = insights(admin)
    guest.put_in_cart(new_product(1, price=4200))
    order_id = guest.check_out(variant="b").body["order_id"]
    guest.ended(order_id)
    settled(order_id)
    eventually(lambda: funnel(insights(admin))["b"]["placed"] > funnel(before)["b"]["placed"])
    counted = insights(admin)

    deliver_again(order_id, "OrderPlaced", "PlacedOrdersQueue")
    deliver_again(order_id, "OrderCompleted", "SalesQueue")
    drained("PlacedOrdersQueue", "SalesQueue")

    after = insights(admin)
    assert after == counted
    for step in ("placed", "completed"):
        assert funnel(after)["b"][step] - funnel(before)["b"][step] == 1
    assert (funnel(after)["a"], funnel(after)["-"]) == (funnel(before)["a"], funnel(before)["-"])
    norway = {view["country"]: view for view in after["countries"]}["NO"]
    was = {view["country"]: view for view in before["countries"]}.get("NO", {"orders": 0, "revenue": 0})
    assert (norway["orders"] - was["orders"], norway["revenue"] - was["revenue"]) == (1, 4200)


def test_events_of_an_order_have_the_variant_of_the_first_checkout(guest, new_product, table):
    guest.put_in_cart(new_product(1))
    order_id = guest.check_out(key="once", variant="a").body["order_id"]
    assert guest.check_out(key="once", variant="b").body["order_id"] == order_id
    guest.ended(order_id)

    events = Key("pk").eq(f"ORDER#{order_id}") & Key("sk").begins_with("EVENT#")
    items = table("OrdersTableName").query(KeyConditionExpression=events, ConsistentRead=True)["Items"]

    assert {item["event"]["data"]["variant"] for item in items} == {"a"}


def test_experiment_loses_no_order(guest, new_product, table):
    guest.put_in_cart(new_product(1))

    order_id = guest.check_out(variant="<script>").body["order_id"]

    guest.ended(order_id)
    assert "variant" not in table("OrdersTableName").get_item(Key={"pk": f"ORDER#{order_id}", "sk": "ORDER"})["Item"]


def test_pages_report_known_steps_of_a_visit_only(guest, admin):
    before = funnel(insights(admin))

    for body in ({"step": "visit", "variant": "a"}, {"step": "cart", "variant": "a"}, {"step": "checkout"}):
        assert guest.call("POST", "/steps", body).status == 202
    for body in (
        {}, {"step": "placed"}, {"step": "completed"}, {"step": "visit", "variant": "c"},
        {"step": "visit", "email": "ida@example.com"}, {"step": ["visit"]},
    ):  # fmt: skip
        assert guest.call("POST", "/steps", body).body["code"] == "validation_failed"

    after = funnel(insights(admin))
    gained = {
        (variant, step): times - before[variant][step]
        for variant, steps in after.items()
        for step, times in steps.items()
        if step in REPORTED and times != before[variant][step]
    }
    assert gained == {("a", "visit"): 1, ("a", "cart"): 1, ("-", "checkout"): 1}


def test_order_of_a_customer_has_all_effects_and_is_settled(customer, admin, new_product, settled, parts):
    one, other = new_product(2, price=1999), new_product(1, price=2600)
    before, had = insights(admin), points(customer)
    customer.put_in_cart(one, 2)
    order_id = customer.buy(other)
    customer.ended(order_id)

    event = settled(order_id)

    assert (event["type"], event["source"], event["correlation_id"]) == (
        "OrderSettled", "storefront.insights", order_id,
    )  # fmt: skip
    assert event["data"] == {"order_id": order_id, "parts": ALL_PARTS} and sorted(parts(order_id)) == ALL_PARTS
    assert points(customer) - had == 65
    after = insights(admin)
    assert after["points"] - before["points"] == 65
    [was], [today] = before["days"], after["days"]
    assert (today["orders"] - was["orders"], today["pieces"] - was["pieces"]) == (1, 3)
    assert today["revenue"] - was["revenue"] == 6598
    is_full = len(after["bought_together"]) == 10
    assert {"skus": sorted([one, other]), "orders": 1} in after["bought_together"] or is_full
    [recommended] = customer.must("GET", f"/products/{one}/also-bought")["items"]
    assert (recommended["sku"], recommended["price"]["amount"], recommended["available"]) == (other, 2600, 0)


def test_guests_order_earns_no_points_and_is_settled_without(guest, admin, new_product, settled, parts):
    before = insights(admin)["points"]
    order_id = guest.buy(new_product(1, price=5000))
    guest.ended(order_id)

    assert settled(order_id)["data"]["parts"] == ["AFFINITY", "INVOICE", "SALES"]
    assert "POINTS" not in parts(order_id)
    assert insights(admin)["points"] == before


def test_order_of_a_guest_is_filtered_out_of_the_points_queue(
    guest, customer, engine, new_product, resource, settled, mapping, eventually
):
    """The order of a customer, placed after it, proves that the queue is not merely slow."""
    mapping("EarnFromPointsQueue", on=False)
    sku = new_product(2)
    of_guest, of_customer = guest.buy(sku), customer.buy(sku)
    guest.ended(of_guest)
    customer.ended(of_customer)
    settled(of_guest)
    sqs, seen = engine.session.client("sqs"), []

    def customers_message_is_there():
        answer = sqs.receive_message(QueueUrl=resource("PointsQueue"), VisibilityTimeout=0, MaxNumberOfMessages=10)
        seen.extend(json.loads(message["Body"])["detail"]["data"]["order_id"] for message in answer.get("Messages", []))
        return of_customer in seen

    eventually(customers_message_is_there)
    assert set(seen) == {of_customer}
    mapping("EarnFromPointsQueue", on=True)
    settled(of_customer)


def test_disabled_consumer_does_not_delay_the_others(
    customer, new_product, of_order, parts, settled, mapping, eventually
):
    mapping("LearnFromAffinityQueue", on=False)
    order_id = customer.buy(new_product(1))
    customer.ended(order_id)
    eventually(lambda: sorted(parts(order_id)) == ["INVOICE", "POINTS", "SALES"])
    assert invoice_of(customer, order_id).status == 200
    assert not any(item["sk"].startswith("EVENT#") for item in of_order(order_id))

    mapping("LearnFromAffinityQueue", on=True)

    assert settled(order_id)["data"]["parts"] == ALL_PARTS


def test_poison_message_does_not_delay_the_others(guest, engine, new_product, resource, settled):
    """The event of an order that does not exist makes the consumer of invoices fail; the test deletes it afterwards."""
    url, sqs = resource("InvoicesQueue"), engine.session.client("sqs")
    nobodys = {"order_id": "ord_nobodys", "status": "COMPLETED", "country": "NO", "is_guest": True, "lines": []}
    event = {
        "id": "evt_nobodys", "type": "OrderCompleted", "version": 1, "time": "2030-05-17T12:00:00.000Z",
        "source": "storefront.orders", "correlation_id": "ord_nobodys", "causation_id": None,
        "data": nobodys | {"total": {"amount": 100, "currency": "EUR"}},
    }  # fmt: skip
    sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"detail": event}))
    order_id = guest.buy(new_product(1))
    guest.ended(order_id)

    assert settled(order_id)["data"]["parts"] == ["AFFINITY", "INVOICE", "SALES"]
    sqs.purge_queue(QueueUrl=url)


def test_repeated_events_are_counted_once(customer, admin, new_product, settled, of_order, deliver_again, drained):
    order_id = customer.buy(new_product(1, price=1234))
    customer.ended(order_id)
    settled(order_id)
    before, had, held = insights(admin), points(customer), of_order(order_id)

    deliver_again(order_id, "OrderCompleted", *FAN_OUT, *reversed(FAN_OUT))
    drained(*FAN_OUT)

    assert insights(admin) == before
    assert points(customer) == had
    assert of_order(order_id) == held


def test_return_takes_points_and_revenue_back_once(
    customer, admin, new_product, settled, eventually, deliver_again, drained
):
    before, had = insights(admin), points(customer)
    sku = new_product(3, price=1050)
    order_id = customer.buy(sku, 3)
    customer.ended(order_id)
    settled(order_id)
    assert points(customer) - had == 31

    customer.give_back(order_id, {sku: 1})
    eventually(lambda: points(customer) - had == 21)
    customer.give_back(order_id)
    eventually(lambda: points(customer) == had)
    deliver_again(order_id, "OrderReturned", "ReturnedOrdersQueue")
    drained("ReturnedOrdersQueue")

    after = insights(admin)
    assert (points(customer), after["points"]) == (had, before["points"])
    [was], [today] = before["days"], after["days"]
    assert (today["orders"] - was["orders"], today["pieces"], today["revenue"]) == (1, was["pieces"], was["revenue"])


@pytest.mark.parametrize("days", ["0", "32", "many", "-1"])
def test_insights_of_an_impossible_span_are_refused(admin, days):
    assert admin.call("GET", f"/admin/insights?days={days}").status == 422


def test_insights_are_for_admins_and_points_for_customers(guest, customer):
    assert (guest.call("GET", "/admin/insights").status, customer.call("GET", "/admin/insights").status) == (401, 403)
    assert guest.call("GET", "/me/points").status == 401


def test_also_bought_is_empty_for_a_new_product_and_404_for_an_unknown_one(guest, new_product):
    assert guest.must("GET", f"/products/{new_product(1)}/also-bought") == {"items": [], "next_cursor": None}
    assert guest.call("GET", "/products/NOT-THERE/also-bought").status == 404


class TestReport:
    def test_sales_report_of_a_day_is_a_table_and_a_page(self, guest, new_product, settled, run_job, engine, opened):
        sku = new_product(2, price=1999)
        order_id = guest.buy(sku, 2)
        guest.ended(order_id)
        settled(order_id)
        today = shop_file().day_of(datetime.now(UTC)).isoformat()

        assert run_job("write_sales_report", date=today) == {"written": f"sales/{today}"}

        s3, bucket = engine.session.client("s3"), opened["stack"]["ReportsBucketName"]
        table, page = (
            s3.get_object(Bucket=bucket, Key=f"sales/{today}.{kind}")["Body"].read().decode("utf-8-sig")
            for kind in ("csv", "html")
        )
        assert f"{today},{sku},Test piece {sku},2,3998,EUR,{shop_file().time_zone}" in table.splitlines()
        assert 'class="chart"' in page and "39.98" in page and today in page and shop_file().time_zone in page

    def test_sales_report_without_a_date_is_of_yesterday(self, run_job):
        yesterday = (shop_file().day_of(datetime.now(UTC)) - timedelta(days=1)).isoformat()

        assert run_job("write_sales_report") == {"written": f"sales/{yesterday}"}
