"""An import, the rows of its file, and what can be wrong with them.

    WAITING ──the file is read──► RUNNING ──all batches are counted──► DONE
       └────────────the file cannot be read────────► FAILED

A file that cannot be read as a whole is refused before anything of it is written; a bad row loses nothing but itself.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, model_validator

from chalicelib.catalog.model import NewSku, Product, ProductChange, ProductDetails
from chalicelib.inventory.model import Stock
from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.errors import Conflict, NotFound
from chalicelib.platform.ids import Sku

ROW_LIMIT = 500_000
"""Rows of one file."""
FILE_LIMIT = 250_000_000
"""Bytes of one file."""
SMALL_ROWS, SMALL_FILE = 500, 200_000
"""Rows and bytes of a file that a caller can wait for: an Express workflow has five minutes, and a caller seconds."""


NEEDED_BY_NEW = tuple(name for name, field in ProductDetails.model_fields.items() if field.is_required())
"""Fields."""


class ImportNotFound(NotFound):
    """There is no import with this id. They are kept for 90 days."""


class FileRefused(Exception):
    """The file cannot be read as a whole. The message says why, for people, and quotes nothing that is in a row."""


class NotSmall(Conflict):
    """The import was not created with `small`, so it runs by itself after the upload."""


class FileNotUploaded(Conflict):
    """The file of the import is not there yet. Upload it first."""


class Format(StrEnum):
    CSV = "csv"
    JSONL = "jsonl"


class ImportStatus(StrEnum):
    WAITING = "WAITING"
    RUNNING = "RUNNING"
    DONE = "DONE"
    FAILED = "FAILED"


Units = Annotated[int, Field(ge=0, le=100_000)]


class RowIncomplete(Exception):
    """The row names a product that does not exist yet, and not all that a new product needs."""


class ImportedProduct(ProductChange):
    """A row: what it says of a product. What it does not say stays as it is.

    `stock` sets how many units are on hand, those set aside for open orders among them; `received` adds units. A row
    has at most one of them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    sku: NewSku
    stock: Units | None = None
    received: Units | None = None

    @model_validator(mode="after")
    def _has_one_meaning(self) -> "ImportedProduct":
        if self.stock is not None and self.received is not None:
            raise ValueError("`stock` sets a level and `received` adds to it: use one of them")
        return self

    @property
    def changes(self) -> dict[str, Any]:
        """Return the product's fields that the row gives, by name."""
        return self.model_dump(include=self.model_fields_set & set(ProductChange.model_fields))

    def applied_to(self, stored: Product | None) -> dict[str, Any]:
        """Return the fields of the product as it is to be stored. Raises RowIncomplete."""
        missing = [name for name in NEEDED_BY_NEW if stored is None and name not in self.model_fields_set]
        if missing:
            raise RowIncomplete(f"is a new product, which needs {', '.join(missing)}")
        return (stored.model_dump() if stored else {}) | self.changes

    def changes_product(self, stored: Product | None) -> bool:
        """Return whether storing the row would make a difference."""
        return stored is None or stored.model_dump() != stored.model_dump() | self.changes

    def changes_stock(self, stock: Stock | None) -> bool:
        """Return whether booking the row would make a difference, unless it is booked already."""
        if self.stock is not None:
            return stock is None or stock.on_hand != self.stock
        return bool(self.received)


class Row(BaseModel):
    """`line` is where it begins in the file, from 1; a CSV file's header counts."""

    line: int
    imported: ImportedProduct


class BadRow(BaseModel):
    """`sku` is empty where there is none that could be one."""

    line: int
    sku: Sku | Literal[""]
    problem: str


class Batch(BaseModel):
    """Some rows of a file, and what was wrong with others among them: a message on the queue of rows.

    `number` counts from 0 and is the same whenever the same file is split. `content` stands for the whole
    file: two files that are the same, byte by byte, have the same.
    """

    model_config = ConfigDict(hide_input_in_errors=True)

    import_id: str
    content: str
    number: int
    rows: list[Row]
    bad_rows: list[BadRow]

    @property
    def size(self) -> int:
        """Return the number of rows, bad ones too."""
        return len(self.rows) + len(self.bad_rows)

    def receipt_id(self, row: Row) -> str:
        """Return what a row's change of stock is booked under.

        A delivery counts once for each file, however often the same file is imported; a level holds at each import.
        """
        return f"{self.content if row.imported.received else self.import_id}#{row.line}"

    def as_message(self) -> str:
        """Return the batch as JSON. What a row does not say is absent from it."""
        return self.model_dump_json(exclude_unset=True)


class Counts(BaseModel):
    """Rows. `unchanged` ones were in the shop just so."""

    written: int = 0
    unchanged: int = 0
    failed: int = 0


class Import(Counts):
    """`total` and `batches` are known from RUNNING on. `counted` holds the numbers of the batches whose rows are in
    the counts. `small`: an Express workflow imports the file while the caller waits."""

    model_config = ConfigDict(frozen=True)

    import_id: str
    format: Format
    status: ImportStatus
    created_at: datetime
    ended_at: datetime | None = None
    reason: str | None = None
    content: str | None = None
    total: int | None = None
    batches: int | None = None
    is_split: bool = False
    small: bool = False
    counted: frozenset[int] = frozenset()

    def wants(self, content: str) -> bool:
        """Whether a file of this content is still to be split."""
        is_repetition = self.status == ImportStatus.RUNNING and self.content == content and not self.is_split
        return self.status == ImportStatus.WAITING or is_repetition

    @property
    def key(self) -> str:
        """Return the key of the file in the bucket."""
        return f"uploads/{'small/' if self.small else ''}{self.import_id}.{self.format}"

    @property
    def has_ended(self) -> bool:
        return self.status in (ImportStatus.DONE, ImportStatus.FAILED)

    @property
    def is_counted(self) -> bool:
        """Return whether all batches are counted and the import has not ended yet."""
        return self.status == ImportStatus.RUNNING and len(self.counted) == self.batches
