"""Import worker: write the rows of a batch to the catalog and the inventory, and add its counts to the import. The
worker that counts the last batch ends the import.

Decide, do, count: what changes is decided once and written down, doing it may be repeated, and the count is one
conditional write. So a batch that comes again, or is taken over after a crash, counts as it would have counted.
"""

from collections.abc import Callable
from datetime import datetime
from itertools import islice

from chalicelib.catalog.model import ProductRefused
from chalicelib.catalog.service import Catalog
from chalicelib.events.contracts import CatalogImported, new_event
from chalicelib.events.envelope import Envelope
from chalicelib.inventory.model import StockSetAside
from chalicelib.inventory.service import Inventory
from chalicelib.platform.clock import Clock
from chalicelib.product_import.files import ImportFiles, Upload
from chalicelib.product_import.model import BadRow, Batch, Counts, Import, Row, RowIncomplete
from chalicelib.product_import.splitting import batches_of
from chalicelib.product_import.store import KEPT, ImportStore

REFUSED = "the catalog could not store this product"
FROM_A_FILE = "from a file of products"


class Writer:
    def __init__(
        self,
        store: ImportStore,
        files: ImportFiles,
        catalog: Catalog,
        inventory: Inventory,
        publish: Callable[[Envelope], None],
        clock: Clock,
    ) -> None:
        self._store = store
        self._files = files
        self._catalog = catalog
        self._inventory = inventory
        self._publish = publish
        self._clock = clock

    def write(self, batch: Batch) -> None:
        found = self._store.get(batch.import_id)
        if found and batch.number not in found.counted:
            counts = self._do(batch, self._decided(batch))
            found = self._store.count(batch.import_id, batch.number, counts)
        if found and found.is_counted:
            self._end(found)

    def write_numbered(self, upload: Upload, number: int) -> None:
        """Write the batch of this number, whose rows are read from the file again. Raises FileRefused if the file was
        replaced."""
        if found := self._store.get(upload.import_id):
            for batch in islice(batches_of(self._files, found, upload), number, number + 1):
                self.write(batch)

    def _decided(self, batch: Batch) -> list[Row]:
        """Return the rows that change something: a product that is new or differs, stock that is not booked yet."""
        skus = [row.imported.sku for row in batch.rows]
        products, stocks = self._catalog.products(skus), self._inventory.stocks(skus)
        booked = self._inventory.received([batch.receipt_id(row) for row in batch.rows if row.imported.received])
        changing = [
            row.line
            for row in batch.rows
            if row.imported.changes_product(products.get(row.imported.sku))
            or (row.imported.changes_stock(stocks.get(row.imported.sku)) and batch.receipt_id(row) not in booked)
        ]
        decided = set(self._store.decide(batch.import_id, batch.number, changing, self._clock() + KEPT))
        return [row for row in batch.rows if row.line in decided]

    def _do(self, batch: Batch, changing: list[Row]) -> Counts:
        refused = [bad for row in changing if (bad := self._written(batch, row))]
        bad_rows = [*batch.bad_rows, *refused]
        if bad_rows:
            self._store.note_bad_rows(batch.import_id, batch.number, bad_rows)
        return Counts(
            written=len(changing) - len(refused),
            unchanged=len(batch.rows) - len(changing),
            failed=len(bad_rows),
        )

    def _written(self, batch: Batch, row: Row) -> BadRow | None:
        """Write a row's product and then its stock. Return what is wrong with it, if anything."""
        wanted, receipt_id = row.imported, batch.receipt_id(row)
        try:
            self._catalog.write(wanted.sku, wanted.applied_to)
            if wanted.stock is not None:
                self._inventory.set_on_hand_once(receipt_id, wanted.sku, wanted.stock, FROM_A_FILE)
            elif wanted.received:
                self._inventory.receive_once(receipt_id, wanted.sku, wanted.received, FROM_A_FILE)
        except ProductRefused:
            return BadRow(line=row.line, sku=wanted.sku, problem=REFUSED)
        except (RowIncomplete, StockSetAside) as refusal:
            return BadRow(line=row.line, sku=wanted.sku, problem=str(refusal))
        return None

    def _end(self, counted: Import) -> None:
        """Report, event, status, each of which may be repeated: DONE comes last, when nothing is missing."""
        now = self._clock()
        if counted.failed:
            self._files.write_report(counted.import_id, self._store.bad_rows(counted.import_id))
        self._publish(_imported(counted, now))
        self._store.end(counted.import_id, now)


def _imported(counted: Import, at: datetime) -> Envelope:
    """Return the event that the import has ended, under the same id each time."""
    data = CatalogImported(
        import_id=counted.import_id,
        total=counted.total or 0,
        written=counted.written,
        unchanged=counted.unchanged,
        failed=counted.failed,
    )
    return new_event(data, about=counted.import_id, at=at, key=f"{counted.import_id}:imported")
