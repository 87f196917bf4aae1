"""What a spreadsheet makes of our CSV: text, whatever it says."""

import csv
import io

import pytest

from chalicelib.platform import sheets


@pytest.mark.parametrize("name", ['=HYPERLINK("//x")', "+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1"])
def test_what_begins_like_a_formula_is_written_as_text(name):
    assert _read(sheets.written(["name"], [[name]])) == [["name"], [f"'{name}"]]


@pytest.mark.parametrize("cell", ["Mug = cup", "a,b", 'say "x"', "two\nlines", "", "1"])
def test_other_text_is_written_as_it_is(cell):
    assert _read(sheets.written(["a"], [[cell, "end"]]))[1] == [cell, "end"]


def test_numbers_stay_numbers_below_zero_too():
    assert _read(sheets.written(["a", "b"], [[-150, 3]]))[1] == ["-150", "3"]


def _read(text):
    return list(csv.reader(io.StringIO(text, newline="")))
