"""From an uploaded file to batches of checked rows, line by line: memory holds one batch, and the skus seen so far."""

from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO, Literal

from pydantic import ValidationError

from chalicelib.catalog.model import is_sku
from chalicelib.platform import strict_json
from chalicelib.platform.ids import Sku
from chalicelib.product_import.csv_rows import Draft, csv_rows
from chalicelib.product_import.model import ROW_LIMIT, BadRow, Batch, FileRefused, Format, ImportedProduct, Row

BOM = b"\xef\xbb\xbf"
LINE_LIMIT = 64 * 1024
"""Bytes. The longest honest row has about ten thousand."""
PROBLEM_LIMIT = 300
"""Characters."""

BATCH_ROWS = 100
BATCH_BYTES = 24_000
"""Ten batches fit into one request to a queue, which takes 256 KiB."""
USUAL = (BATCH_ROWS, BATCH_BYTES)
LARGE = (400, 100_000)
"""Rows and bytes of a batch of a large file. It fits into a message, and into the input of a child execution."""


def batches(
    stream: BinaryIO, file_format: Format, import_id: str, content: str, limits: tuple[int, int] = USUAL
) -> Iterator[Batch]:
    """The same batches whenever the same file is read with the same limits. Raises FileRefused, maybe after some."""
    most_rows, most_bytes = limits
    batch = Batch(import_id=import_id, content=content, number=0, rows=[], bad_rows=[])
    size = 0
    for row in checked(stream, file_format):
        weight = len(row.model_dump_json(exclude_unset=True).encode())
        is_full = len(batch.rows) + len(batch.bad_rows) == most_rows or size + weight > most_bytes
        if is_full and size:
            yield batch
            batch = batch.model_copy(update={"number": batch.number + 1, "rows": [], "bad_rows": []})
            size = 0
        size += weight
        batch.rows.append(row) if isinstance(row, Row) else batch.bad_rows.append(row)
    yield batch


def checked(stream: BinaryIO, file_format: Format) -> Iterator[Row | BadRow]:
    """Every row, good or bad. Of rows with the same sku the first good one counts. Raises FileRefused."""
    drafts = csv_rows(_lines(stream)) if file_format == Format.CSV else _json_rows(_lines(stream))
    first_line: dict[Sku, int] = {}
    count = 0
    for draft in drafts:
        count += 1
        if count > ROW_LIMIT:
            raise FileRefused(f"The file holds more than {ROW_LIMIT:,} rows.")
        row = draft if isinstance(draft, BadRow) else _validated(*draft)
        if isinstance(row, Row):
            sku = row.imported.sku
            if first_line.setdefault(sku, row.line) != row.line:
                row = BadRow(line=row.line, sku=sku, problem=f"this sku stands in line {first_line[sku]} already")
        yield row
    if not count:
        raise FileRefused("The file holds no rows.")


def _lines(stream: BinaryIO) -> Iterator[str]:
    number = 0
    while line := stream.readline(LINE_LIMIT + 1):
        number += 1
        if len(line) > LINE_LIMIT:
            raise FileRefused(f"Line {number} is longer than {LINE_LIMIT // 1024} KiB.")
        try:
            text = line.removeprefix(BOM if number == 1 else b"").decode()
        except UnicodeDecodeError:
            raise FileRefused(f"Line {number} is not text in UTF-8.") from None
        if "\0" in text:
            raise FileRefused(f"Line {number} is not text.")
        yield text
    if not number:
        raise FileRefused("The file is empty.")


def _json_rows(lines: Iterable[str]) -> Iterator[Draft]:
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield number, line


def _validated(line: int, row: str | dict[str, Any]) -> Row | BadRow:
    """`row` is a row of JSON, or the fields of a row of CSV."""
    try:
        values = strict_json.parse(row) if isinstance(row, str) else row
        if not isinstance(values, dict):
            return BadRow(line=line, sku="", problem="is not an object")
        return Row(line=line, imported=ImportedProduct.model_validate(values, strict=True))
    except strict_json.JsonKeyRepeated:
        return BadRow(line=line, sku="", problem="gives a field twice")
    except strict_json.JsonRefused:
        return BadRow(line=line, sku="", problem="is not JSON")
    except ValidationError as error:
        problem = "; ".join(_problem_of(e["loc"], e["type"], e["msg"]) for e in error.errors(include_input=False))
        return BadRow(line=line, sku=_sku_of(values), problem=problem[:PROBLEM_LIMIT])


def _problem_of(place: tuple[int | str, ...], kind: str, message: str) -> str:
    """The names of unknown fields come from the file: only those that look like names are repeated."""
    field = ".".join(map(str, place))
    if kind == "extra_forbidden":
        return f"{field if field.isidentifier() else 'a field'}: this field is not known"
    return f"{field}: {message}" if field else message.removeprefix("Value error, ")


def _sku_of(values: Any) -> Sku | Literal[""]:
    """Of a bad row, if it has one."""
    sku = values.get("sku") if isinstance(values, dict) else None
    return Sku(sku) if isinstance(sku, str) and is_sku(sku) else ""
