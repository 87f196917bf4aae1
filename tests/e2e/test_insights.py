"""What a completed order leads to: each consumer by itself, once, and the order settled when all are done."""

import base64
import json
import re
import urllib.request
import uuid
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from boto3.dynamodb.conditions import Key

from chalicelib.platform.shop import shop as shop_file
from infra.commands import mail
from infra.commands.client import Buyer
from infra.local import shop

FAN_OUT = ("PointsQueue", "InvoicesQueue", "SalesQueue", "AffinityQueue")
ALL_PARTS = ["AFFINITY", "INVOICE", "POINTS", "SALES"]


@pytest.fixture
def of_order(table):
    """What the insights table holds of an order: its parts, and its events."""

    def items(order_id):
        key = Key("pk").eq(f"ORDER#{order_id}")
        return table("InsightsTableName").query(KeyConditionExpression=key, ConsistentRead=True)["Items"]

    return items


@pytest.fixture
def parts(of_order):
    def done(order_id):
        return [item["sk"].removeprefix("PART#") for item in of_order(order_id) if item["sk"].startswith("PART#")]

    return done


@pytest.fixture
def settled(of_order, eventually):
    """Waits until an order is settled and that is published; returns the event."""

    def event(order_id):
        def published():
            events = [item for item in of_order(order_id) if item["sk"].startswith("EVENT#")]
            return events if events and all("published_at" in item for item in events) else None

        [item] = eventually(published)
        return item["event"]

    return event


@pytest.fixture
def mapping(engine, resource, eventually):
    """Switches a queue's consumer off or on, by the logical id of its event source mapping."""
    switched_off = []

    def switch(logical_id, on):
        client, uuid = engine.session.client("lambda"), resource(logical_id)
        client.update_event_source_mapping(UUID=uuid, Enabled=on)
        state = "Enabled" if on else "Disabled"
        eventually(lambda: client.get_event_source_mapping(UUID=uuid)["State"] == state)
        switched_off.remove(logical_id) if on else switched_off.append(logical_id)

    yield switch
    for logical_id in list(switched_off):
        switch(logical_id, True)


@pytest.fixture
def deliver_again(engine, resource, table):
    """Puts an order's event on these queues once more, as the bus would."""

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
    """Waits until nothing is on these queues or being handled."""
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
    """Of today: how often each step was taken, by variant."""
    return view["funnel"][-1]["by_variant"]


def test_an_order_is_counted_once_by_country_and_in_the_funnel_by_the_half_that_its_buyer_saw(
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


def test_every_event_of_an_order_names_the_half_and_a_repeated_checkout_need_not(guest, new_product, table):
    guest.put_in_cart(new_product(1))
    order_id = guest.check_out(key="once", variant="a").body["order_id"]
    assert guest.check_out(key="once", variant="b").body["order_id"] == order_id
    guest.ended(order_id)

    events = Key("pk").eq(f"ORDER#{order_id}") & Key("sk").begins_with("EVENT#")
    told = table("OrdersTableName").query(KeyConditionExpression=events, ConsistentRead=True)["Items"]

    assert {item["event"]["data"]["variant"] for item in told} == {"a"}


def test_an_experiment_loses_no_order(guest, new_product, table):
    guest.put_in_cart(new_product(1))

    order_id = guest.check_out(variant="<script>").body["order_id"]

    guest.ended(order_id)
    assert "variant" not in table("OrdersTableName").get_item(Key={"pk": f"ORDER#{order_id}", "sk": "ORDER"})["Item"]


def test_pages_tell_the_steps_of_a_visit_and_nothing_else(guest, admin):
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
        if times != before[variant][step]
    }
    assert gained == {("a", "visit"): 1, ("a", "cart"): 1, ("-", "checkout"): 1}


def test_a_customers_order_has_points_an_invoice_sales_and_affinity_and_is_settled(
    customer, admin, new_product, settled, parts
):
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


def test_a_guests_order_earns_no_points_and_is_settled_without(guest, admin, new_product, settled, parts):
    before = insights(admin)["points"]
    order_id = guest.buy(new_product(1, price=5000))
    guest.ended(order_id)

    assert settled(order_id)["data"]["parts"] == ["AFFINITY", "INVOICE", "SALES"]
    assert "POINTS" not in parts(order_id)
    assert insights(admin)["points"] == before


def test_a_guests_order_does_not_even_come_to_the_queue_of_the_points(
    guest, customer, engine, new_product, resource, settled, mapping, eventually
):
    """The topic's filter keeps it away. A customer's order, placed after it, shows that the queue is not just slow."""
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


def test_a_consumer_that_stands_still_does_not_hold_the_others_back(
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


def test_a_message_that_nobody_can_handle_does_not_hold_the_others_back(guest, engine, new_product, resource, settled):
    """The event of an order that does not exist makes the invoice's consumer fail; it is then put aside by hand."""
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


def test_what_comes_again_counts_nothing_again(customer, admin, new_product, settled, of_order, deliver_again, drained):
    order_id = customer.buy(new_product(1, price=1234))
    customer.ended(order_id)
    settled(order_id)
    before, had, held = insights(admin), points(customer), of_order(order_id)

    deliver_again(order_id, "OrderCompleted", *FAN_OUT, *reversed(FAN_OUT))
    drained(*FAN_OUT)

    assert insights(admin) == before
    assert points(customer) == had
    assert of_order(order_id) == held


def test_a_return_takes_points_and_revenue_back_once(
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


def test_a_product_that_nobody_bought_has_no_company_and_an_unknown_one_is_not_found(guest, new_product):
    assert guest.must("GET", f"/products/{new_product(1)}/also-bought") == {"items": [], "next_cursor": None}
    assert guest.call("GET", "/products/NOT-THERE/also-bought").status == 404


class TestStaff:
    """Content of an event decides who hears of it. The patterns are those of the deployed rules."""

    @pytest.fixture
    def matches(self, engine, resource, opened):
        """Whether a rule wants the event of an order with these facts."""
        events = engine.session.client("events")

        def test(rule, event_type, amount=1000, country="NO", version=1):
            name = resource(rule).split("|")[-1].split("/")[-1]
            pattern = events.describe_rule(Name=name, EventBusName=opened["stack"]["EventBusName"])["EventPattern"]
            data = {"total": {"amount": amount, "currency": "EUR"}, "country": country, "is_guest": False}
            event = {
                "id": "1", "account": "000000000000", "time": "2030-05-17T12:00:00Z", "region": "eu-central-1",
                "resources": [], "source": "storefront.orders", "detail-type": event_type,
                "detail": {"version": version, "data": data},
            }  # fmt: skip
            return events.test_event_pattern(EventPattern=pattern, Event=json.dumps(event))["Result"]

        return test

    @pytest.mark.parametrize(
        ("rule", "event", "is_wanted"),
        [
            ("LargeOrdersRule", {"event_type": "OrderPlaced", "amount": 50000}, True),
            ("LargeOrdersRule", {"event_type": "OrderPlaced", "amount": 1_000_000}, True),
            ("LargeOrdersRule", {"event_type": "OrderPlaced", "amount": 49999}, False),
            ("LargeOrdersRule", {"event_type": "OrderCompleted", "amount": 50000}, False),
            ("LargeOrdersRule", {"event_type": "OrderPlaced", "amount": 50000, "version": 2}, False),
            ("CustomsRule", {"event_type": "OrderShipping", "country": "NO"}, True),
            ("CustomsRule", {"event_type": "OrderShipping", "country": "GB"}, True),
            ("CustomsRule", {"event_type": "OrderShipping", "country": "SE"}, False),
            ("CustomsRule", {"event_type": "OrderPlaced", "country": "NO"}, False),
            ("CompletedOrdersRule", {"event_type": "OrderCompleted"}, True),
            ("CompletedOrdersRule", {"event_type": "OrderCancelled"}, False),
            ("ReturnedOrdersRule", {"event_type": "OrderPartlyReturned"}, True),
            ("ReturnedOrdersRule", {"event_type": "OrderReturned"}, True),
            ("ReturnedOrdersRule", {"event_type": "OrderReturnRequested"}, False),
        ],
    )
    def test_a_rule_wants_what_it_is_for(self, matches, rule, event, is_wanted):
        assert matches(rule, **event) == is_wanted

    def test_hears_of_a_large_order_and_of_customs_in_plain_words(self, engine, opened, guest, new_product, eventually):
        sqs, sns = engine.session.client("sqs"), engine.session.client("sns")
        topic = opened["stack"]["StaffTopicArn"]
        may_send = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": "*",
            "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [may_send]})
        queue = sqs.create_queue(QueueName="a-member-of-the-staff", Attributes={"Policy": policy})["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        subscription = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, ReturnSubscriptionArn=True)
        large, small = guest.buy(new_product(1, price=60000)), guest.buy(new_product(1, price=100))
        for order_id in (large, small):
            guest.ended(order_id)
        heard = []

        def all_is_heard():
            for message in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", []):
                heard.append(json.loads(message["Body"])["Message"].strip('"'))
            return len(heard) >= 3

        eventually(all_is_heard)
        sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
        sqs.delete_queue(QueueUrl=queue)
        assert sorted(text for text in heard if large in text or small in text) == sorted(
            [
                f"Large order {large}: 60000 cents.",
                *(f"Order {order_id} goes to NO and needs customs papers." for order_id in (large, small)),
            ]
        )


@pytest.fixture
def run(engine):
    """Runs a job by hand."""

    def job(name, **given):
        return job.invoke(engine.session, shop.STACK, job.jobs()[name], given)

    return job


class TestReport:
    def test_of_a_day_is_a_table_and_a_page(self, guest, new_product, settled, run, engine, opened):
        sku = new_product(2, price=1999)
        order_id = guest.buy(sku, 2)
        guest.ended(order_id)
        settled(order_id)
        today = shop_file().day_of(datetime.now(UTC)).isoformat()

        assert run("write_sales_report", date=today) == {"written": f"sales/{today}"}

        s3, bucket = engine.session.client("s3"), opened["stack"]["ReportsBucketName"]
        table, page = (
            s3.get_object(Bucket=bucket, Key=f"sales/{today}.{kind}")["Body"].read().decode("utf-8-sig")
            for kind in ("csv", "html")
        )
        assert f"{today},{sku},Test piece {sku},2,3998,EUR,{shop_file().time_zone}" in table.splitlines()
        assert 'class="chart"' in page and "39.98" in page and today in page and shop_file().time_zone in page

    def test_without_a_date_is_of_yesterday(self, run):
        yesterday = (shop_file().day_of(datetime.now(UTC)) - timedelta(days=1)).isoformat()

        assert run("write_sales_report") == {"written": f"sales/{yesterday}"}


class TestReminder:
    @pytest.fixture
    def customer(self, engine, opened, sign_in):
        """One who has not ordered anything yet."""
        person = shop.Person(f"{uuid.uuid4().hex}@sagasupply.example", "long-stories-1")
        shop._welcome(engine.session, opened["stack"]["UserPoolId"], person, [])
        return Buyer(opened["api_url"], token=sign_in(person))

    @pytest.fixture
    def cart(self, table, customer):
        """The customer's cart as it is stored."""
        claims = customer.token.split(".")[1]
        subject = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["sub"]

        def stored():
            key = {"id": f"customer#{subject}"}
            return table("CartsTableName").get_item(Key=key, ConsistentRead=True)["Item"]

        return stored

    @pytest.fixture
    def leave(self, table, cart):
        """Makes the customer's cart one that was not touched for so many hours."""

        def untouched(hours):
            left = cart()
            seconds = int((datetime.now(UTC) + timedelta(days=30) - timedelta(hours=hours)).timestamp())
            table("CartsTableName").put_item(Item=left | {"expires_at": seconds})

        return untouched

    @pytest.fixture
    def reminders(self, opened):
        def about(sku):
            sent = [m for m in mail.messages(opened["engine_url"], opened["account"]) if sku in m["BodyText"]]
            return [each for each in sent if each["Subject"].startswith("Still in your cart")]

        return about

    def test_comes_once_for_a_cart_that_was_left(self, customer, guest, new_product, run, leave, reminders):
        customer.must("PUT", "/me/email-preferences", {"cart_reminders": True})
        sku = new_product(5)
        customer.put_in_cart(sku, 2)
        leave(hours=19)
        run("remind_of_carts")
        assert reminders(sku) == []

        leave(hours=21)
        assert run("remind_of_carts") == {"reminded": 1}
        assert run("remind_of_carts") == {"reminded": 0}
        [email] = reminders(sku)
        assert "2 × Test piece" in email["BodyText"] and "/cart" in email["BodyText"]

        customer.put_in_cart(sku, 3)
        leave(hours=21)
        assert run("remind_of_carts") == {"reminded": 1}

        token = re.search(r"/unsubscribe#link=(\S+)", email["BodyText"])[1]
        one_click = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = guest.call("POST", f"/unsubscribe/{token}", b"List-Unsubscribe=One-Click", one_click)
        assert (answer.status, answer.body) == (200, {"unsubscribed": True})
        assert customer.must("GET", "/me/email-preferences") == {"cart_reminders": False}
        customer.put_in_cart(sku, 4)
        leave(hours=21)
        assert run("remind_of_carts") == {"reminded": 0}
        customer.call("DELETE", f"/cart/items/{sku}")

    def test_does_not_come_to_who_has_emptied_it(self, customer, new_product, run, leave, reminders, cart):
        customer.must("PUT", "/me/email-preferences", {"cart_reminders": True})
        sku = new_product(1)
        customer.put_in_cart(sku)
        assert cart()["email"]
        customer.call("DELETE", f"/cart/items/{sku}")
        assert "email" not in cart()
        leave(hours=21)

        run("remind_of_carts")

        assert reminders(sku) == []

    def test_does_not_come_to_who_has_ordered_since(self, customer, new_product, run, leave, reminders, settled):
        customer.must("PUT", "/me/email-preferences", {"cart_reminders": True})
        bought, left = new_product(1), new_product(1)
        order_id = customer.buy(bought)
        customer.ended(order_id)
        customer.put_in_cart(left)
        leave(hours=21)

        run("remind_of_carts")

        assert reminders(left) == []
        customer.call("DELETE", f"/cart/items/{left}")

    def test_never_comes_to_a_guest_whose_email_is_not_even_kept(self, guest, new_product, table):
        guest.put_in_cart(new_product(1))

        carts = table("CartsTableName").scan(ConsistentRead=True)["Items"]

        assert not any({"email", "remindable"} & cart.keys() for cart in carts if cart["id"].startswith("guest#"))
