"""CSV for spreadsheets, which run a text that begins like a formula, and take UTF-8 without a mark for another
encoding: Excel shows `MÃ¼tze` for `Mütze`."""

import csv
import io
from collections.abc import Iterable
from typing import Any

MEDIA_TYPE = "text/csv; charset=utf-8"
BYTE_ORDER_MARK = "\ufeff"
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""With what a cell begins that is not taken for text (https://owasp.org/www-community/attacks/CSV_Injection)."""


def written(columns: list[str], rows: Iterable[Iterable[Any]]) -> str:
    """Return a CSV text (RFC 4180) that begins with a byte order mark; encode it as UTF-8.

    A cell that begins like a formula gets an apostrophe before it, which spreadsheets do not show.
    """
    text = io.StringIO(newline="")
    text.write(BYTE_ORDER_MARK)
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([_harmless(cell) for cell in row] for row in rows)
    return text.getvalue()


def _harmless(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell
