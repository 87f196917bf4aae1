"""From an uploaded file to batches of checked rows, line by line: memory holds one batch, and the skus seen so far."""

import csv
import json
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

from pydantic import ValidationError

from chalicelib.catalog.model import is_sku
from chalicelib.imports.model import ROW_LIMIT, BadRow, Batch, FileRefused, Format, ImportedProduct, Row

COLUMNS = ("sku", "name", "description", "price_amount", "price_currency", "category", "image")
OPTIONAL_COLUMNS = ("images", "stock")
NUMBERS = {"price_amount", "stock"}

BOM = b"\xef\xbb\xbf"
LINE_LIMIT = 64 * 1024
"""Bytes. The longest honest row has about ten thousand."""
PROBLEM_LIMIT = 300
"""Characters."""

BATCH_ROWS = 100
BATCH_BYTES = 24_000
"""Ten batches fit into one request to a queue, which takes 256 KiB."""

Draft = tuple[int, str] | BadRow
"""The line where a row begins, and the row as JSON, or why there is none."""


def batches(stream: BinaryIO, file_format: Format, import_id: str, content: str) -> Iterator[Batch]:
    """The same batches whenever the same file is read. Raises FileRefused, maybe after some batches."""
    batch = Batch(import_id=import_id, content=content, number=0, rows=[], bad_rows=[])
    size = 0
    for row in checked(stream, file_format):
        weight = len(row.model_dump_json().encode())
        is_full = len(batch.rows) + len(batch.bad_rows) == BATCH_ROWS or size + weight > BATCH_BYTES
        if is_full and size:
            yield batch
            batch = batch.model_copy(update={"number": batch.number + 1, "rows": [], "bad_rows": []})
            size = 0
        size += weight
        batch.rows.append(row) if isinstance(row, Row) else batch.bad_rows.append(row)
    yield batch


def checked(stream: BinaryIO, file_format: Format) -> Iterator[Row | BadRow]:
    """Every row, good or bad. Of rows with the same sku the first good one counts. Raises FileRefused."""
    drafts = _csv_rows(_lines(stream)) if file_format == Format.CSV else _json_rows(_lines(stream))
    first_line: dict[str, int] = {}
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


def _csv_rows(lines: Iterable[str]) -> Iterator[Draft]:
    """A row whose quotes do not match costs the lines up to where they do."""
    reader = csv.reader(lines, strict=True)
    columns = _header(reader)
    while True:
        line = reader.line_num + 1
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error:
            problem = f"cannot be read from here to line {max(line, reader.line_num)}: do the quotes match?"
            yield BadRow(line=line, sku="", problem=problem)
            continue
        if not fields:
            continue
        if len(fields) == len(columns):
            yield line, _as_json(dict(zip(columns, fields, strict=True)))
        else:
            yield BadRow(line=line, sku="", problem=f"has {len(fields)} columns, the header has {len(columns)}")


def _header(reader: Iterator[list[str]]) -> list[str]:
    """Raises FileRefused. A column that nobody knows may be `stock`, misspelt, so it is not passed over."""
    try:
        columns = [name.strip() for name in next(reader, [])]
    except csv.Error:
        columns = []
    missing = [name for name in COLUMNS if name not in columns]
    if missing:
        raise FileRefused(f"The first line must name the columns, separated by commas. Missing: {', '.join(missing)}.")
    if len(set(columns)) < len(columns):
        raise FileRefused("A column is named twice.")
    if set(columns) - {*COLUMNS, *OPTIONAL_COLUMNS}:
        raise FileRefused(f"There are other columns than {', '.join((*COLUMNS, *OPTIONAL_COLUMNS))}.")
    return columns


def _as_json(fields: dict[str, str]) -> str:
    """An empty stock is none; further pictures stand between spaces. What should be a number and is not stays text,
    which is then refused."""
    values: dict[str, Any] = {k: int(v) if k in NUMBERS and _is_number(v) else v for k, v in fields.items()}
    values["price"] = {"amount": values.pop("price_amount"), "currency": values.pop("price_currency")}
    if "images" in values:
        values["images"] = values["images"].split()
    if values.get("stock") == "":
        del values["stock"]
    return json.dumps(values)


def _is_number(text: str) -> bool:
    """Digits only: `59.00` must not become 59 cents."""
    return text.isascii() and text.isdigit() and len(text) < 20


def _validated(line: int, text: str) -> Row | BadRow:
    try:
        return Row(line=line, imported=ImportedProduct.model_validate_json(text, strict=True))
    except ValidationError as error:
        problem = "; ".join(_told(e["loc"], e["type"], e["msg"]) for e in error.errors(include_input=False))
        return BadRow(line=line, sku=_sku_of(text), problem=problem[:PROBLEM_LIMIT])


def _told(place: tuple[int | str, ...], kind: str, message: str) -> str:
    """In a JSON row somebody else chose the names of unknown fields: only those that are names are repeated."""
    if kind == "json_invalid":
        return "is not JSON"
    field = ".".join(map(str, place))
    if kind == "extra_forbidden":
        return f"{field if field.isidentifier() else 'a field'}: nobody knows this field"
    return f"{field}: {message}" if field else message


def _sku_of(text: str) -> str:
    """Of a bad row, if it has one."""
    try:
        sku = json.loads(text).get("sku")
    except (ValueError, AttributeError, RecursionError):
        return ""
    return sku if isinstance(sku, str) and is_sku(sku) else ""
