"""Product import: split, write and count are correct if messages are repeated, reordered or interrupted."""

import pytest
from botocore.exceptions import ClientError

from chalicelib.catalog.model import ProductChange
from chalicelib.events.contracts import data_of
from chalicelib.inventory.model import Stock
from chalicelib.platform.request_keys import IdempotencyConflict, RequestKey
from chalicelib.product_import.files import ImportFiles, Upload
from chalicelib.product_import.model import FileRefused, Format, ImportNotFound, ImportStatus
from chalicelib.product_import.service import PAGE_SIZE
from chalicelib.product_import.splitting import NotQueued
from chalicelib.product_import.store import KEPT
from tests.builders import euros
from tests.contract.product_imports import HEADER, Breaking, ShopOfImports, a_file, a_row


@pytest.fixture
def shop(dynamodb, imports_s3, new_table, clock):
    return ShopOfImports(dynamodb, imports_s3, new_table, clock)


class TestAnImport:
    def test_import_waits_for_its_file(self, shop):
        asked, form = shop.imports.ask(Format.JSONL)
        assert shop.status(asked.import_id) == ImportStatus.WAITING
        assert form.fields["key"] == f"uploads/{asked.import_id}.jsonl"
        assert {"policy", "x-amz-signature"} <= {name.lower() for name in form.fields} or "signature" in form.fields

    @pytest.mark.parametrize("import_id", ["", "imp_1", "x" * 5000, "imp_" + "0" * 32])
    def test_import_that_does_not_exist_is_not_found(self, shop, import_id):
        with pytest.raises(ImportNotFound):
            shop.imports.get(import_id)

    def test_import_is_not_found_once_it_has_expired(self, shop, clock):
        asked, _ = shop.imports.ask(Format.CSV)
        clock.now += KEPT

        with pytest.raises(ImportNotFound):
            shop.imports.get(asked.import_id)
        assert shop.imports.latest() == ([], None)

    def test_imports_are_listed_newest_first(self, shop, clock):
        made = []
        for _ in range(3):
            made.append(shop.imports.ask(Format.CSV)[0].import_id)
            clock.passes(seconds=1)
        assert [each.import_id for each in shop.imports.latest()[0]] == made[::-1]

    def test_imports_page_until_all_are_listed(self, shop, clock):
        made = []
        for _ in range(PAGE_SIZE + 2):
            made.append(shop.imports.ask(Format.CSV)[0].import_id)
            clock.passes(seconds=1)
        first, cursor = shop.imports.latest()
        rest, end = shop.imports.latest(cursor)
        assert [each.import_id for each in first + rest] == made[::-1] and (len(first), end) == (PAGE_SIZE, None)

    def test_repeated_key_asks_for_one_import(self, shop):
        key = RequestKey("a1" * 32, "asked-1")
        first, second = (shop.imports.ask(Format.CSV, key)[0] for _ in range(2))
        assert first == second and len(shop.imports.latest()[0]) == 1
        with pytest.raises(IdempotencyConflict):
            shop.imports.ask(Format.JSONL, RequestKey("a1" * 32, "asked-2"))

    def test_import_writes_products_and_stock_and_ends_once(self, shop):
        import_id = shop.split(a_file(bad={3, 20}))
        assert shop.counts(import_id) == (25, 0, 0, 0) and shop.status(import_id) == ImportStatus.RUNNING
        assert len(shop.sqs.batches) > 2
        shop.work()
        assert shop.counts(import_id) == (25, 23, 0, 2) and shop.status(import_id) == ImportStatus.DONE
        assert shop.catalog.product("POT-24").price.amount == 500
        assert shop.stock(24) == Stock(sku="POT-24", available=2, received=2)
        assert shop.stock(3) is None
        assert [(row["line"], row["sku"]) for row in shop.report(import_id)] == [("5", "POT-3"), ("22", "POT-20")]
        (event,) = shop.published
        data = data_of(event)
        assert (data.import_id, data.total, data.written, data.unchanged, data.failed) == (import_id, 25, 23, 0, 2)
        assert [category.id for category in shop.catalog.categories()[0]] == ["camp"]

    def test_import_counts_only_bad_rows(self, shop):
        import_id = shop.split(a_file(rows=3, bad={0, 1, 2}))
        shop.work()
        assert shop.counts(import_id) == (3, 0, 0, 3) and shop.status(import_id) == ImportStatus.DONE

    def test_import_has_a_report_only_if_rows_failed(self, shop):
        clean, bad = shop.split(a_file(rows=2)), shop.split(a_file(rows=3, bad={2}))
        assert shop.imports.report_url(shop.imports.get(bad)) is None
        shop.work()
        assert shop.imports.report_url(shop.imports.get(clean)) is None
        assert f"reports/{bad}.csv" in shop.imports.report_url(shop.imports.get(bad))

    def test_import_writes_only_what_differs(self, shop, monkeypatch):
        shop.split(a_file(stock=""))
        shop.work()
        changed = a_file(stock="").replace(b"Pot 7,", b"Jar 7,").replace(b"Pot 17,", b"Jar 17,")
        stored = []
        write = shop.catalog.write
        monkeypatch.setattr(shop.catalog, "write", lambda sku, decide: stored.append(sku) or write(sku, decide))
        import_id = shop.split(changed)
        shop.work()
        assert shop.counts(import_id) == (25, 2, 23, 0)
        assert stored == ["POT-7", "POT-17"]
        assert shop.catalog.product("POT-17").name == "Jar 17"


class TestTheSameAgain:
    def test_repeated_file_in_another_import_changes_nothing(self, shop):
        shop.split(a_file())
        shop.work()
        again = shop.split(a_file())
        shop.work()
        assert shop.counts(again) == (25, 0, 25, 0) and shop.status(again) == ImportStatus.DONE
        assert shop.stock(0).received == 2

    def test_corrected_file_sets_the_same_levels_again(self, shop):
        """The first file has a bad row, the second is the whole file with that row corrected."""
        shop.split(a_file(rows=3, bad={1}))
        shop.work()
        again = shop.split(a_file(rows=3))
        shop.work()
        assert [shop.stock(number).received for number in range(3)] == [2, 2, 2]
        assert shop.counts(again) == (3, 1, 2, 0)

    def test_repeated_file_sets_its_levels_again_after_sales(self, shop):
        shop.split(a_file(rows=1))
        shop.work()
        shop.sell("ord_1", {"POT-0": 1})
        shop.split(a_file(rows=1))
        shop.work()
        assert shop.stock(0) == Stock(sku="POT-0", available=2, sold=1, received=3)

    def test_batch_that_comes_again_after_sales_sets_no_level_again(self, shop, monkeypatch):
        shop.split(a_file(rows=1))
        (batch,) = shop.sqs.batches
        monkeypatch.setattr(shop.store, "count", lambda *arguments: None)
        shop.writer.write(batch)
        monkeypatch.undo()
        shop.sell("ord_1", {"POT-0": 1})
        shop.work()
        assert shop.stock(0) == Stock(sku="POT-0", available=1, sold=1, received=2)

    def test_received_units_are_added_once_for_each_file(self, shop):
        delivery = a_file(rows=2).replace(b",stock", b",received")
        for content in (delivery, delivery, delivery + b"\n"):
            shop.split(content)
            shop.work()
        assert [shop.stock(number).received for number in range(2)] == [4, 4]

    def test_level_below_what_is_set_aside_fails_its_row_only(self, shop):
        shop.split(a_file(rows=2))
        shop.work()
        shop.inventory.reserve("ord_1", {"POT-0": 2})
        import_id = shop.split(a_file(rows=2, stock="1"))
        shop.work()
        assert shop.counts(import_id) == (2, 1, 0, 1)
        problem = "2 units are set aside for open orders, more than 1 on hand."
        assert shop.report(import_id) == [{"line": "2", "sku": "POT-0", "problem": problem}]
        assert (shop.stock(0).reserved, shop.stock(1).available) == (2, 1)


class TestAbsentColumns:
    @pytest.fixture
    def pot(self, shop):
        shop.split(HEADER.encode() + b",images\n" + a_row(0).encode() + b",/a.svg /b.svg\n")
        shop.work()
        return shop.catalog.product("POT-0")

    def test_absent_column_leaves_its_field_as_it_is(self, shop, pot):
        import_id = shop.split(b"sku,price_amount,price_currency\nPOT-0,650,EUR\n")
        shop.work()
        assert shop.counts(import_id) == (1, 1, 0, 0)
        assert pot.images == ["/a.svg", "/b.svg"]
        expected = pot.model_copy(update={"price": euros(650), "version": 2})
        assert shop.catalog.product("POT-0") == expected and shop.stock(0).received == 2

    def test_empty_cell_empties_its_field(self, shop, pot):
        shop.split(b"sku,images,description,stock\nPOT-0,,,\n")
        shop.work()
        found = shop.catalog.product("POT-0")
        assert (found.images, found.description, found.name) == ([], "", "Pot 0") and shop.stock(0).received == 2

    def test_archived_column_withdraws_and_restores(self, shop, pot):
        for cell, expected in ((b"yes", True), (b"", True), (b"no", False)):
            shop.split(b"sku,archived\nPOT-0," + cell + b"\n")
            shop.work()
            assert shop.catalog.product("POT-0").archived is expected

    def test_new_product_needs_all_that_is_required(self, shop, pot):
        import_id = shop.split(b"sku,price_amount,price_currency\nPOT-0,650,EUR\nPOT-1,650,EUR\n")
        shop.work()
        problem = "is a new product, which needs name, description, category, image"
        assert shop.report(import_id) == [{"line": "3", "sku": "POT-1", "problem": problem}]

    def test_row_that_an_operator_overtakes_keeps_the_operators_fields(self, shop, pot, monkeypatch):
        put = shop.products.put

        def overtaken(*arguments):
            monkeypatch.undo()
            shop.catalog.change("POT-0", ProductChange(description="New words"))
            return put(*arguments)

        shop.split(b"sku,price_amount,price_currency\nPOT-0,650,EUR\n")
        monkeypatch.setattr(shop.products, "put", overtaken)
        shop.work()
        found = shop.catalog.product("POT-0")
        assert (found.description, found.price) == ("New words", euros(650))

    @pytest.mark.parametrize("is_worked_off", [True, False])
    def test_repeated_upload_event_starts_nothing(self, shop, is_worked_off):
        upload = shop.upload(a_file(bad={1}))
        shop.splitter.split(upload)
        queued = len(shop.sqs.batches)
        if is_worked_off:
            shop.work()
        shop.splitter.split(upload)
        assert len(shop.sqs.batches) == (0 if is_worked_off else queued)
        shop.work()
        assert shop.counts(upload.import_id) == (25, 24, 0, 1)
        assert len(shop.published) == 1

    def test_batches_twice_in_any_order_write_each_row_once(self, shop):
        import_id = shop.split(a_file(bad={1, 12}))
        shop.sqs.batches = shop.sqs.batches[::-1] + shop.sqs.batches
        shop.work()
        assert shop.counts(import_id) == (25, 23, 0, 2) and shop.status(import_id) == ImportStatus.DONE
        assert {shop.stock(number).received for number in range(25) if number not in (1, 12)} == {2}
        assert len(shop.published) == 1

    def test_batch_processed_concurrently_is_written_once(self, shop, monkeypatch):
        import_id = shop.split(a_file(rows=2))
        (batch,) = shop.sqs.batches
        count = shop.store.count

        def overtaken(*arguments):
            monkeypatch.undo()
            shop.writer.write(batch)
            return count(*arguments)

        monkeypatch.setattr(shop.store, "count", overtaken)
        shop.writer.write(batch)
        assert shop.counts(import_id) == (2, 2, 0, 0) and len({event.id for event in shop.published}) == 1

    def test_repeated_batch_does_not_undo_later_changes(self, shop):
        shop.split(a_file(rows=2))
        (batch,) = shop.sqs.batches
        shop.work()
        shop.split(a_file(rows=2, price=900))
        shop.work()
        shop.writer.write(batch)
        assert shop.catalog.product("POT-0").price.amount == 900

    def test_batches_of_an_import_that_is_forgotten(self, shop):
        shop.split(a_file(rows=2))
        (batch,) = shop.sqs.batches
        shop.writer.write(batch.model_copy(update={"import_id": "imp_" + "0" * 32}))
        assert shop.published == [] and shop.stock(0) is None

    def test_second_file_of_an_import_is_ignored(self, shop):
        upload = shop.upload(a_file(rows=2))
        shop.splitter.split(upload)
        shop.work()
        shop.splitter.split(shop.upload_for(upload.import_id, a_file(rows=5)))
        assert shop.sqs.batches == [] and shop.counts(upload.import_id) == (2, 2, 0, 0)

    def test_import_that_has_ended_neither_begins_nor_ends_again(self, shop, clock):
        import_id = shop.split(a_file(rows=2))
        shop.work()
        assert not shop.store.begin(import_id, "another", total=5, batches=1)
        assert not shop.store.fail(import_id, "late", clock()) and not shop.store.end(import_id, clock())
        assert shop.status(import_id) == ImportStatus.DONE and shop.counts(import_id) == (2, 2, 0, 0)

    def test_unrequested_file_is_ignored(self, shop):
        shop.splitter.split(shop.upload_for("imp_unknown", a_file()))
        assert shop.sqs.batches == []


class TestBreakingOff:
    def test_import_that_breaks_off_while_splitting(self, shop):
        upload = shop.upload(a_file(rows=150, stock=""))
        shop.sqs.failing = 1
        with pytest.raises(NotQueued):
            shop.splitter.split(upload)
        assert shop.status(upload.import_id) == ImportStatus.RUNNING
        shop.splitter.split(upload)
        shop.work()
        assert shop.counts(upload.import_id) == (150, 150, 0, 0)
        assert shop.status(upload.import_id) == ImportStatus.DONE

    @pytest.mark.parametrize("is_done", [True, False])
    @pytest.mark.parametrize(
        ("adapter", "method"),
        [
            ("catalog", "write"),
            ("inventory", "set_on_hand_once"),
            ("store", "decide"),
            ("store", "note_bad_rows"),
            ("store", "count"),
            ("store", "end"),
            ("files", "write_report"),
            ("published", "append"),
        ],
    )
    def test_import_that_breaks_off_while_writing(self, shop, adapter, method, is_done):
        """After a failure at any call, the batch is received again and the counts are correct."""
        import_id = shop.split(a_file(rows=9, bad={7}))
        (batch,) = shop.sqs.batches
        whole = getattr(shop, adapter)
        setattr(shop, adapter, Breaking(whole, method, is_done))
        with pytest.raises(ConnectionError):
            shop.writer.write(batch)
        assert shop.status(import_id) == (
            ImportStatus.DONE if (method, is_done) == ("end", True) else ImportStatus.RUNNING
        )
        setattr(shop, adapter, whole)
        shop.writer.write(batch)
        assert shop.counts(import_id) == (9, 8, 0, 1) and shop.status(import_id) == ImportStatus.DONE
        assert {shop.stock(number).received for number in range(9) if number != 7} == {2}
        assert [row["line"] for row in shop.report(import_id)] == ["9"]
        assert len({event.id for event in shop.published}) == 1


class TestWhatIsRefused:
    def test_invalid_file_fails_before_any_row_is_written(self, shop):
        import_id = shop.split(a_file() + "\nZelt für drei".encode("latin-1"))
        found = shop.imports.get(import_id)
        assert (found.status, found.reason) == (ImportStatus.FAILED, "Line 27 is not text in UTF-8.")
        assert shop.sqs.batches == [] and found.ended_at

    def test_failed_import_stays_failed(self, shop):
        upload = shop.upload(b"")
        shop.splitter.split(upload)
        shop.splitter.split(shop.upload_for(upload.import_id, a_file()))
        assert shop.status(upload.import_id) == ImportStatus.FAILED and shop.sqs.batches == []

    def test_replaced_file_is_not_read(self, shop):
        first = shop.upload(a_file(rows=2))
        shop.upload_for(first.import_id, a_file(rows=3))
        shop.splitter.split(first)
        assert shop.imports.get(first.import_id).reason == "The file was replaced or removed before all of it was read."

    @pytest.mark.parametrize("code", ["NoSuchKey", "AccessDenied"])
    def test_missing_file_is_refused_whether_or_not_the_bucket_can_be_listed(self, code):
        class Missing:
            def get_object(self, **request):
                raise ClientError({"Error": {"Code": code}}, "GetObject")

        upload = Upload.model_validate({"detail": {"object": {"key": "uploads/imp_1.csv", "etag": "etag"}}})
        with pytest.raises(FileRefused):
            ImportFiles(Missing(), "imports").open(upload)

    def test_product_that_dynamodb_refuses_is_reported(self, shop, monkeypatch):
        """The row is reported, adds no stock and does not affect other rows."""
        import_id = shop.split(a_file(rows=9))

        class Refusing:
            def __init__(self, real):
                self._real = real

            def __getattr__(self, name):
                def call(**request):
                    if "POT-7'" in str(request) and name in ("put_item", "batch_write_item"):
                        raise ClientError({"Error": {"Code": "ValidationException"}}, name)
                    return getattr(self._real, name)(**request)

                return call

        monkeypatch.setattr(shop.products, "_db", Refusing(shop.products._db))
        shop.work()
        assert shop.counts(import_id) == (9, 8, 0, 1) and shop.status(import_id) == ImportStatus.DONE
        refused = {"line": "9", "sku": "POT-7", "problem": "the catalog could not store this product"}
        assert shop.report(import_id) == [refused]
        assert shop.stock(7) is None and shop.stock(8).received == 2

    def test_json_lines(self, shop):
        row = b'{"sku": "MUG", "name": "Mug", "description": "", "category": "camp", "image": "/m.svg", "price": %s}'
        content = row % b'{"amount": 5, "currency": "EUR"}' + b"\n" + row % b"5"
        import_id = shop.split(content, Format.JSONL)
        shop.work()
        assert shop.counts(import_id) == (2, 1, 0, 1)
        assert shop.report(import_id)[0]["line"] == "2"
