"""CSV: what is read, and what is said of what can't be."""

import csv
import io
import json
import os
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.conformance import Conformed, Destination, conform
from catalog.formats import CSVText, records
from catalog.formats.grammar import Dialect
from catalog.formats.records import BLOCK_BYTES, Records
from catalog.schema import Schema

SPECTRUM = Path(os.environ.get("EXEMPLAR_SHARED_DATA", "")) / "14_csv_spectrum"


def schema_of(*attributes: str | dict[str, Any], **settings: Any) -> Schema:
    definitions = [each if isinstance(each, dict) else {"name": each, "type": "string"} for each in attributes]
    return Schema.from_definition({"attributes": definitions, **settings})


A_B = schema_of("a", "b")


def read(text: bytes, schema: Schema, directory: Path) -> Conformed:
    staging = directory / "staging"
    staging.mkdir(exist_ok=True)
    return conform(CSVText(io.BytesIO(text), staging), schema, Destination(directory))


def rows(conformed: Conformed) -> list[tuple[Any, ...]]:
    assert conformed.report is None, conformed.report
    files = [str(part.path) for part in conformed.parts]
    return duckdb.sql(f"SELECT * EXCLUDE (_id, _version) FROM read_parquet({files})").fetchall() if files else []


def errors(conformed: Conformed) -> list[tuple[int, int | None, str, str]]:
    assert conformed.report is not None
    return [(error.row, error.line, error.attribute, error.code) for error in conformed.report.errors]


# --- what is read ---------------------------------------------------------------------------------------------------


def test_nothing_between_commas_is_null_and_two_quotes_are_empty_text(tmp_path: Path) -> None:
    assert rows(read(b'a,b\n"",\n,""\n', A_B, tmp_path)) == [("", None), (None, "")]


def test_missing_values_are_null_unless_they_are_quoted(tmp_path: Path) -> None:
    schema = schema_of("a", "b", missingValues=["", "NA"])
    assert rows(read(b'a,b\nNA,"NA"\n,x\n', schema, tmp_path)) == [(None, "NA"), (None, "x")]


def test_without_missing_values_nothing_is_empty_text(tmp_path: Path) -> None:
    assert rows(read(b"a,b\n,NA\n", schema_of("a", "b", missingValues=[]), tmp_path)) == [("", "NA")]


def test_quoted_cells_hold_commas_quotes_and_line_breaks(tmp_path: Path) -> None:
    assert rows(read(b'a,b\n"1,5","say ""hi"""\n"x\ny","p\r\nq"\n', A_B, tmp_path)) == [
        ("1,5", 'say "hi"'),
        ("x\ny", "p\r\nq"),
    ]


def test_a_quote_inside_an_unquoted_cell_stands_for_itself(tmp_path: Path) -> None:
    assert rows(read(b'a,b\n5" pipe,x\n"y",z\n', A_B, tmp_path)) == [('5" pipe', "x"), ("y", "z")]


@pytest.mark.parametrize("text", [b"a,b\r\n1,2\r\n", b"a,b\r1,2\r", b"a,b\n1,2", b"a,b\r\n\n1,2\n\r\n\n"])
def test_every_kind_of_line_end_is_read_and_blank_lines_are_no_rows(tmp_path: Path, text: bytes) -> None:
    assert rows(read(text, A_B, tmp_path)) == [("1", "2")]


def test_in_a_file_of_one_column_a_blank_line_is_a_row(tmp_path: Path) -> None:
    assert rows(read(b'a\n1\n\n""\n', schema_of("a"), tmp_path)) == [("1",), (None,), ("",)]


@pytest.mark.parametrize("header", [b"a,b", b'"a",b'])
def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path: Path, header: bytes) -> None:
    assert rows(read(b"\xef\xbb\xbf" + header + b"\n1,2\n", A_B, tmp_path)) == [("1", "2")]


def test_columns_may_come_in_any_order(tmp_path: Path) -> None:
    assert rows(read(b"b,a\n1,2\n", A_B, tmp_path)) == [("2", "1")]


def test_a_header_alone_is_a_table_without_rows(tmp_path: Path) -> None:
    assert rows(read(b"a,b", A_B, tmp_path)) == []


def test_cells_are_read_by_the_type_of_their_attribute(tmp_path: Path) -> None:
    schema = schema_of(
        "code",
        {"name": "count", "type": "integer"},
        {"name": "price", "type": "number", "precision": 38, "scale": 10},
        {"name": "flag", "type": "boolean"},
    )
    text = b"code,count,price,flag\n007,9007199254740993,1234567890123456789012345678.0123456789,true\n"
    [(code, count, price, flag)] = rows(read(text, schema, tmp_path))
    assert (code, count, str(price), flag) == (
        "007",
        9007199254740993,
        "1234567890123456789012345678.0123456789",
        True,
    )


def test_names_that_are_sql_are_names(tmp_path: Path) -> None:
    schema = schema_of('a"; DROP TABLE x; --', "it's, a.b")
    text = b'"a""; DROP TABLE x; --","it\'s, a.b"\n1,2\n'
    assert rows(read(text, schema, tmp_path)) == [("1", "2")]


def test_a_cell_may_be_many_megabytes(tmp_path: Path) -> None:
    large = b"x" * (16 * 1024 * 1024)
    [(first, second)] = rows(read(b'a,b\n1,"' + large + b'\n"\n', A_B, tmp_path))
    assert (first, len(second)) == ("1", len(large) + 1)


def test_more_rows_than_a_part_holds_keep_their_order(tmp_path: Path) -> None:
    text = b"a,b\n" + b"".join(b"%d,x\n" % number for number in range(300_000))
    conformed = read(text, A_B, tmp_path)
    assert [part.row_count for part in conformed.parts] == [122_880, 122_880, 54_240]
    assert [int(first) for first, _ in rows(conformed)] == list(range(300_000))


def test_rows_errors_and_lines_are_the_same_however_small_the_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "BLOCK_BYTES", 16)
    lines = [f'{number},"x\n,{number}"\n' for number in range(200)]
    whole = read("".join(["a,b\n", *lines]).encode(), A_B, tmp_path)
    assert [int(first) for first, _ in rows(whole)] == list(range(200))
    lines[150] = "ragged\n"
    text = "".join(["a,b\n", *lines, '"open,1\n'])
    assert errors(read(text.encode(), A_B, tmp_path)) == [(151, 302, "", "malformed"), (201, 401, "", "malformed")]


def test_slices_can_be_asked_for_again(tmp_path: Path) -> None:
    source = CSVText(io.BytesIO(b"a,b\n1,2\n"), tmp_path)
    first = conform(source, A_B, Destination(tmp_path))
    assert rows(first) == rows(conform(source, A_B, Destination(tmp_path))) == [("1", "2")]


@given(
    table=st.lists(st.tuples(*[st.none() | st.text(st.characters(codec="utf-8"))] * 2), max_size=6),
    end=st.sampled_from(["\n", "\r\n"]),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_written_by_rfc_4180_is_read_back(
    tmp_path: Path, table: list[tuple[str | None, str | None]], end: str
) -> None:
    def cell(value: str | None) -> str:
        return "" if value is None else '"' + value.replace('"', '""') + '"'

    text = "a,b" + end + "".join(f"{cell(first)},{cell(second)}{end}" for first, second in table)
    assert rows(read(text.encode(), A_B, tmp_path)) == table


@given(
    text=st.text('a,"\n\r', max_size=40).map(str.encode),
    size=st.integers(1, 7),
)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_records_are_the_same_however_the_stream_is_cut(tmp_path: Path, text: bytes, size: int) -> None:
    whole, pieces = Records(io.BytesIO(text), Dialect()), Records(_Dribble(text, size), Dialect())
    assert _joined(whole) == _joined(pieces)


def _joined(found: Records) -> tuple[bytes, list[int | None]]:
    pieces = list(found.pieces())
    return b"".join(piece.text for piece in pieces), [piece.open_quote_line for piece in pieces][-1:]


class _Dribble(io.BytesIO):
    """A stream that gives a few bytes at a time."""

    def __init__(self, text: bytes, size: int) -> None:
        super().__init__(text)
        self.size = size

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(self.size, size or self.size) if size != -1 else -1)


# --- what is refused ------------------------------------------------------------------------------------------------


def test_all_ragged_rows_are_named_with_row_and_line(tmp_path: Path) -> None:
    text = b'a,b\n"1\nx",2\n\n3\n4,5\n6,7,8\n9,10\n,,,,\n'
    conformed = read(text, A_B, tmp_path)
    assert errors(conformed) == [(2, 5, "", "malformed"), (4, 7, "", "malformed"), (6, 9, "", "malformed")]
    assert conformed.report is not None
    assert conformed.report.errors[0].message == "The row has fewer cells than the header: 1"
    assert conformed.report.errors[1].value == "6,7,8"


def test_a_cell_too_many_is_one_even_if_it_is_empty(tmp_path: Path) -> None:
    text = b'a,b\n1,2\n3,4,\n5\n"6\nx",7,,,\n8,\n9,0,""\n,,'
    assert errors(read(text, A_B, tmp_path)) == [
        (2, 3, "", "malformed"),
        (3, 4, "", "malformed"),
        (4, 5, "", "malformed"),
        (6, 8, "", "malformed"),
        (7, 9, "", "malformed"),
    ]


def test_ragged_rows_and_wrong_cells_are_in_one_report(tmp_path: Path) -> None:
    schema = schema_of("a", {"name": "n", "type": "integer", "constraints": {"minimum": 0}})
    text = b'a,n\n"x\ny",1\nz,-3\nq\nr,w\n'
    assert errors(read(text, schema, tmp_path)) == [
        (2, 4, "n", "minimum"),
        (3, 5, "", "malformed"),
        (4, 6, "n", "type"),
    ]


def test_the_total_of_ragged_rows_is_true(tmp_path: Path) -> None:
    conformed = read(b"a,b\n" + b"1\n" * 2_500 + b"1,2\n", A_B, tmp_path)
    assert conformed.report is not None
    assert (conformed.report.error_count, conformed.report.row_count) == (2_500, 2_501)
    assert len(conformed.report.errors) == 1_000


def test_every_row_that_is_not_utf_8_is_named_with_its_line(tmp_path: Path) -> None:
    text = b'a,b\n1,\xff\n2,3\n"x\ny","\xc3"\n4,5\n\xed\xa0\x80,\xc0\x80\n'
    assert errors(read(text, A_B, tmp_path)) == [(1, 2, "", "encoding"), (3, 4, "", "encoding"), (5, 7, "", "encoding")]


@pytest.mark.parametrize("text", [b'a,b\n1,2\n3,"x,2\n5,6\n', b'a,b\n1,2\n"x', b'a,b\n1,2\n3,"', b'a,b\n1,2\n3,"x""'])
def test_a_quote_that_is_never_closed_is_named_and_swallows_nothing(tmp_path: Path, text: bytes) -> None:
    conformed = read(text, A_B, tmp_path)
    assert errors(conformed) == [(2, 3, "", "malformed")]
    assert conformed.report is not None
    assert conformed.report.errors[0].message == "The quote that opens on line 3 is never closed"


def test_a_quote_that_opens_far_from_the_end_is_named(tmp_path: Path) -> None:
    text = b'a,b\n1,"' + b"x,y\n" * BLOCK_BYTES
    assert errors(read(text, A_B, tmp_path)) == [(1, 2, "", "malformed")]


def test_text_behind_a_closing_quote_is_refused(tmp_path: Path) -> None:
    assert errors(read(b'a,b\n"x"y,2\n5,6\n', A_B, tmp_path)) == [(1, 2, "", "malformed")]


def test_a_header_is_held_against_the_object(tmp_path: Path) -> None:
    conformed = read(b"a,a,colour,\n1,2,3,4\n", schema_of("a", "color"), tmp_path)
    assert errors(conformed) == [
        (0, 1, "a", "duplicate_attribute"),
        (0, 1, "colour", "unknown_attribute"),
        (0, 1, "", "unknown_attribute"),
        (0, 1, "color", "missing_attribute"),
    ]
    assert conformed.report is not None
    assert conformed.report.errors[1].message == "'colour' is no attribute; did you mean 'color'?"
    assert conformed.report.error_count == 4


@pytest.mark.parametrize("text", [b"", b"\n\n", b"\xef\xbb\xbf", b"\r\n"])
def test_an_empty_file_says_what_its_first_line_would_be(tmp_path: Path, text: bytes) -> None:
    conformed = read(text, A_B, tmp_path)
    assert conformed.report is not None
    assert conformed.report.errors[0].message == "The file is empty; its first line names the attributes: a, b"
    assert conformed.report.errors[0].code == "malformed"


# --- csv-spectrum ---------------------------------------------------------------------------------------------------


def spectrum_names() -> list[str]:
    # The JSON of location_coordinates is of another file, says the set's SOURCE.md.
    return sorted(path.stem for path in (SPECTRUM / "csvs").glob("*.csv") if path.stem != "location_coordinates")


@pytest.mark.skipif(not os.environ.get("EXEMPLAR_SHARED_DATA"), reason="EXEMPLAR_SHARED_DATA is not set")
@pytest.mark.parametrize("name", spectrum_names() or ["(no files)"])
def test_csv_spectrum_is_read_as_its_json_says(tmp_path: Path, name: str) -> None:
    text = (SPECTRUM / "csvs" / f"{name}.csv").read_bytes()
    expected = json.loads((SPECTRUM / "json" / f"{name}.json").read_text(encoding="utf-8"))
    header = next(csv.reader(io.StringIO(text.decode())))
    found = rows(read(text, schema_of(*header, missingValues=[]), tmp_path))
    assert [dict(zip(header, row, strict=True)) for row in found] == expected
