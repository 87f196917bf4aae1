"""What a file may look like, what is wrong with a row, and what is wrong with a file."""

import io
import json
import zipfile

import pytest

from chalicelib.product_import import reading
from chalicelib.product_import.model import BadRow, FileRefused, Format, Row
from chalicelib.product_import.reading import BATCH_BYTES, BATCH_ROWS, batches, checked

HEADER = "sku,name,description,price_amount,price_currency,category,image,stock"
MUG = "MUG,Mug,For two,1200,EUR,camp,/mug.svg,5"
TENT = "TENT,Tent,Sleeps three,24900,EUR,camp,/tent.svg,"

PRICE = {"amount": 1200, "currency": "EUR"}


def csv_file(*rows, header=HEADER, end="\n", encoding="utf-8"):
    return end.join([header, *rows, ""]).encode(encoding)


def json_row(**changes):
    row = {
        "sku": "MUG",
        "name": "Mug",
        "description": "For two",
        "price": PRICE,
        "category": "camp",
        "image": "/mug.svg",
    }
    return json.dumps({name: value for name, value in (row | changes).items() if value is not None})


def read(content, file_format=Format.CSV):
    return list(checked(io.BytesIO(content), file_format))


def good(rows):
    return [row.imported.sku for row in rows if isinstance(row, Row)]


def bad(rows):
    return [(row.line, row.sku, row.problem) for row in rows if isinstance(row, BadRow)]


class TestGoodFiles:
    def test_row_is_a_product_and_its_received_units(self):
        (row,) = read(csv_file(MUG))
        assert (row.line, row.imported.stock) == (2, 5)
        assert row.imported.changes == {
            "name": "Mug",
            "description": "For two",
            "price": PRICE,
            "category": "camp",
            "image": "/mug.svg",
        }

    @pytest.mark.parametrize(
        "content",
        [
            csv_file(MUG, TENT),
            csv_file(MUG, TENT).rstrip(b"\n"),
            csv_file(MUG, TENT, end="\r\n"),
            b"\xef\xbb\xbf" + csv_file(MUG, TENT),
            csv_file("", MUG, "", "", TENT, ""),
            csv_file(MUG.replace("Mug", '"Mug"'), TENT),
            csv_file(MUG, TENT, header=HEADER.replace("sku", " sku ")),
            csv_file(MUG, TENT, header="Sku,NAME,Description,Price Amount,price_currency,CATEGORY,Image,STOCK"),
            csv_file(MUG, TENT).replace(b",", b";"),
            csv_file(MUG, TENT, end="\r\n").replace(b",", b"\t"),
            b"\xef\xbb\xbf" + csv_file(MUG, TENT).replace(b",", b";"),
            b"sep=;\r\n" + csv_file(MUG, TENT, end="\r\n").replace(b",", b";"),
            b"\xef\xbb\xbfsep=,\n" + csv_file(MUG, TENT),
            b"SEP=\t\n" + csv_file(MUG, TENT).replace(b",", b"\t"),
            csv_file(",,,,,,,", MUG, " , ,,,,,,", TENT, ",,,,,,,", ",,"),
            csv_file(MUG + ",,", TENT + ",,", header=HEADER + ",,"),
            csv_file(MUG.replace("MUG", " MUG "), TENT.replace("24900", " 24900")),
        ],
        ids=[
            *("plain", "no last newline", "CRLF", "BOM", "blank lines", "quotes", "spaces in header", "capitals"),
            *("semicolons", "tabs", "BOM and semicolons", "sep=;", "BOM and sep=,", "SEP=tab"),
            *("rows of commas", "commas at the end", "spaces"),
        ],
    )
    def test_csv(self, content):
        rows = read(content)
        assert good(rows) == ["MUG", "TENT"] and bad(rows) == []
        assert [row.imported.stock for row in rows] == [5, None]

    @pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n"])
    @pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
    def test_json_lines(self, start, end):
        content = start + end.join([json_row(stock=5), json_row(sku="TENT"), ""]).encode()
        rows = read(content, Format.JSONL)
        assert good(rows) == ["MUG", "TENT"] and bad(rows) == []

    def test_columns_may_be_in_any_order_and_stock_may_be_missing(self):
        content = b"image,category,price_currency,price_amount,description,name,sku\n/m.svg,camp,EUR,5,,Mug,MUG\n"
        (row,) = read(content)
        assert (row.imported.price.amount, row.imported.description, row.imported.stock) == (5, "", None)

    def test_semicolon_file_may_hold_commas_in_cells(self):
        (row,) = read(
            csv_file('MUG;"Mug; big";For one, two, three;1200;EUR;camp;/m.svg;5', header=HEADER.replace(",", ";"))
        )
        assert (row.imported.name, row.imported.description) == ("Mug; big", "For one, two, three")

    def test_absent_column_says_nothing_and_an_empty_cell_says_empty(self):
        absent, empty = read(b"sku,name\nMUG,Mug\n"), read(b"sku,images,description,stock,archived\nMUG,,,,\n")
        assert absent[0].imported.changes == {"name": "Mug"}
        assert empty[0].imported.changes == {"images": [], "description": ""}
        assert absent[0].imported.stock is empty[0].imported.stock is None

    @pytest.mark.parametrize(("cell", "value"), [("yes", True), ("TRUE", True), ("0", False), ("No", False)])
    def test_archived_column_is_yes_or_no(self, cell, value):
        (row,) = read(f"sku,archived\nMUG,{cell}\n".encode())
        assert row.imported.changes == {"archived": value}

    def test_lines_are_counted_from_the_top_of_the_file(self):
        content = b'sep=;\nsku;name\n;\nMUG;Mug\nmug;x\n"a"b;\n'
        assert [row.line for row in read(content)] == [4, 5, 6]

    def test_further_pictures_stand_between_spaces(self):
        rows = read(csv_file(f"{MUG},/a.svg /b.svg", f"{TENT},", header=f"{HEADER},images"))
        assert [row.imported.images for row in rows] == [["/a.svg", "/b.svg"], []]

    def test_quotes_may_hold_commas_quotes_and_lines(self):
        first, second = read(csv_file('MUG,"Mug, ""big""","For\ntwo",1200,EUR,camp,/m.svg,', TENT))
        assert (first.imported.name, first.imported.description) == ('Mug, "big"', "For\ntwo")
        assert (first.line, second.line) == (2, 4)


class TestBadRows:
    @pytest.mark.parametrize(
        ("row", "sku", "field"),
        [
            (MUG.replace("MUG", "mug"), "", "sku"),
            (MUG.replace("MUG", "=1+1"), "", "sku"),
            (MUG.replace("Mug", "  "), "MUG", "name"),
            (MUG.replace("Mug", "Pot\x0bBlue"), "MUG", "name: Must not contain the invisible character U+000B."),
            (MUG.replace("Mug", '"Two\nLines"'), "MUG", "name"),
            (MUG.replace("Mug", "Pot\u2028Line"), "MUG", "name"),
            (MUG.replace("Mug", "\u202e.gnp.toP"), "MUG", "name"),
            (MUG.replace("Mug", "\u200b"), "MUG", "name"),
            (MUG.replace("For two", "First\x02"), "MUG", "description"),
            (MUG.replace("Mug", "x" * 121), "MUG", "name"),
            (MUG.replace("For two", "x" * 2001), "MUG", "description"),
            (MUG.replace("1200", ""), "MUG", "price.amount"),
            (MUG.replace("1200", "-1"), "MUG", "price.amount"),
            (MUG.replace("1200", "12.00"), "MUG", "price.amount"),
            (MUG.replace("1200", "1_200"), "MUG", "price.amount"),
            (MUG.replace("1200", "٣"), "MUG", "price.amount"),
            (MUG.replace("1200", "9" * 50), "MUG", "price.amount"),
            (MUG.replace("1200", "9" * 9), "MUG", "price"),
            (MUG.replace("EUR", "USD"), "MUG", "price"),
            (MUG.replace("camp", "Camp"), "MUG", "category"),
            (MUG.replace("/mug.svg", "http://elsewhere/mug.svg"), "MUG", "image"),
            (MUG.replace(",5", ",-5"), "MUG", "stock"),
            (MUG.replace(",5", ",100001"), "MUG", "stock"),
            (MUG.replace(",5", ",some"), "MUG", "stock"),
            (MUG + ",more", "", "has 9 columns"),
            ("MUG", "", "has 1 columns"),
        ],
    )
    def test_csv(self, row, sku, field):
        rows = read(csv_file(row, TENT))
        assert good(rows) == ["TENT"]
        ((line, named, problem),) = bad(rows)
        assert (line, named) == (2, sku) and problem.startswith(field)

    @pytest.mark.parametrize(
        ("row", "sku", "problem"),
        [
            ("{", "", "is not JSON"),
            ("[]", "", "is not an object"),
            ("null", "", "is not an object"),
            ("[" * 5000, "", "is not JSON"),
            (json_row(name="Pot\x00Blue"), "MUG", "name: Must not contain the invisible character U+0000."),
            (json_row(stock=5, received=5), "MUG", "`stock` sets a level and `received` adds to it: use one of them"),
            (json_row()[:-1] + ', "price": {"amount": 5, "currency": "EUR"}}', "", "gives a field twice"),
            (json_row()[:-1] + ', "image": null}', "", "gives a field twice"),
            ('{"sku": "MUG", "image": null}', "MUG", "image: Input should be a valid string"),
            (json_row(stock="5"), "MUG", "stock: Input should be a valid integer"),
            (json_row(stock=5.0), "MUG", "stock: Input should be a valid integer"),
            (json_row(stock=True), "MUG", "stock: Input should be a valid integer"),
            (json_row(price=PRICE | {"amount": 12.0}), "MUG", "price.amount: Input should be a valid integer"),
            (json_row(stok=5), "MUG", "stok: this field is not known"),
            (json_row(**{"=HYPERLINK()": 5}), "MUG", "a field: this field is not known"),
            (json_row(sku=5), "", "sku: Input should be a valid string"),
            (json_row(name="\ud800"), "", "is not JSON"),
        ],
    )
    def test_json_lines(self, row, sku, problem):
        rows = read(f"{row}\n{json_row(sku='TENT')}\n".encode(), Format.JSONL)
        assert good(rows) == ["TENT"]
        assert bad(rows) == [(1, sku, problem)]

    def test_quotes_that_do_not_match_cost_the_lines_until_they_do(self):
        rows = read(csv_file('MUG,"Mug"x', TENT))
        assert good(rows) == ["TENT"] and [line for line, _, _ in bad(rows)] == [2]
        rows = read(csv_file('MUG,"Mug', 'POT,"Pot",,1,EUR,camp,/p.svg,', TENT))
        assert good(rows) == ["TENT"]
        assert bad(rows) == [(2, "", "cannot be read from here to line 3: do the quotes match?")]

    def test_unclosed_quote_discards_the_rest_of_the_file(self):
        rows = read(csv_file(TENT, 'MUG,"Mug', MUG))
        assert good(rows) == ["TENT"] and [line for line, _, _ in bad(rows)] == [3]

    def test_repeated_sku_is_imported_from_the_first_valid_row(self):
        rows = read(csv_file(MUG.replace("1200", "x"), MUG, TENT, MUG))
        assert good(rows) == ["MUG", "TENT"]
        assert bad(rows)[1] == (5, "MUG", "this sku stands in line 3 already")

    def test_bad_row_is_reported_with_its_sku_only(self):
        secret = "Zanzibar"
        for row in (f"MUG,{secret * 20},{secret},{secret},{secret},{secret},{secret},{secret}", f'"{secret}"{secret}'):
            assert secret not in json.dumps(bad(read(csv_file(row))))
        assert secret not in json.dumps(bad(read(json_row(price=secret, stock=secret).encode(), Format.JSONL)))


NO_HEADER = "The first line must name the columns"


def _zip():
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("products.csv", csv_file(MUG, TENT))
    return packed.getvalue()


class TestBadFiles:
    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (b"", "The file is empty."),
            (b"\xef\xbb\xbf", NO_HEADER),
            (b"\n\n", NO_HEADER),
            (csv_file(), "The file holds no rows."),
            (csv_file(header=MUG), NO_HEADER),
            (csv_file(MUG, header=HEADER.replace("sku", "code")), NO_HEADER),
            (
                csv_file(MUG, header=HEADER.replace("price_currency,", "")),
                "The columns price_amount and price_currency",
            ),
            (csv_file(MUG, header=HEADER.replace("stock", "stok")), "Column 8 is not known. There are: sku, name"),
            (csv_file(MUG, header=HEADER.replace("image", "stock")), "A column is named twice."),
            (csv_file(MUG, header=HEADER.replace("image", "received")), "The column stock sets levels and received"),
            (b"sep=|\n" + csv_file(MUG), "The line `sep=` names another separator"),
            (csv_file(MUG, header=HEADER.replace("stock", "sku")), "A column is named twice."),
            (csv_file(header='"sku"x'), NO_HEADER),
            (csv_file(MUG, end="\r"), "Lines end with CR alone."),
            (csv_file(MUG, TENT.replace("Tent", "Zelt für drei"), encoding="latin-1"), "Line 3 is not text in UTF-8."),
            (csv_file(MUG, encoding="utf-16"), "Line 1 is not text in UTF-8."),
            (csv_file(MUG, encoding="utf-16-le"), "Line 1 is not text."),
            (_zip(), "Line 1 is not text"),
            (bytes(range(256)) * 400, "Line 1 is not text"),
            (csv_file(MUG, "x" * 10_000_000), "Line 3 is longer than 64 KiB."),
        ],
        ids=[
            *("empty", "only a BOM", "blank", "header only", "no header", "no sku", "half a price"),
            *(
                "unknown column",
                "stock twice",
                "stock and received",
                "sep",
                "column twice",
                "header with a quote",
                "CR only",
                "latin-1",
                "UTF-16",
                "NUL bytes",
            ),
            *("zip", "binary", "10 MB line"),
        ],
    )
    def test_csv(self, content, reason):
        with pytest.raises(FileRefused) as refusal:
            read(content)
        assert str(refusal.value).startswith(reason)

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (b"", "The file is empty."),
            (b"\n \n", "The file holds no rows."),
            (_zip(), "Line 1 is not text"),
            (json_row().encode("utf-16"), "Line 1 is not text"),
            (b"[" * 10_000_000, "Line 1 is longer than 64 KiB."),
        ],
        ids=["empty", "blank", "zip", "UTF-16", "10 MB line"],
    )
    def test_json_lines(self, content, reason):
        with pytest.raises(FileRefused) as refusal:
            read(content, Format.JSONL)
        assert str(refusal.value).startswith(reason)

    @pytest.mark.parametrize(("rows", "is_refused"), [(3, False), (4, True)])
    def test_file_is_refused_above_the_row_limit_only(self, monkeypatch, rows, is_refused):
        monkeypatch.setattr(reading, "ROW_LIMIT", 3)
        content = csv_file(*("bad" for _ in range(rows)))
        if is_refused:
            with pytest.raises(FileRefused, match="more than 3 rows"):
                read(content)
        else:
            assert len(bad(read(content))) == rows

    def test_overlong_line_is_not_read_to_its_end(self):
        class Endless(io.RawIOBase):
            def readline(self, size=-1):
                assert 0 < size < 100_000
                return b"x" * size

        with pytest.raises(FileRefused):
            list(checked(Endless(), Format.JSONL))


class TestBatches:
    @pytest.fixture
    def split(self):
        def of(content):
            return list(batches(io.BytesIO(content), Format.CSV, "imp_1", "md5"))

        return of

    def test_hold_every_row_once_in_its_order_good_or_bad(self, split):
        lines = [MUG.replace("MUG", f"MUG-{n}") if n % 7 else "bad" for n in range(1000)]
        found = split(csv_file(*lines))
        assert [batch.number for batch in found] == list(range(len(found)))
        seen = [sorted(row.line for row in (*batch.rows, *batch.bad_rows)) for batch in found]
        assert [line for lines in seen for line in lines] == list(range(2, 1002))
        assert sum(len(batch.bad_rows) for batch in found) == 143
        assert all(len(lines) <= BATCH_ROWS for lines in seen)

    def test_ten_fit_into_one_request_to_the_queue(self, split):
        long = "é" * 2000
        rows = [f"MUG-{n},Mug,{long if n % 3 else 'short'},1200,EUR,camp,/m.svg," for n in range(300)]
        found = split(csv_file(*rows))
        assert max(len(batch.model_dump_json().encode()) for batch in found) < BATCH_BYTES + 1000
        assert sum(len(batch.rows) for batch in found) == 300

    def test_batches_are_identical_when_a_file_is_split_again(self, split):
        content = csv_file(*(MUG.replace("MUG", f"MUG-{n}") for n in range(250)))
        assert split(content) == split(content)
