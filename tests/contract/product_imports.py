"""Room of product imports with real stores, for contract tests."""

import csv
import io
from datetime import timedelta

from chalicelib.catalog.service import Catalog
from chalicelib.catalog.store import ProductStore
from chalicelib.inventory.service import Inventory
from chalicelib.inventory.store import InventoryStore
from chalicelib.product_import.files import ImportFiles, Upload
from chalicelib.product_import.model import Batch, Format
from chalicelib.product_import.service import ProductImports
from chalicelib.product_import.splitting import LargeReader, RowsQueue, SmallReader, Splitter
from chalicelib.product_import.store import ImportStore
from chalicelib.product_import.writing import Writer

BUCKET = "imports"
LONG = "Clay " * 399 + "clay"
"""Small, so that a few rows fill a batch."""
HEADER = "sku,name,description,price_amount,price_currency,category,image,stock"


def a_row(number, price=500, stock="2"):
    return f"POT-{number},Pot {number},{LONG},{price},EUR,camp,/pot.svg,{stock}"


def a_file(rows=25, bad=(), **changes):
    """Return rows for three batches by default; those with a number in `bad` have no price."""
    lines = [a_row(n, **({"price": ""} if n in bad else changes)) for n in range(rows)]
    return "\n".join([HEADER, *lines]).encode()


class FakeQueue:
    """A queue that keeps the batches, after refusing the first `failing` requests."""

    def __init__(self):
        self.batches = []
        self.failing = 0

    def send_message_batch(self, QueueUrl, Entries):
        if self.failing:
            self.failing -= 1
            return {"Failed": Entries}
        self.batches += [Batch.model_validate_json(entry["MessageBody"]) for entry in Entries]
        return {}


class SmallWorkflow:
    """The Express workflow of small files: `times` executions, whose steps take turns as `order` arranges them."""

    def __init__(self, shop):
        self._shop = shop
        self.times, self.order = 1, list

    def run(self, given):
        upload = Upload.model_validate(given)
        steps = [number for _ in range(self.times) for number in self._shop.reader.read(upload)]
        for number in self.order(steps):
            self._shop.writer.write_numbered(upload, number)


class LargeWorkflow:
    """The Distributed Map of large files: its child executions run in the order that `order` gives to their batches."""

    def __init__(self, shop):
        self._shop = shop
        self.started, self.order = [], list

    def start(self, name, given):
        self.started.append((name, given))

    def work(self):
        """Run the executions that were started, each name once."""
        for given in dict(self.started).values():
            key = self._shop.large_reader.prepare(Upload.model_validate(given))
            text = self._shop.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read().decode() if key else ""
            for line in self.order(text.splitlines()):
                self._shop.writer.write(Batch.model_validate_json(line))


class Breaking:
    """An adapter with one method that fails once, before or after its effect."""

    def __init__(self, adapter, method, is_done):
        self._adapter, self._method, self._is_done = adapter, method, is_done

    def __getattr__(self, name):
        real = getattr(self._adapter, name)
        if name != self._method:
            return real
        self._method = None

        def broken(*arguments):
            if self._is_done:
                real(*arguments)
            raise ConnectionError

        return broken


class ShopOfImports:
    """An import room with real stores, and fakes for the queue and the bus."""

    def __init__(self, dynamodb, s3, new_table, clock):
        self.s3, self.clock = s3, clock
        self.sqs, self.published = FakeQueue(), []
        self.store = ImportStore(dynamodb, new_table("ImportsTable"), clock)
        self.files = ImportFiles(s3, BUCKET)
        self.products = ProductStore(dynamodb, new_table("ProductsTable"), new_table("SearchTable"))
        self.stocks = InventoryStore(dynamodb, new_table("InventoryTable"))
        self.catalog = Catalog(self.products)
        self.inventory = Inventory(self.stocks, clock, timedelta(minutes=15))
        self.workflow = SmallWorkflow(self)
        self.imports = ProductImports(self.store, self.files, self.workflow, clock)
        self.reader = SmallReader(self.store, self.files, clock)
        self.large_reader, self.large = LargeReader(self.store, self.files, clock), LargeWorkflow(self)
        self.splitter = self.splitter_of(100_000)

    def splitter_of(self, queued_rows):
        """Return a splitter that leaves files of more rows to the workflow of large files."""
        queue = RowsQueue(self.sqs, "url")
        return Splitter(self.store, self.files, queue, self.large, queued_rows, self.clock)

    @property
    def writer(self):
        return Writer(self.store, self.files, self.catalog, self.inventory, self.published.append, self.clock)

    def upload(self, content, file_format=Format.CSV):
        """Return the event of a file that was uploaded for a new import."""
        asked, _ = self.imports.ask(file_format)
        return self.upload_for(asked.import_id, content, file_format)

    def upload_for(self, import_id, content, file_format=Format.CSV):
        key = f"uploads/{import_id}.{file_format}"
        etag = self.s3.put_object(Bucket=BUCKET, Key=key, Body=content)["ETag"].strip('"')
        return Upload.model_validate({"detail": {"object": {"key": key, "etag": etag}}})

    def split(self, content, file_format=Format.CSV):
        """Import a file and return the import's id."""
        upload = self.upload(content, file_format)
        self.splitter.split(upload)
        return upload.import_id

    def work(self):
        """Write all batches in the queue."""
        while self.sqs.batches:
            self.writer.write(self.sqs.batches.pop(0))

    def counts(self, import_id):
        """Return (total, written, unchanged, failed)."""
        found = self.imports.get(import_id)
        return found.total, found.written, found.unchanged, found.failed

    def status(self, import_id):
        return self.imports.get(import_id).status

    def stock(self, number):
        sku = f"POT-{number}"
        return self.stocks.stocks([sku]).get(sku)

    def sell(self, order_id, quantities):
        self.inventory.reserve(order_id, quantities)
        self.inventory.commit(order_id)
        self.inventory.sell(order_id)

    def report(self, import_id):
        body = self.s3.get_object(Bucket=BUCKET, Key=f"reports/{import_id}.csv")["Body"].read().decode("utf-8-sig")
        return list(csv.DictReader(io.StringIO(body, newline="")))
