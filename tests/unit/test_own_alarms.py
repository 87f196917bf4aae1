"""Alarms on metrics of our own: the events that they stand for make each one fire, as CloudWatch evaluates it."""

import json
from datetime import UTC, datetime

import pytest

from chalicelib.events.publisher import EventPublisher
from chalicelib.orders.model import Reason, Status
from chalicelib.payments.provider import DisputeStatus
from chalicelib.payments.reconciliation_report import ReconciliationReport
from chalicelib.payments.webhooks import StripeEventRef
from chalicelib.platform import metrics
from infra.build.template import merged_template
from testbed.shop.fake_payment_provider import FIRST_PAYMENT
from tests.builders import a_reply, euros
from tests.fakes import FakeBucket, FakeBus

EMIT = metrics.count
STAGE = "the-stage"
COMPARISONS = {"GreaterThanThreshold": lambda value, threshold: value > threshold}


def ledger_differs(shop):
    shop.clock.now = datetime.fromtimestamp(FIRST_PAYMENT + 60, UTC)
    shop.reconciliation_report = ReconciliationReport(EventPublisher(FakeBus(), "shop-bus"), FakeBucket(), "reports")
    shop.sold(until=Status.AUTHORIZED, captured=False)
    shop.orders.advance("ord_1", Status.CANCELLED, Reason.FULFILMENT_FAILED)
    shop.reconciliation.reconcile_payments()


def payment_is_disputed(shop, then=None):
    payment = shop.sold()
    shop.gateway.dispute(payment)
    learn(shop, payment, "evt_1")
    if then:
        shop.gateway.close_dispute(payment, then)
        learn(shop, payment, "evt_2")


def refund_fails(shop):
    payment = shop.sold()
    shop.orders.take_back("ord_1", "ret_1", None)
    given = shop.payments.refund_part("ord_1", euros(2500), "ret_1")
    shop.orders.return_settled("ord_1", "ret_1", given.amount)
    shop.gateway.fail_refund(shop.gateway.retrieve(payment).refunds[0].id)
    learn(shop, payment, "evt_1")


def parcel_leaves_after_the_cancellation(shop):
    shop.ships()
    shop.orders.cancel("ord_1", Reason.CUSTOMER_REQUEST)
    shop.cancellation.process_warehouse_reply(a_reply("dispatched", carrier="Pigeon", tracking_number="P-7"))


def learn(shop, payment, event_id):
    shop.payment_updates.process_stripe_event(StripeEventRef(event_id=event_id, payment_intent=payment))


CAUSES = {
    "LedgerMismatch": ledger_differs,
    "PaymentDisputed": payment_is_disputed,
    "PaymentDisputeLost": lambda shop: payment_is_disputed(shop, DisputeStatus.LOST),
    "PaymentRefundFailed": refund_fails,
    "ParcelNotStopped": parcel_leaves_after_the_cancellation,
}


@pytest.fixture(scope="module")
def alarms():
    resources = merged_template("prod")["Resources"].items()
    alarms = {name: each["Properties"] for name, each in resources if each.get("Type") == "AWS::CloudWatch::Alarm"}
    return {name: alarm for name, alarm in alarms.items() if alarm.get("Namespace") == metrics.NAMESPACE}


@pytest.fixture
def emitting(shop, monkeypatch):
    """The shop, whose metrics are written as on AWS."""
    monkeypatch.setattr(metrics, "count", EMIT)
    monkeypatch.setattr(metrics, "settings", lambda: type("Settings", (), {"stage": STAGE}))
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "storefront")
    return shop


def sum_of(alarm, written):
    """Return the sum of the alarm's metric in lines of the embedded metric format: same namespace, name, dimensions.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    """
    watched = {each["Name"]: each["Value"] for each in alarm["Dimensions"]} | {"stage": STAGE}
    total = 0
    for line in filter(lambda line: '"_aws"' in line, written.splitlines()):
        record = json.loads(line)
        for directive in record["_aws"]["CloudWatchMetrics"]:
            dimensions = [{name: record[name] for name in names} for names in directive["Dimensions"]]
            names = [metric["Name"] for metric in directive["Metrics"] if metric["Unit"] == "Count"]
            if directive["Namespace"] == alarm["Namespace"] and watched in dimensions and alarm["MetricName"] in names:
                value = record[alarm["MetricName"]]
                total += sum(value) if isinstance(value, list) else value
    return total


def is_alarming(alarm, written):
    assert (alarm["Statistic"], alarm["EvaluationPeriods"]) == ("Sum", 1)
    return COMPARISONS[alarm["ComparisonOperator"]](sum_of(alarm, written), alarm["Threshold"])


def test_alarm_of_our_own_has_a_cause(alarms):
    assert set(alarms) == set(CAUSES)


@pytest.mark.parametrize("name", CAUSES)
def test_alarm_fires_when_its_event_happens(alarms, emitting, capsys, name):
    assert not is_alarming(alarms[name], capsys.readouterr().out)
    CAUSES[name](emitting)
    assert is_alarming(alarms[name], capsys.readouterr().out)
