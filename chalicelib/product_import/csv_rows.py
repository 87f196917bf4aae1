"""CSV files as spreadsheets write them: which character separates the cells, which columns there are, and the rows.

Accepted where there is one reading only: commas, semicolons or tabs; a first line `sep=;`; names of columns in any
case. Rows of nothing but empty cells, which spreadsheets leave behind, are skipped.
"""

import csv
from collections.abc import Iterable, Iterator
from typing import Any

from chalicelib.product_import.model import BadRow, FileRefused

COLUMNS = (
    *("sku", "name", "description", "price_amount", "price_currency", "category", "image", "images"),
    *("archived", "stock", "received"),
)
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}
NO_HEADER = "The first line must name the columns"
NUMBERS = {"price_amount", "stock", "received"}
OPTIONAL = {"archived", "stock", "received"}
"""An empty cell of these columns leaves all as it is: there is no empty number and no empty yes or no."""
YES, NO = {"yes", "true", "1"}, {"no", "false", "0"}

Draft = tuple[int, str | dict[str, Any]] | BadRow
"""The line where a row begins, and the row, as JSON or as fields, or why there is none."""


def csv_rows(lines: Iterable[str]) -> Iterator[Draft]:
    """Return each row that has a cell with something in it. Raises FileRefused.

    A row whose quotes do not match costs the lines up to where they do.
    """
    first_line, separator, columns, rest = _header(iter(lines))
    reader = csv.reader(rest, strict=True, delimiter=separator)
    while True:
        line = first_line + reader.line_num
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            last = max(line, first_line + reader.line_num - 1)
            yield BadRow(line=line, sku="", problem=f"cannot be read from here to line {last}: do the quotes match?")
            continue
        if not any(cell.strip() for cell in cells):
            continue
        while len(cells) > len(columns) and not cells[-1].strip():
            cells.pop()
        if len(cells) == len(columns):
            yield line, _fields(dict(zip(columns, cells, strict=True)))
        else:
            yield BadRow(line=line, sku="", problem=f"has {len(cells)} columns, the header has {len(columns)}")


def _header(lines: Iterator[str]) -> tuple[int, str, list[str], Iterator[str]]:
    """Return the number of the line after the header, the separator, the columns and the other lines.

    Raises FileRefused with what is wrong, and never with what stands there: it may be a row.
    """
    line, number, stated = next(lines), 1, None
    if line.strip().lower().startswith("sep=") and len(line.strip("\r\n")) == len("sep=,"):
        stated, line, number = line[4], next(lines, ""), 2
        if stated not in SEPARATORS:
            raise FileRefused("The line `sep=` names another separator than a comma, a semicolon or a tab.")
    if "\r" in line.rstrip("\r\n"):
        raise FileRefused("Lines end with CR alone. Save the file with LF or CR LF line ends.")
    readings = {each: _names(line, each) for each in ([stated] if stated else SEPARATORS)}
    # The separator that splits the line into names we know; most of them, where none of the readings is right.
    separator = max(readings, key=lambda each: len(set(readings[each]) & set(COLUMNS)))
    _check(readings[separator])
    return number + 1, separator, readings[separator], lines


def _names(line: str, separator: str) -> list[str]:
    """Return the columns as one separator splits them. A line that cannot be split is one unknown column."""
    try:
        cells = next(csv.reader([line], strict=True, delimiter=separator), [])
    except csv.Error:
        return [""]
    names = [cell.strip().casefold().replace(" ", "_") for cell in cells]
    while names and not names[-1]:
        names.pop()
    return names


def _check(columns: list[str]) -> None:
    """Raises FileRefused. An unknown column may be `stock`, misspelt, so it is refused."""
    if "sku" not in columns:
        raise FileRefused(f"{NO_HEADER}, separated by commas, semicolons or tabs, and `sku` among them.")
    if len(set(columns)) < len(columns):
        raise FileRefused("A column is named twice.")
    unknown = [str(place) for place, name in enumerate(columns, start=1) if name not in COLUMNS]
    if unknown:
        places = f"Column {unknown[0]} is" if len(unknown) == 1 else f"Columns {', '.join(unknown)} are"
        raise FileRefused(f"{places} not known. There are: {', '.join(COLUMNS)}.")
    if len({"price_amount", "price_currency"} & set(columns)) == 1:
        raise FileRefused("The columns price_amount and price_currency belong together: one of them is missing.")
    if {"stock", "received"} <= set(columns):
        raise FileRefused("The column stock sets levels and received adds to them: a file has one of them.")


def _fields(cells: dict[str, str]) -> dict[str, Any]:
    """Return the fields of a row. Further pictures stand between spaces. A cell that should be a number, or yes or
    no, and is not stays text, which is then refused."""
    fields: dict[str, Any] = {}
    for column, cell in cells.items():
        text = cell.strip()
        if column in OPTIONAL and not text:
            continue
        fields[column] = _value(column, text)
    if "price_amount" in fields:
        fields["price"] = {"amount": fields.pop("price_amount"), "currency": fields.pop("price_currency")}
    return fields


def _value(column: str, text: str) -> Any:
    if column in NUMBERS:
        return int(text) if _is_number(text) else text
    if column == "images":
        return text.split()
    if column == "archived" and text.lower() in YES | NO:
        return text.lower() in YES
    return text


def _is_number(text: str) -> bool:
    """Digits only: `59.00` must not become 59 cents."""
    return text.isascii() and text.isdigit() and len(text) < 20
