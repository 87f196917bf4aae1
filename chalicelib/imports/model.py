"""An import, the rows of its file, and what can be wrong with them.

    WAITING ──the file is read──► RUNNING ──all batches are counted──► DONE
       └────────────the file cannot be read────────► FAILED

A file that cannot be read as a whole is refused before anything of it is written; a bad row loses nothing but itself.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from chalicelib.catalog.model import Product, ProductDetails, Sku
from chalicelib.platform.errors import NotFound

ROW_LIMIT = 100_000
"""Rows of one file."""
FILE_LIMIT = 50_000_000
"""Bytes of one file."""


class ImportNotFound(NotFound):
    """There is no import with this id. They are kept for 90 days."""


class FileRefused(Exception):
    """The file cannot be read as a whole. The message says why, for people, and quotes nothing that is in a row."""


class Format(StrEnum):
    CSV = "csv"
    JSONL = "jsonl"


class ImportStatus(StrEnum):
    WAITING = "WAITING"
    RUNNING = "RUNNING"
    DONE = "DONE"
    FAILED = "FAILED"


class ImportedProduct(ProductDetails):
    """A row. `stock` is how many pieces have come with it."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    sku: Sku
    stock: Annotated[int, Field(ge=0, le=100_000)] = 0

    @property
    def details(self) -> ProductDetails:
        return ProductDetails.model_validate(self.model_dump(exclude={"sku", "stock"}))

    def is_written(self, stored: Product | None) -> bool:
        """Return whether the stored product has what this row says."""
        return stored is not None and stored.model_dump(include=set(ProductDetails.model_fields)) == (
            self.details.model_dump()
        )


class Row(BaseModel):
    """`line` is where it begins in the file, from 1; a CSV file's header counts."""

    line: int
    imported: ImportedProduct


class BadRow(BaseModel):
    """`sku` is empty where there is none that could be one."""

    line: int
    sku: str
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

    def receipt_id(self, row: Row) -> str:
        return f"{self.content}#{row.line}"


class Counts(BaseModel):
    """Rows. `unchanged` ones were in the shop just so."""

    written: int = 0
    unchanged: int = 0
    failed: int = 0


class Import(Counts):
    """`total` and `batches` are known from RUNNING on. `counted` holds the numbers of the batches whose rows are in
    the counts."""

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
    counted: frozenset[int] = frozenset()

    def wants(self, content: str) -> bool:
        """Whether a file of this content is still to be split."""
        is_repetition = self.status == ImportStatus.RUNNING and self.content == content and not self.is_split
        return self.status == ImportStatus.WAITING or is_repetition

    @property
    def is_counted(self) -> bool:
        """Whether no batch is missing, and nobody has drawn the line yet."""
        return self.status == ImportStatus.RUNNING and len(self.counted) == self.batches
