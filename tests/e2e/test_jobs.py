"""Scheduled jobs, started by the test: the sweeper and the reconciliation."""

import csv
import io
import json
import uuid

import pytest
import stripe

pytestmark = pytest.mark.takes_long

LONG_AGO = "2020-01-01T00:00:00.000Z"


@pytest.fixture
def run(engine, resource):
    """Return a function that runs a job and returns its result."""

    def job(logical_id):
        answer = engine.session.client("lambda").invoke(FunctionName=resource(logical_id))
        answered = json.load(answer["Payload"])
        assert "FunctionError" not in answer, answered
        return answered

    return job


@pytest.fixture
def reconcile(run):
    """Return a function that runs the reconciliation and returns its mismatches about one order."""

    def differences(order_id):
        found = run("ReconcilePayments")["differences"]
        return [each for each in found if each["order_id"] == order_id]

    return differences


@pytest.fixture
def reservation(table, eventually):
    """Return a function that waits for an order's reservation and returns its status."""

    def of(order_id):
        key = {"pk": f"RESERVATION#{order_id}"}
        return eventually(lambda: table("InventoryTableName").get_item(Key=key, ConsistentRead=True).get("Item"))

    return of


@pytest.fixture
def expire(table):
    """Return a function that moves the expiry of an order's reservation into the past."""

    def past(order_id):
        table("InventoryTableName").update_item(
            Key={"pk": f"RESERVATION#{order_id}"},
            UpdateExpression="SET expires_at = :past",
            ExpressionAttributeValues={":past": LONG_AGO},
        )

    return past


@pytest.fixture
def stranger(opened):
    """Return a function that pays for an unknown order with a shop's mark and returns the payment's and order's ids."""
    intents = stripe.StripeClient(
        opened["stripe_key"], base_addresses={"api": opened["payments_url"]}
    ).v1.payment_intents

    def pay(capture_method, deployment=opened["stack"]["Deployment"]):
        order_id = f"ord_{uuid.uuid4().hex[:24]}"
        made = intents.create(
            {
                "amount": 4200,
                "currency": "eur",
                "capture_method": capture_method,
                "payment_method_types": ["card"],
                "payment_method": "pm_card_visa",
                "confirm": True,
                "metadata": {"order_id": order_id} | ({"deployment": deployment} if deployment else {}),
            }
        )
        return made.id, order_id

    return pay


@pytest.fixture
def reported(engine, opened):
    """Return a function that reads the lines about an order in all reports."""

    def lines(order_id):
        s3, bucket = engine.session.client("s3"), opened["stack"]["ReportsBucketName"]
        reports = s3.list_objects_v2(Bucket=bucket, Prefix="reconciliation/")["Contents"]
        texts = [
            s3.get_object(Bucket=bucket, Key=report["Key"])["Body"].read().decode("utf-8-sig") for report in reports
        ]
        return [line for text in texts for line in csv.DictReader(io.StringIO(text)) if line["order_id"] == order_id]

    return lines


def stock_of(buyer, sku):
    return buyer.call("GET", f"/products/{sku}").body["available"]


def test_expired_reservation_is_swept_and_its_saga_stops(
    guest, new_product, sandbox, run, reservation, expire, events_of, eventually
):
    sku = new_product(2)
    order_id = guest.buy(sku, 2, card="pm_card_threeDSecure2Required")
    eventually(lambda: guest.order(order_id)["status"] == "ACTION_REQUIRED")
    assert reservation(order_id)["status"] == "HELD"
    expire(order_id)
    run("SweepReservations")  # The scheduled run may have come first, so its count is not checked.
    assert stock_of(guest, sku) == 2
    order = guest.order(order_id)
    assert order["cancel_requested"] or order["status"] == "CANCELLED"
    assert run("SweepReservations") == {"released": 0}
    order = guest.ended(order_id)
    assert (order["status"], order["reason"]) == ("CANCELLED", "FULFILMENT_FAILED")
    assert events_of(order_id) == [
        "OrderPlaced", "OrderReserved", "OrderActionRequired", "OrderCancelRequested", "OrderCancelled",
    ]  # fmt: skip
    assert sandbox.kept(order_id) == 0 and stock_of(guest, sku) == 2


@pytest.fixture
def stop(engine, opened):
    """Return a function that stops the saga of an order without compensation."""

    def now(order_id):
        execution = f"{opened['state_machine_arn'].replace(':stateMachine:', ':execution:')}:{order_id}"
        engine.session.client("stepfunctions").stop_execution(executionArn=execution)

    return now


def test_order_whose_saga_died_is_ended_by_the_sweeper(guest, new_product, sandbox, run, eventually, expire, stop):
    sku = new_product(2)
    order_id = guest.buy(sku, 2, card="pm_card_threeDSecure2Required")
    eventually(lambda: guest.order(order_id)["status"] == "ACTION_REQUIRED")
    stop(order_id)
    expire(order_id)
    run("SweepReservations")  # The run of the clock may have come first, so its count says nothing.
    order = guest.ended(order_id)
    assert (order["status"], order["reason"]) == ("CANCELLED", "FULFILMENT_FAILED")
    assert sandbox.kept(order_id) == 0 and stock_of(guest, sku) == 2


def test_order_whose_saga_died_can_be_cancelled(guest, new_product, sandbox, stop, eventually):
    order_id = guest.buy(new_product(1), line2="sandbox:silent")
    eventually(lambda: guest.order(order_id)["status"] == "SHIPPING")
    stop(order_id)
    assert guest.cancel(order_id).status == 202
    order = guest.ended(order_id)
    assert (order["status"], order["reason"]) == ("CANCELLED", "CUSTOMER_REQUEST")
    assert order["shipment"]["status"] == "RECALLED"
    assert sandbox.kept(order_id) == 0


def test_unexpired_reservation_is_not_swept(guest, new_product, run, reservation, eventually):
    order_id = guest.buy(new_product(1), card="pm_card_threeDSecure2Required")
    eventually(lambda: guest.order(order_id)["status"] == "ACTION_REQUIRED")
    assert reservation(order_id)["status"] == "HELD"
    assert run("SweepReservations") == {"released": 0}
    assert reservation(order_id)["status"] == "HELD"
    guest.cancel(order_id)
    guest.ended(order_id)


def test_committed_reservation_is_not_swept(guest, new_product, run, reservation, expire, eventually):
    order_id = guest.buy(new_product(1), line2="sandbox:silent")
    eventually(lambda: reservation(order_id)["status"] == "COMMITTED")
    expire(order_id)
    assert run("SweepReservations") == {"released": 0}
    assert reservation(order_id)["status"] == "COMMITTED"
    assert not guest.order(order_id)["cancel_requested"]
    guest.cancel(order_id)
    guest.ended(order_id)


def test_authorization_without_an_order_is_released(sandbox, reconcile, reported, stranger):
    intent_id, order_id = stranger("manual")
    found = {"order_id": order_id, "payment_intent": intent_id, "expected": 0, "found": 4200}
    assert reconcile(order_id) == [{"kind": "HOLD_NOT_NEEDED", **found}]
    [payment] = sandbox.payments(order_id)
    assert (payment["status"], payment["capturable"]) == ("canceled", 0)
    assert reported(order_id) == [{name: str(value) for name, value in {"kind": "HOLD_NOT_NEEDED", **found}.items()}]
    assert reconcile(order_id) == []


def test_money_that_no_order_knows_is_given_back(sandbox, reconcile, reported, stranger):
    intent_id, order_id = stranger("automatic")
    [difference] = reconcile(order_id)
    assert (difference["kind"], difference["payment_intent"]) == ("CHARGED_TOO_MUCH", intent_id)
    assert (difference["expected"], difference["found"]) == (0, 4200)
    assert sandbox.kept(order_id) == 0
    assert [line["kind"] for line in reported(order_id)] == ["CHARGED_TOO_MUCH"]
    assert reconcile(order_id) == []


@pytest.mark.parametrize("deployment", [None, "111122223333/eu-west-1/another-shop"])
def test_payment_of_another_shop_is_neither_touched_nor_reported(sandbox, reconcile, reported, stranger, deployment):
    _, order_id = stranger("automatic", deployment)
    sandbox.happens(order_id, "refund", amount=200)
    assert reconcile(order_id) == []
    assert reported(order_id) == []
    assert sandbox.kept(order_id) == 4000


@pytest.mark.parametrize("amount", [500, 2500])
def test_reconciliation_records_a_refund_whose_event_was_lost(
    guest, new_product, sandbox, reconcile, events_of, amount
):
    order_id = guest.buy(new_product(1, price=2500))
    guest.ended(order_id)
    sandbox.webhooks("off")
    sandbox.happens(order_id, "refund", amount=amount)
    assert guest.order(order_id)["payment"]["refunded"] == 0
    assert sorted(each["kind"] for each in reconcile(order_id)) == ["NOT_RECORDED"]
    assert guest.order(order_id)["payment"]["refunded"] == amount
    assert events_of(order_id).count("PaymentRefundedOutside") == 1
    assert reconcile(order_id) == []
    assert sandbox.kept(order_id) == 2500 - amount


def test_reconciliation_records_a_dispute_whose_event_was_lost(guest, new_product, sandbox, reconcile, events_of):
    order_id = guest.buy(new_product(1))
    guest.ended(order_id)
    sandbox.webhooks("off")
    sandbox.happens(order_id, "dispute")
    assert [each["kind"] for each in reconcile(order_id)] == ["NOT_RECORDED"]
    assert guest.order(order_id)["payment"]["disputed"]
    assert events_of(order_id).count("PaymentDisputed") == 1
    assert reconcile(order_id) == []


def test_reconciliation_of_matching_records_finds_nothing(guest, new_product, run, eventually):
    sku = new_product(9)
    completed, partly, whole = (guest.buy(sku, 2) for _ in range(3))
    declined = guest.buy(sku, card="pm_card_visa_chargeDeclined")
    refused = guest.buy(sku, line2="sandbox:refuse")
    orders = [completed, partly, whole, declined, refused]
    for order_id in orders:
        guest.ended(order_id)
    guest.give_back(partly, {sku: 1})
    guest.give_back(whole)
    for order_id in (partly, whole):
        eventually(lambda: guest.order(order_id)["returns"][0]["status"] == "REFUNDED")  # noqa: B023
    assert [each for each in run("ReconcilePayments")["differences"] if each["order_id"] in orders] == []


def test_reconciliation_leaves_running_orders_alone(guest, new_product, sandbox, reconcile, eventually):
    order_id = guest.buy(new_product(1, price=2500), line2="sandbox:silent")
    eventually(lambda: guest.order(order_id)["status"] == "SHIPPING")
    assert reconcile(order_id) == []
    assert [payment["capturable"] for payment in sandbox.payments(order_id)] == [2500]
    guest.cancel(order_id)
    guest.ended(order_id)
    assert reconcile(order_id) == []
