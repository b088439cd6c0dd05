"""A JSON array as a source of rows."""

import io
from pathlib import Path

import duckdb
import pytest

from catalog.conformance import Conformed, Destination, conform
from catalog.formats import JSONArray
from catalog.schema import Schema

SCHEMA = Schema.from_definition(
    {
        "attributes": [
            {"name": "id", "type": "integer"},
            {"name": "price", "type": "number", "precision": 38, "scale": 10},
            {"name": "name", "type": "string"},
        ]
    }
)


def read(text: bytes, directory: Path) -> Conformed:
    staging = directory / "staging"
    staging.mkdir(exist_ok=True)
    return conform(JSONArray(io.BytesIO(text), staging), SCHEMA, Destination(directory))


def errors(conformed: Conformed) -> list[tuple[int, str, str]]:
    assert conformed.report is not None
    return [(error.row, error.attribute, error.code) for error in conformed.report.errors]


def test_members_are_rows_and_decimals_keep_their_digits(tmp_path: Path) -> None:
    text = '\ufeff [ {"id": 1, "price": 1234567890123456789012345678.0123456789, "name": "é\\n"},\n{"id": 2} ]'
    conformed = read(text.encode(), tmp_path)
    found = duckdb.sql(f"SELECT id, price::VARCHAR, name FROM read_parquet('{conformed.parts[0].path}')").fetchall()
    assert found == [(1, "1234567890123456789012345678.0123456789", "é\n"), (2, None, None)]


def test_an_empty_array_has_no_rows(tmp_path: Path) -> None:
    assert read(b" [ ]\n", tmp_path).row_count == 0


def test_members_are_checked_as_rows(tmp_path: Path) -> None:
    text = b'[{"id": "1"}, {"id": 1, "id": 2}, {"nme": "x"}, 5, [1], null]'
    assert errors(read(text, tmp_path)) == [
        (1, "id", "type"),
        (2, "id", "duplicate_attribute"),
        (3, "nme", "unknown_attribute"),
        (4, "", "type"),
        (5, "", "type"),
        (6, "", "type"),
    ]


@pytest.mark.parametrize("text", [b"", b" \n", b'{"id": 1}', b'{"id": 1}\n{"id": 2}\n', b"x"])
def test_what_is_no_array_is_refused_with_what_was_expected(tmp_path: Path, text: bytes) -> None:
    conformed = read(text, tmp_path)
    assert errors(conformed) == [(0, "", "malformed")]
    assert conformed.report is not None
    assert "a JSON array of objects was expected" in conformed.report.errors[0].message


@pytest.mark.parametrize(
    ("text", "row"),
    [
        (b'[{"id": 1}, {"id": }, {"id": 3}]', 2),
        (b'[{"id": 1}, {"id": 2} {"id": 3}]', 3),
        (b'[{"id": 1}, {"id": 2}', 3),
        (b'[{"id": 1}] x', 2),
        (b'[{"id": 1},]', 2),
    ],
)
def test_an_array_that_breaks_off_is_refused_with_its_row(tmp_path: Path, text: bytes, row: int) -> None:
    assert errors(read(text, tmp_path)) == [(row, "", "malformed")]


def test_invalid_utf_8_is_named_with_its_line(tmp_path: Path) -> None:
    conformed = read(b'[{"id": 1},\n{"name": "\xff"}]', tmp_path)
    assert conformed.report is not None
    [error] = conformed.report.errors
    assert (error.code, error.line) == ("encoding", 2)


@pytest.mark.parametrize(
    "text", [b'{"rows": [{"id": 1}, {"id": 2}]}', b'\xef\xbb\xbf\n{\n"rows" :\t[{"id":1},{"id":2}]\n}\n\n']
)
def test_an_object_with_rows_is_taken_for_its_rows(tmp_path: Path, text: bytes) -> None:
    conformed = read(text, tmp_path)
    assert (conformed.row_count, conformed.report) == (2, None)


@pytest.mark.parametrize(
    "text",
    [
        b'{"rows": [{"id": 1}]',
        b'{"rows": [{"id": 1}}',
        b'{"rows": [{"id": 1}], "more": 1}',
        b'{"rows": [',
        b'{"rows": 1}',
    ],
)
def test_an_object_that_is_not_just_its_rows_is_refused(tmp_path: Path, text: bytes) -> None:
    assert {code for _, _, code in errors(read(text, tmp_path))} == {"malformed"}


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        (b"NaN", "type"),
        (b"Infinity", "type"),
        (b"1.5", "type"),
        (b'"1"', "type"),
        (b"[" * 2000 + b"]" * 2000, ""),
    ],
)
def test_what_is_no_json_or_of_another_type_is_refused(tmp_path: Path, cell: bytes, code: str) -> None:
    found = errors(read(b'[{"id": ' + cell + b"}]", tmp_path))
    assert found
    assert not code or found[0][2] == code


def test_a_cell_of_16_mb_is_taken(tmp_path: Path) -> None:
    conformed = read(b'[{"name": "' + b"x" * 16 * 1024**2 + b'"}, {"id": 2}]', tmp_path)
    assert (conformed.row_count, conformed.report) == (2, None)
