"""Large imports: the Distributed Map writes and reports what the queue would, however often its batches run."""

import pytest

from chalicelib.inventory.model import Stock
from chalicelib.product_import.model import ImportStatus
from tests.contract.product_imports import BUCKET, ShopOfImports, a_file

ITEM = 256 * 1024
"""Bytes of an item of a Distributed Map and of a message: AWS Step Functions developer guide, "Service quotas"."""


@pytest.fixture
def shop(dynamodb, imports_s3, new_table, clock):
    return ShopOfImports(dynamodb, imports_s3, new_table, clock)


@pytest.fixture
def large(shop):
    """Return a function that leaves an uploaded file to the workflow of large files, and returns the import's id."""

    def of(content):
        upload = shop.upload(content)
        shop.splitter_of(queued_rows=2).split(upload)
        assert shop.large.started == [(upload.import_id, {"key": upload.key, "etag": upload.content})]
        return upload.import_id

    return of


def test_large_file_is_reported_as_by_the_queue(shop, large):
    content = a_file(rows=120, bad={3, 20}) + b'\n"oops"x\n\n,,,\nPOT-1,"again\nand again",,1,EUR,camp,/pot.svg,1\n'
    import_id = large(content)
    shop.large.work()
    by_map, written = shop.report(import_id), shop.counts(import_id)
    queued = shop.split(content)
    shop.work()
    assert by_map == shop.report(queued) and len(by_map) == 4
    assert written == (122, 118, 0, 4)
    assert shop.status(import_id) == ImportStatus.DONE


@pytest.mark.parametrize("order", [reversed, lambda lines: [*lines, *lines]], ids=["backwards", "twice"])
def test_batches_of_a_large_file_write_each_row_once(shop, large, order):
    import_id = large(a_file(rows=120).replace(b",stock", b",received"))
    shop.large.order = order
    shop.large.work()
    shop.large.work()
    assert shop.counts(import_id) == (120, 120, 0, 0) and shop.status(import_id) == ImportStatus.DONE
    assert shop.stock(119) == Stock(sku="POT-119", available=2, received=2)
    assert len({event.id for event in shop.published}) == 1


def test_batches_of_a_large_file_fit_into_items_and_messages(shop, large):
    import_id = large(a_file(rows=120))
    key = shop.large_reader.prepare(shop.files.uploaded(shop.imports.get(import_id)))
    lines = shop.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read().splitlines()
    assert len(lines) > 2 and max(map(len, lines)) < ITEM / 2
    assert key == f"batches/{import_id}.jsonl"


def test_large_file_that_is_refused_fails_its_import_and_writes_nothing(shop, large):
    import_id = large(a_file(rows=60) + b"\n\xff\n")
    shop.large.work()
    found = shop.imports.get(import_id)
    assert (found.status, found.reason) == (ImportStatus.FAILED, "Line 62 is not text in UTF-8.")
    assert "Contents" not in shop.s3.list_objects_v2(Bucket=BUCKET, Prefix=f"batches/{import_id}")


def test_file_of_as_many_rows_as_the_queue_takes_is_queued(shop):
    shop.splitter_of(queued_rows=3).split(shop.upload(a_file(rows=3)))
    assert shop.sqs.batches and not shop.large.started
