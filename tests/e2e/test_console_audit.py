"""Audit in the console: checks the same invariants as `make audit`, and finds a violation."""

import urllib.request
from datetime import UTC, datetime

import pytest

from infra.audit.invariants import INVARIANTS
from infra.commands import run_reports
from infra.local import shop


@pytest.fixture
def audit(admin):
    def run(since=None):
        return admin.must("POST", "/admin/audit", {"since": since})

    return run


def broken(audit):
    return [promise for promise in audit["promises"] if promise["violated"]]


def test_audit_checks_every_invariant_and_counts_orders_by_ending(guest, audit, new_product):
    began = datetime.now(UTC).isoformat()
    good = guest.buy(new_product(1))
    guest.ended(good)
    declined = guest.buy(new_product(1), card="pm_card_visa_chargeDeclined")
    guest.ended(declined)

    answer = audit(began)

    assert [promise["promise"] for promise in answer["promises"]] == [invariant.__doc__ for invariant in INVARIANTS]
    assert broken(answer) == []
    assert answer["orders"]["placed"] == 2 and answer["orders"]["under_way"] == 0
    assert answer["orders"]["endings"] == {"COMPLETED": 1, "CANCELLED PAYMENT_DECLINED": 1}
    assert sum(second["ended"] for second in answer["orders"]["pace"]) == 2
    checked = {promise["promise"]: promise["checked"] for promise in answer["promises"]}
    assert checked["At most one effective charge per order"] >= 2
    assert audit(datetime.now(UTC).isoformat())["orders"]["placed"] == 0


def test_audit_finds_a_violation_until_it_is_repaired(audit, new_product, table):
    sku = new_product(5)
    stock = table("InventoryTableName")
    key = {"pk": f"STOCK#{sku}"}

    def remove(units):
        update = "SET available = available - :units"
        stock.update_item(Key=key, UpdateExpression=update, ExpressionAttributeValues={":units": units})

    remove(1)
    [conserved] = broken(audit())
    assert conserved["promise"].startswith("Per sku, available + reserved + sold = received")
    assert conserved["violations"] == [
        {"subject": sku, "text": "{'available': 4, 'reserved': 0, 'sold': 0, 'received': 5}"}
    ]

    remove(-1)
    assert broken(audit()) == []


def test_audit_is_for_admins_only(guest, customer):
    assert guest.call("POST", "/admin/audit").status == 401
    assert customer.call("POST", "/admin/audit").status == 403


def test_audit_since_an_invalid_time_is_refused(admin):
    for since in ("yesterday", "2030-05-17T12:00:00", 7.5e99):
        assert admin.call("POST", "/admin/audit", {"since": since}).body["code"] == "validation_failed"


def test_report_of_a_run_is_listed_and_opened_from_the_lab(engine, opened, admin, guest, customer):
    bucket, page = opened["stack"]["ReportsBucketName"], "<!doctype html><title>Simulation, seed 42</title>"
    s3 = engine.session.client("s3")
    s3.put_object(Bucket=bucket, Key="reconciliation/not-a-run.json", Body=b"{}")
    run_reports.upload(s3, bucket, "simulation-42.html", page)
    [listed] = admin.must("GET", "/admin/run-reports")["items"]
    assert listed["name"] == "simulation-42.html"
    with urllib.request.urlopen(listed["url"], timeout=10) as answer:
        assert (answer.read().decode(), answer.headers["Content-Type"]) == (page, "text/html; charset=utf-8")
    assert (guest.call("GET", "/admin/run-reports").status, customer.call("GET", "/admin/run-reports").status) == (
        401,
        403,
    )


def test_stock_lists_units_by_state(admin, guest, new_product):
    sku = new_product(5)
    guest.ended(guest.buy(sku, 2))

    levels = admin.must("GET", f"/admin/stock/{sku}")
    (came,) = levels.pop("movements")
    assert levels.pop("next_cursor") is None
    assert levels == {"sku": sku, "available": 3, "reserved": 0, "sold": 2, "received": 5, "shards": 1}
    assert (came["delta"], came["note"], came["by"]) == (5, "", shop.ADMIN.email)
    never_received = new_product(0)
    assert admin.must("GET", f"/admin/stock/{never_received}")["received"] == 0
    assert admin.call("GET", "/admin/stock/NO-SUCH").body["code"] == "product_not_found"
    assert guest.call("GET", f"/admin/stock/{sku}").status == 401
