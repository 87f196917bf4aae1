"""Notifications: the rules of the event bus select events for the staff, and customers are reminded of their carts."""

import base64
import json
import re
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from infra.commands import mail
from infra.commands.client import Buyer
from infra.local import shop


class TestStaff:
    """Content-filtered routing: the deployed rules select events by their content."""

    @pytest.fixture
    def matches(self, engine, resource, opened):
        """Return a function that tests whether a rule matches an event of an order with this content."""
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
    def test_rule_matches_only_events_of_its_purpose(self, matches, rule, event, is_wanted):
        assert matches(rule, **event) == is_wanted

    def test_staff_receives_messages_about_large_orders_and_customs(
        self, engine, opened, guest, new_product, eventually
    ):
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
        received = []

        def all_received():
            for message in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", []):
                received.append(json.loads(message["Body"])["Message"].strip('"'))
            return len(received) >= 3

        eventually(all_received)
        sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
        sqs.delete_queue(QueueUrl=queue)
        assert sorted(text for text in received if large in text or small in text) == sorted(
            [
                f"Large order {large}: 60000 EUR, in minor units.",
                *(f"Order {order_id} goes to NO and needs customs papers." for order_id in (large, small)),
            ]
        )


def test_email_about_a_parcel_has_its_tracking_number(guest, opened, new_product, eventually):
    order_id = guest.buy(new_product(1))
    guest.ended(order_id)
    number = guest.order(order_id)["shipment"]["tracking_number"]

    def texts():
        sent = mail.messages(opened["engine_url"], opened["account"])
        return [each["BodyText"] for each in sent if order_id in each["BodyText"]]

    eventually(lambda: any(f"Sandbox Post {number}" in text for text in texts()))


class TestReminder:
    @pytest.fixture
    def customer(self, engine, opened, sign_in):
        """Return a client of a new customer without orders."""
        person = shop.Person(f"{uuid.uuid4().hex}@sagasupply.example", "long-stories-1")
        shop.create_account(engine.session, opened["stack"]["UserPoolId"], person, [])
        return Buyer(opened["api_url"], token=sign_in(person))

    @pytest.fixture
    def cart(self, table, customer):
        """Return a function that reads the customer's stored cart."""
        claims = customer.token.split(".")[1]
        subject = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["sub"]

        def stored():
            key = {"id": f"customer#{subject}"}
            return table("CartsTableName").get_item(Key=key, ConsistentRead=True)["Item"]

        return stored

    @pytest.fixture
    def leave(self, table, cart):
        """Return a function that makes the customer's cart idle for this number of hours."""

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

    def test_reminder_is_sent_once_for_an_idle_cart(self, customer, guest, new_product, run_job, leave, reminders):
        customer.must("PUT", "/me/email-preferences", {"cart_reminders": True})
        sku = new_product(5)
        customer.put_in_cart(sku, 2)
        leave(hours=19)
        run_job("remind_of_carts")
        assert reminders(sku) == []

        leave(hours=21)
        assert run_job("remind_of_carts") == {"reminded": 1}
        assert run_job("remind_of_carts") == {"reminded": 0}
        [email] = reminders(sku)
        assert "2 × Test piece" in email["BodyText"] and "/cart" in email["BodyText"]

        customer.put_in_cart(sku, 3)
        leave(hours=21)
        assert run_job("remind_of_carts") == {"reminded": 1}

        token = re.search(r"/unsubscribe#link=(\S+)", email["BodyText"])[1]
        one_click = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = guest.call("POST", f"/unsubscribe/{token}", b"List-Unsubscribe=One-Click", one_click)
        assert (answer.status, answer.body) == (200, {"unsubscribed": True})
        assert customer.must("GET", "/me/email-preferences") == {"cart_reminders": False}
        customer.put_in_cart(sku, 4)
        leave(hours=21)
        assert run_job("remind_of_carts") == {"reminded": 0}
        customer.call("DELETE", f"/cart/items/{sku}")

    def test_reminder_is_not_sent_for_an_emptied_cart(self, customer, new_product, run_job, leave, reminders, cart):
        customer.must("PUT", "/me/email-preferences", {"cart_reminders": True})
        sku = new_product(1)
        customer.put_in_cart(sku)
        assert cart()["email"]
        customer.call("DELETE", f"/cart/items/{sku}")
        assert "email" not in cart()
        leave(hours=21)

        run_job("remind_of_carts")

        assert reminders(sku) == []

    def test_reminder_is_not_sent_after_an_order(self, customer, new_product, run_job, leave, reminders, settled):
        customer.must("PUT", "/me/email-preferences", {"cart_reminders": True})
        bought, left = new_product(1), new_product(1)
        order_id = customer.buy(bought)
        customer.ended(order_id)
        customer.put_in_cart(left)
        leave(hours=21)

        run_job("remind_of_carts")

        assert reminders(left) == []
        customer.call("DELETE", f"/cart/items/{left}")

    def test_reminder_of_a_guest_is_impossible_as_no_email_is_stored(self, guest, new_product, table):
        guest.put_in_cart(new_product(1))

        carts = table("CartsTableName").scan(ConsistentRead=True)["Items"]

        assert not any({"email", "remindable"} & cart.keys() for cart in carts if cart["id"].startswith("guest#"))
