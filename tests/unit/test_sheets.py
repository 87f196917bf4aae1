"""CSV files: a spreadsheet shows each cell as text and runs no formula."""

import csv
import io
import re

import pytest

from chalicelib.platform import sheets
from chalicelib.platform.shop import shop
from chalicelib.product_import.csv_rows import COLUMNS
from chalicelib.product_import.model import Format, Row
from chalicelib.product_import.reading import checked
from infra.build.template import ROOT


@pytest.mark.parametrize("name", ['=HYPERLINK("//x")', "+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1"])
def test_formula_like_text_is_written_as_text(name):
    assert _read(sheets.written(["name"], [[name]])) == [["name"], [f"'{name}"]]


@pytest.mark.parametrize("cell", ["Mug = cup", "a,b", 'say "x"', "two\nlines", "", "1"])
def test_other_text_is_written_as_it_is(cell):
    assert _read(sheets.written(["a"], [[cell, "end"]]))[1] == [cell, "end"]


def test_numbers_stay_numbers_below_zero_too():
    assert _read(sheets.written(["a", "b"], [[-150, 3]]))[1] == ["-150", "3"]


def test_csv_begins_with_a_byte_order_mark_so_that_excel_reads_utf_8():
    text = sheets.written(["name"], [["Mütze für 5 €"]])

    assert text.encode().startswith(b"\xef\xbb\xbf")
    assert _read(text) == [["name"], ["Mütze für 5 €"]]


def test_csv_we_write_is_read_by_our_own_importer():
    text = sheets.written([*COLUMNS[:7]], [["MUG-01", "Mütze", "Wärmt", "1250", shop().currency, "camp", "/m.svg"]])

    [row] = checked(io.BytesIO(text.encode()), Format.CSV)

    assert isinstance(row, Row)
    assert row.imported.name == "Mütze"


def test_csv_is_written_in_one_place_only():
    """Any other writer would omit the byte order mark and the protection from formulas."""
    sources = [path for folder in ("chalicelib", "infra") for path in (ROOT / folder).rglob("*.py")]

    writing = [path.name for path in sources if re.search(r"csv\.(writer|DictWriter)|\.to_csv", path.read_text())]

    assert writing == ["sheets.py"]


def _read(text):
    text = text.encode().decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline="")))
