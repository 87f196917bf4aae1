"""Product import: a file is uploaded as by a browser and processed by the functions on the AWS emulator."""

import json
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from infra.build.template import ROOT
from infra.commands import import_products
from infra.commands.client import Refused

EXAMPLE = ROOT / "docs" / "examples" / "products.csv"
HEADER = "sku,name,description,price_amount,price_currency,category,image,stock"


@pytest.fixture
def prefix(table):
    """Return skus that only this test imports; delete their products afterwards to keep other tests' lists short."""
    mine = f"I{uuid.uuid4().hex[:10].upper()}"
    yield mine
    products = table("ProductsTableName")
    pages = products.meta.client.get_paginator("scan").paginate(TableName=products.name, ProjectionExpression="sku")
    with products.batch_writer() as batch:
        for item in (item for page in pages for item in page["Items"]):
            if item["sku"].startswith(mine):
                batch.delete_item(Key={"sku": item["sku"]})


@pytest.fixture
def ask(admin):
    """Return a function that creates an import and returns its id and upload form."""

    def new(file_format="csv"):
        reply = admin.call("POST", "/admin/imports", {"format": file_format})
        assert (reply.status, reply.body["status"]) == (201, "WAITING")
        return reply.body["import_id"], reply.body["upload"]

    return new


@pytest.fixture
def ended(admin, eventually):
    """Return a function that waits for the end of an import and returns it."""

    def of(import_id, seconds=60):
        def over():
            seen = admin.call("GET", f"/admin/imports/{import_id}").body
            return seen["status"] in ("DONE", "FAILED") and seen

        return eventually(over, seconds)

    return of


@pytest.fixture
def imported(ask, ended):
    """Return a function that uploads a file for a new import and returns the ended import."""

    def of(content, file_format="csv", seconds=60):
        import_id, form = ask(file_format)
        import_products.upload(form, content)
        return ended(import_id, seconds)

    return of


def a_row(sku, name="Pot", price=500, stock=""):
    return f"{sku},{name},Clay,{price},EUR,imported,/pot.svg,{stock}"


def a_file(*rows):
    return "\n".join([HEADER, *rows]).encode()


def counts(seen):
    rows = seen["rows"]
    return rows["total"], rows["written"], rows["unchanged"], rows["failed"]


def test_good_rows_are_in_the_shop_and_bad_ones_in_the_report(imported, prefix, guest):
    good, plain, bad = f"{prefix}-A", f"{prefix}-B", f"{prefix}-C"
    seen = imported(a_file(a_row(good, stock="7"), a_row(bad, price="5.00"), a_row(plain), a_row(good), "oops"))
    assert (seen["status"], counts(seen)) == ("DONE", (5, 2, 0, 3))
    product = guest.call("GET", f"/products/{good}").body
    assert (product["name"], product["price"]["amount"], product["available"]) == ("Pot", 500, 7)
    assert guest.call("GET", f"/products/{plain}").body["available"] == 0
    assert guest.call("GET", f"/products/{bad}").status == 404
    report = import_products.report(seen["report_url"])
    assert [(row["line"], row["sku"]) for row in report] == [("3", bad), ("5", good), ("6", "")]
    assert report[0]["problem"].startswith("price.amount")


def test_imported_units_can_be_bought(imported, prefix, guest):
    imported(a_file(a_row(f"{prefix}-A", stock="1")))
    assert guest.ended(guest.buy(f"{prefix}-A"))["status"] == "COMPLETED"


def test_repeated_import_of_a_file_changes_nothing(imported, prefix, guest):
    content = a_file(a_row(f"{prefix}-A", stock="7"), a_row(f"{prefix}-B", stock="1"))
    assert counts(imported(content)) == (2, 2, 0, 0)
    again = imported(content)
    assert (again["status"], counts(again), again["report_url"]) == ("DONE", (2, 0, 2, 0), None)
    assert guest.call("GET", f"/products/{prefix}-A").body["available"] == 7


def test_repeated_upload_event_and_batches_do_nothing(admin, ask, ended, prefix, guest, engine, opened, eventually):
    import_id, form = ask()
    import_products.upload(form, a_file(a_row(f"{prefix}-A", stock="7"), "oops"))
    first = ended(import_id)
    s3, sqs, stack = engine.session.client("s3"), engine.session.client("sqs"), opened["stack"]
    key = f"uploads/{import_id}.csv"
    etag = s3.head_object(Bucket=stack["ImportsBucketName"], Key=key)["ETag"].strip('"')
    update = json.dumps({"detail": {"object": {"key": key, "etag": etag}}})
    row = {"sku": f"{prefix}-A", "name": "Late", "description": "", "category": "imported", "image": "/pot.svg"}
    row |= {"price": {"amount": 1, "currency": "EUR"}, "stock": 7}
    rows = [{"line": 2, "imported": row}]
    batch = {"import_id": import_id, "content": etag, "number": 0, "rows": rows, "bad_rows": []}
    for url, body in ((stack["ImportsQueueUrl"], update), (stack["ImportRowsQueueUrl"], json.dumps(batch))):
        for _ in range(2):
            sqs.send_message(QueueUrl=url, MessageBody=body)
        eventually(lambda: _is_empty(sqs, url))  # noqa: B023
    again = admin.call("GET", f"/admin/imports/{import_id}").body
    assert {**again, "report_url": None} == {**first, "report_url": None}
    product = guest.call("GET", f"/products/{prefix}-A").body
    assert (product["name"], product["available"]) == ("Pot", 7)


def _is_empty(sqs, url):
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return not any(int(found[name]) for name in names)


def test_json_lines(imported, prefix, admin, guest):
    def line(**changes):
        row = {"sku": f"{prefix}-A", "name": "Pot", "description": "", "category": "imported", "image": "/pot.svg"}
        return json.dumps(row | {"price": {"amount": 5, "currency": "EUR"}} | changes)

    before = {"name": "Kettle", "description": "", "category": "imported", "image": "/pot.svg"}
    admin.must("PUT", f"/admin/products/{prefix}-C", before | {"price": {"amount": 5, "currency": "EUR"}})
    content = "\r\n".join([line(stock=3), line(sku=f"{prefix}-B", color="red"), "{", line(sku=f"{prefix}-C")])
    seen = imported(content.encode(), "jsonl")
    assert (seen["status"], counts(seen)) == ("DONE", (4, 2, 0, 2))
    assert [row["problem"] for row in import_products.report(seen["report_url"])] == [
        "color: this field is not known",
        "is not JSON",
    ]
    assert guest.call("GET", f"/products/{prefix}-A").body["available"] == 3
    found = {word: guest.must("GET", f"/products?q={prefix}-C%20{word}")["items"] for word in ("kettle", "pot")}
    assert (found["kettle"], [each["sku"] for each in found["pot"]]) == ([], [f"{prefix}-C"])


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "empty"), (b"PK\x03\x04\xff\x00", "not text"), (b"x" * 10_000_000, "64 KiB"), (a_file(), "no rows")],
    ids=["empty", "zip", "one line", "header only"],
)
def test_bad_file_fails_with_its_reason(imported, content, reason):
    seen = imported(content)
    assert (seen["status"], counts(seen)) == ("FAILED", (None, 0, 0, 0))
    assert reason in seen["reason"]


def test_file_of_more_rows_than_the_queue_takes_is_imported_by_a_map(imported, prefix, guest):
    """The stage `local` queues files of up to 1,000 rows."""
    seen = imported(a_file(a_row(f"{prefix}-A", stock="7"), *["x"] * 1_000, a_row(f"{prefix}-B")))
    assert (seen["status"], counts(seen)) == ("DONE", (1_002, 2, 0, 1_000))
    assert [row["line"] for row in import_products.report(seen["report_url"])] == [str(n) for n in range(3, 1_003)]
    assert guest.call("GET", f"/products/{prefix}-A").body["available"] == 7


def test_file_that_is_too_large_is_refused(admin):
    created = admin.must("POST", "/admin/imports", {"format": "csv", "small": True})
    with pytest.raises(Refused, match="EntityTooLarge"):
        import_products.upload(created["upload"], b"x" * 200_001)
    assert admin.call("GET", f"/admin/imports/{created['import_id']}").body["status"] == "WAITING"


def test_upload_form_refuses_another_key(ask):
    _, form = ask()
    elsewhere = form | {"fields": form["fields"] | {"key": "reports/mine.csv"}}
    with pytest.raises(Refused, match="403"):
        import_products.upload(elsewhere, b"x")


def test_example_file_is_imported(imported, prefix, guest):
    content = EXAMPLE.read_text().replace("TRAIL-", f"{prefix}-")
    seen = imported(content.encode())
    assert (seen["status"], counts(seen)) == ("DONE", (10, 8, 0, 2))
    assert guest.call("GET", f"/products/{prefix}-WHISTLE-01").body["available"] == 60


def test_small_file_is_imported_while_its_callers_wait(admin, prefix, guest, ended):
    """Two calls at once are two executions of the Express workflow, which write each row once."""
    created = admin.must("POST", "/admin/imports", {"format": "csv", "small": True})
    run = f"/admin/imports/{created['import_id']}/run"
    assert admin.call("POST", run).body["code"] == "file_not_uploaded"
    header = HEADER.replace("stock", "received")
    rows = [a_row(f"{prefix}-A", stock="7"), "oops", *(a_row(f"{prefix}-{n}") for n in range(120))]
    import_products.upload(created["upload"], "\n".join([header, *rows]).encode())
    with ThreadPoolExecutor(2) as both:
        replies = list(both.map(lambda _: admin.call("POST", run), range(2)))
    assert [reply.status for reply in replies] == [200, 200]
    seen = ended(created["import_id"])
    assert (seen["status"], counts(seen)) == ("DONE", (122, 121, 0, 1))
    assert [row["line"] for row in import_products.report(seen["report_url"])] == ["3"]
    assert guest.call("GET", f"/products/{prefix}-A").body["available"] == 7
    again = admin.must("POST", run)
    assert {**again, "report_url": None} == {**seen, "report_url": None}


def test_small_file_that_renames_a_product_is_found_by_its_new_words_only(admin, prefix, guest, ended):
    for name in ("Tallow Lantern", "Beeswax Lantern"):
        created = admin.must("POST", "/admin/imports", {"format": "csv", "small": True})
        import_products.upload(created["upload"], a_file(a_row(f"{prefix}-A", name=name)))
        admin.must("POST", f"/admin/imports/{created['import_id']}/run")
        assert counts(ended(created["import_id"])) == (1, 1, 0, 0)

    def found(word):
        return [each["sku"] for each in guest.must("GET", f"/products?q={word}")["items"]]

    assert f"{prefix}-A" in found("beeswax")
    assert f"{prefix}-A" not in found("tallow")


def test_small_file_that_nobody_runs_is_imported_by_the_queue(admin, prefix, ended, engine, opened):
    created = admin.must("POST", "/admin/imports", {"format": "csv", "small": True})
    import_products.upload(created["upload"], a_file(a_row(f"{prefix}-A")))
    key = created["upload"]["fields"]["key"]
    etag = engine.session.client("s3").head_object(Bucket=opened["stack"]["ImportsBucketName"], Key=key)["ETag"]
    late = json.dumps({"detail": {"object": {"key": key, "etag": etag.strip('"')}}})
    queue = opened["stack"]["SmallImportsQueueUrl"]
    engine.session.client("sqs").send_message(QueueUrl=queue, MessageBody=late, DelaySeconds=0)
    assert counts(ended(created["import_id"])) == (1, 1, 0, 0)


def test_run_of_an_import_that_is_not_small_is_refused(admin, ask):
    reply = admin.call("POST", f"/admin/imports/{ask()[0]}/run")
    assert (reply.status, reply.body["code"]) == (409, "not_small")


@pytest.mark.leaves_much
def test_file_of_many_batches_is_imported(imported, prefix, table):
    """Every hundredth row is invalid; every fiftieth of the others adds one unit."""
    rows = [
        a_row(f"{prefix}-{n}", price="" if n % 100 == 0 else n, stock="1" if n % 50 == 1 else "") for n in range(400)
    ]
    seen = imported(a_file(*rows))
    assert (seen["status"], counts(seen)) == ("DONE", (400, 396, 0, 4))
    assert len(import_products.report(seen["report_url"])) == 4
    got = table("ProductsTableName").get_item(Key={"sku": f"{prefix}-399"})["Item"]
    assert got["price"]["amount"] == 399
    changed = [row.replace(",Pot,", ",Jar,") if ",Clay,7" in row else row for row in rows]
    seen = imported(a_file(*changed))
    kept = Counter(",Pot," in row for row in changed if ",Clay,," not in row)
    assert counts(seen) == (400, kept[False], kept[True], 4)


def test_imports_are_listed_latest_first(admin, ask):
    made = [ask()[0] for _ in range(2)]
    listed = [each["import_id"] for each in admin.call("GET", "/admin/imports").body["items"]]
    assert listed[:2] == made[::-1]


def test_product_import_is_refused_without_the_admin_group(guest, customer, admin, ask):
    import_id, _ = ask()
    calls = (
        ("POST", "/admin/imports"),
        ("POST", f"/admin/imports/{import_id}/run"),
        ("GET", "/admin/imports"),
        ("GET", f"/admin/imports/{import_id}"),
    )
    for method, path in calls:
        body = {"format": "csv"} if method == "POST" else None
        assert guest.call(method, path, body).status == 401
        assert customer.call(method, path, body).status == 403
    assert admin.call("POST", "/admin/imports", {"format": "xlsx"}).status == 422
    assert admin.call("GET", f"/admin/imports/{'x' * 3000}").status == 404


def test_product_import_logs_no_row_content(imported, prefix, engine, resource):
    secret = f"secret{uuid.uuid4().hex}"
    rows = (a_row(f"{prefix}-A", name=secret), a_row(f"{prefix}-B", price=secret), f'"{secret}"{secret}')
    imported(a_file(*rows))
    imported(f"{secret}\n{secret}".encode())
    logs = engine.session.client("logs")
    for function in ("SplitImport", "ImportRows"):
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=resource(f"{function}Logs"))
        lines = [event["message"] for page in pages for event in page["events"]]
        assert lines and not any(secret in line for line in lines)
