"""Parquet files as sources of rows."""

import io
from pathlib import Path
from typing import Any

import duckdb
import pytest

from catalog.conformance import Conformed, Destination, conform
from catalog.formats.columnar import ParquetRows
from catalog.schema import Schema
from catalog.sources import MalformedError


def parquet(select: str, directory: Path, options: str = "") -> bytes:
    path = directory / "made.parquet"
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"COPY ({select}) TO '{path}' (FORMAT parquet{options})")
    return path.read_bytes()


def read(content: bytes, directory: Path, types: dict[str, Any], **more: Any) -> Conformed:
    attributes = [{"name": name, **({"type": of} if isinstance(of, str) else of)} for name, of in types.items()]
    schema = Schema.from_definition({"attributes": attributes, **more})
    return conform(ParquetRows(io.BytesIO(content), directory), schema, Destination(directory))


def row_of(conformed: Conformed) -> tuple[Any, ...]:
    assert conformed.report is None, conformed.report
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        path = conformed.parts[0].path
        sql = f"SELECT CAST(COLUMNS(* EXCLUDE (_id, _version)) AS VARCHAR) FROM read_parquet('{path}')"
        return connection.execute(sql).fetchone() or ()


CASES = [
    ("7::UTINYINT", "integer", "7"),
    ("7::UBIGINT", "integer", "7"),
    ("7.0::DOUBLE", "integer", "7"),
    ("2.50::DECIMAL(38,10)", {"type": "number", "precision": 12, "scale": 2}, "2.50"),
    ("0.5::FLOAT", "number", "0.5"),
    ("'x'::ENUM('x', 'y')", "string", "x"),
    ("'5b0fb2a6-8a4e-4c39-b6ee-3b8f1a2b6f01'::UUID", "string", "5b0fb2a6-8a4e-4c39-b6ee-3b8f1a2b6f01"),
    ("DATE '2026-01-31'", "date", "2026-01-31"),
    ("TIMESTAMP_NS '2026-01-31 12:30:00.000001'", "datetime", "2026-01-31 12:30:00.000001"),
    ("TIMESTAMP_S '2026-01-31 12:30:00'", "datetime", "2026-01-31 12:30:00"),
    ("TIMESTAMPTZ '2026-01-31 12:30:00+02'", {"type": "datetime", "timezone": True}, "2026-01-31 10:30:00+00"),
    ("TIME '12:30:00'", "time", "12:30:00"),
    ("[1, 2]", "array", "[1,2]"),
    ("[1, 2]", {"type": "list", "itemType": "integer"}, "[1,2]"),
    ("{'a': [1, NULL], 'b': {'c': 'd'}}", "object", '{"a":[1,null],"b":{"c":"d"}}'),
    ("MAP {'a': 1}", "object", '{"a":1}'),
    ("'[1]'::JSON", "array", "[1]"),
]


@pytest.mark.parametrize(("value", "of", "stored"), CASES)
def test_a_column_is_taken_as_its_attribute(tmp_path: Path, value: str, of: Any, stored: str) -> None:
    assert row_of(read(parquet(f"SELECT {value} AS a", tmp_path), tmp_path, {"a": of})) == (stored,)


@pytest.mark.parametrize(
    ("value", "of"),
    [
        ("18446744073709551615::UBIGINT", "integer"),
        ("7.5", "integer"),
        ("2.555", {"type": "number", "precision": 12, "scale": 2}),
        ("'NaN'::DOUBLE", "number"),
        ("TIMESTAMP_NS '2026-01-31 12:30:00.000000001'", "datetime"),
        ("TIMESTAMP '2026-01-31 12:30:00'", {"type": "datetime", "timezone": True}),
        ("'x'::BLOB", "string"),
        ("[1]", "object"),
        ("['a']", {"type": "list", "itemType": "integer"}),
        ("5", "string"),
    ],
)
def test_a_value_that_would_change_is_refused(tmp_path: Path, value: str, of: Any) -> None:
    report = read(parquet(f"SELECT {value} AS a", tmp_path), tmp_path, {"a": of}).report
    assert report is not None
    assert [(error.row, error.attribute) for error in report.errors] == [(1, "a")]
    assert report.errors[0].code in {"type", "out_of_range"}


def test_columns_go_by_name_and_tell_their_types(tmp_path: Path) -> None:
    content = parquet("SELECT 'x' AS b, 1 AS a, 2 AS \"c d\"", tmp_path)
    source = ParquetRows(io.BytesIO(content), tmp_path)
    assert source.columns == [("b", "VARCHAR"), ("a", "INTEGER"), ("c d", "INTEGER")]
    assert source.names() == ["b", "a", "c d"]
    assert row_of(read(content, tmp_path, {"a": "integer", "b": "string"}, fieldsMatch="subset")) == ("1", "x")
    report = read(content, tmp_path, {"a": "integer", "e": "string"}).report
    assert report is not None
    assert [(error.attribute, error.code) for error in report.errors] == [
        ("b", "unknown_attribute"),
        ("c d", "unknown_attribute"),
        ("e", "missing_attribute"),
    ]


def test_more_rows_than_a_slice_keep_their_order(tmp_path: Path) -> None:
    content = parquet("SELECT range AS a FROM range(130000)", tmp_path, ", ROW_GROUP_SIZE 5000")
    conformed = read(content, tmp_path, {"a": "integer"})
    assert [part.row_count for part in conformed.parts] == [122_880, 7_120]
    files = ", ".join(f"'{part.path}'" for part in conformed.parts)
    with duckdb.connect() as connection:
        assert connection.execute(f"SELECT count(*) FROM read_parquet([{files}]) WHERE a + 1 <> _id").fetchone() == (0,)


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    sound = parquet("SELECT range AS a, 'text ' || range AS b FROM range(5000)", tmp_path)
    damaged = [
        b"PAR1",
        b"PAR1PAR1",
        b"PAR1" + b"\xff" * 100 + b"PAR1",
        sound[:-9],
        sound[:-8] + b"\xff\xff\xff\x7fPAR1",
        sound[:100] + b"\x99" * 300 + sound[400:],
        *(
            sound[:-place] + bytes([sound[-place] ^ 0xFF]) + sound[len(sound) - place + 1 :]
            for place in range(9, 200, 12)
        ),
    ]
    refused = 0
    for content in damaged:
        try:
            ParquetRows(io.BytesIO(content), tmp_path).names()
        except MalformedError as error:
            refused += 1
            assert str(tmp_path) not in str(error)
    assert refused >= 6  # some bytes of a footer mean nothing to the reader


@pytest.mark.parametrize("compression", ["zstd", "uncompressed"])
def test_a_parquet_bomb_ends_at_the_limit(tmp_path: Path, compression: str) -> None:
    bomb = parquet("SELECT repeat('x', 100) || range AS a FROM range(200000)", tmp_path, f", COMPRESSION {compression}")
    with pytest.raises(MalformedError, match="MB; 1 MB are the limit"):
        ParquetRows(io.BytesIO(bomb), tmp_path, limit_bytes=1024**2).names()
    assert list(tmp_path.rglob("staged*")) == []
