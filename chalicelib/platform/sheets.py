"""CSV for spreadsheets, which take a text that begins like a formula for one, and run it."""

import csv
import io
from collections.abc import Iterable
from typing import Any

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""With what a cell begins that is not taken for text (https://owasp.org/www-community/attacks/CSV_Injection)."""


def written(columns: list[str], rows: Iterable[Iterable[Any]]) -> str:
    """A text that begins like a formula gets an apostrophe before it, which spreadsheets do not show."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([_harmless(cell) for cell in row] for row in rows)
    return text.getvalue()


def _harmless(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell
