"""Where rows come from: NDJSON as it is found in the wild, JSON texts, typed columns."""

import io

import duckdb
import pytest

from catalog.sources import CHUNK_BYTES, LINE_BYTES, SLICE_ROWS, JSONLines, JSONRows, TypedColumns

ID = [{"name": "id", "type": "integer"}]
TEXT = [{"name": "a", "type": "string"}]


class GeneratedLines(io.RawIOBase):
    """A stream of NDJSON that is made while it is read, so that a test needs no large file."""

    def __init__(self, row_count: int, line: bytes) -> None:
        self.row_count, self.line, self.row = row_count, line, 0
        self.rest = b""

    def seek(self, position: int, whence: int = 0) -> int:
        self.row, self.rest = 0, b""
        return position

    def read(self, size: int = -1) -> bytes:
        while len(self.rest) < size and self.row < self.row_count:
            upper = min(self.row + 10_000, self.row_count)
            self.rest += b"".join(self.line % row for row in range(self.row, upper))
            self.row = upper
        found, self.rest = self.rest[:size], self.rest[size:]
        return found


@pytest.mark.parametrize(
    "content",
    [
        b'{"id": 1}\n{"id": 2}\n',
        b'{"id": 1}\n{"id": 2}',
        b'{"id": 1}\r\n{"id": 2}\r\n',
        b'{"id": 1}\r\n\r\n\n   \n\t\n{"id": 2}\n\n\n',
        b'\n\n{"id": 1}\n \t {"id": 2} \t\r',
        b'\xef\xbb\xbf{"id": 1}\n{"id":\r2}\n',
    ],
)
def test_line_ends_blank_lines_and_a_byte_order_mark_make_no_difference(check_ndjson, content):
    checked = check_ndjson(ID, content)
    assert checked.errors == ()
    assert checked.cells == ["1", "2"]


@pytest.mark.parametrize("content", [b"", b"\n", b"\r\n \n\t", b"\xef\xbb\xbf"])
def test_an_empty_input_has_no_rows(check_ndjson, content):
    checked = check_ndjson(ID, content)
    assert (checked.conformed.row_count, checked.conformed.parts, checked.errors) == (0, (), ())


@pytest.mark.parametrize(
    "line",
    [
        b'{"a": "x\ry"}',
        b'{"a": "x\0y"}',
        b'{"a": "x\x01y"}',
        b'{"a": "x\x01\x02y", "b": 1.2345678901234567890}',
        b'{"a": "x\ty"}',
        b'{"a": "x",}',
        b'{"a": "x", }  ',
        b'{"a": "x"',
        b'{"a": "x"} {"a": "y"}',
        b"{'a': 'x'}",
        b'{"a": "\\ud800"}',
        b'{"a": "\\ud800", "b": 1}',
        b'{"a": "x"} // comment',
        b"a",
    ],
)
def test_what_is_not_json_is_malformed_and_spoils_no_other_row(check_ndjson, line):
    checked = check_ndjson(TEXT, b'{"a": "1"}\n' + line + b'\n{"a": 3}\n')
    assert checked.found == [(2, "", "malformed"), (3, "a", "type")]
    assert checked.error_count == 2


@pytest.mark.parametrize("line", [b"[1]", b'"a"', b"null", b"7"])
def test_a_row_is_a_json_object(check_ndjson, line):
    assert check_ndjson(TEXT, line).found == [(1, "", "type")]


def test_every_row_that_is_not_utf8_is_named_among_the_other_errors(check_ndjson):
    checked = check_ndjson(TEXT, b'{"a": 1}\n{"a": "\xff"}\n{"a": "\xc3\xa9"}\n\n{"a": "\xc3"}\n')
    assert checked.found == [(1, "a", "type"), (2, "", "encoding"), (4, "", "encoding")]
    assert "0xff" in checked.errors[1].message


def test_a_cell_of_sixteen_megabytes_comes_through_whole(check_ndjson):
    cell = "é" * (8 * 1024**2)
    checked = check_ndjson(TEXT, f'{{"a": "{cell}"}}\n{{"a": "small"}}\n'.encode())
    assert checked.errors == ()
    assert checked.cells == [cell, "small"]


def test_a_row_without_end_is_refused_before_it_fills_the_memory(check_ndjson):
    content = b'{"a": "1"}\n{"a": "' + b"x" * (LINE_BYTES + 2 * 1024**2)
    assert check_ndjson(TEXT, content).found == [(2, "", "malformed")]


def test_long_rows_are_cut_into_smaller_slices(tmp_path):
    line = b'{"a": "' + b"x" * 1024**2 + b'"}\n'
    rows = CHUNK_BYTES // len(line) * 2 + 4
    slices = list(JSONLines(io.BytesIO(line * rows), tmp_path).slices())
    assert len(slices) == 3
    assert [each.rows_before for each in slices] == sorted({each.rows_before for each in slices})


def test_slices_can_be_asked_for_again(tmp_path):
    source = JSONLines(GeneratedLines(SLICE_ROWS + 5, b'{"id": %d}\n'), tmp_path)
    assert [each.rows_before for each in source.slices()] == [0, SLICE_ROWS]
    assert [each.rows_before for each in source.slices()] == [0, SLICE_ROWS]


def test_rows_of_many_slices_keep_their_order_and_their_numbers(check_ndjson):
    row_count = SLICE_ROWS * 2 + 7
    checked = check_ndjson(ID, GeneratedLines(row_count, b'{"id": %d}\n'))
    parts = checked.conformed.parts
    assert [part.row_count for part in parts] == [SLICE_ROWS, SLICE_ROWS, 7]
    assert [(part.first_row_id, part.last_row_id) for part in parts] == [
        (1, SLICE_ROWS),
        (SLICE_ROWS + 1, 2 * SLICE_ROWS),
        (2 * SLICE_ROWS + 1, row_count),
    ]
    files = [str(part.path) for part in parts]
    assert duckdb.sql(f"SELECT count(*) FROM read_parquet({files}) WHERE id + 1 != _id").fetchone() == (0,)


def test_json_texts_may_be_spread_over_lines(check_source):
    assert check_source(ID, JSONRows(['\n{\r\n "id":\n 1 }\n', '\t{"id": 2}'])).cells == ["1", "2"]


def test_a_separator_of_records_inside_a_text_is_malformed_and_splits_nothing(check_source):
    assert check_source(TEXT, JSONRows(['{"a": "x\x1ey"}', '{"a": 1}'])).found == [
        (1, "", "malformed"),
        (2, "a", "type"),
    ]


@pytest.mark.parametrize("cell", ["x\x01\x02y", "x\x01", "x\x02"])
def test_control_characters_are_malformed_also_where_digits_are_guarded(check_rows, cell):
    attributes = [*TEXT, {"name": "b", "type": "number", "precision": 38, "scale": 19}]
    assert check_rows(attributes, f'{{"a": "{cell}", "b": 1.2345678901234567890}}').codes == ["malformed"]


def test_typed_columns_are_found_by_name_and_a_missing_one_is_null(check_source, tmp_path):
    path = tmp_path / "rows.parquet"
    duckdb.sql(f"COPY (SELECT 'x' AS a, 1 AS other) TO '{path}'")
    source = TypedColumns([(path, 1)], [("other", "INTEGER"), ("a", "VARCHAR")])
    assert check_source([*ID, *TEXT], source).rows == [(None, "x")]


def test_a_typed_column_of_another_kind_is_an_error_in_each_row_that_has_a_value(check_source, tmp_path):
    path = tmp_path / "rows.parquet"
    duckdb.sql(f"COPY (SELECT * FROM (VALUES ('x'), (NULL), ('y')) AS rows(id)) TO '{path}'")
    checked = check_source(ID, TypedColumns([(path, 3)], [("id", "VARCHAR")]))
    assert checked.found == [(1, "id", "type"), (3, "id", "type")]
    assert checked.errors[0].message == "id comes as VARCHAR; it must be a whole number"
