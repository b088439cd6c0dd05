"""Records of a CSV, cut into cells by DuckDB and stored as text in Parquet, faults included. Pure: no Django.

DuckDB keeps what it can't cut in a table of rejects, by the number of the record; here these go back to their places.
It takes empty cells beyond the last column for nothing; here they are too many cells.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from catalog import engine
from catalog.engine import quote_text
from catalog.sources import SLICE_ROWS

ORDERED = f"(FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE {SLICE_ROWS})"
# Where one thread reads, the rows keep their order anyway; to be made to keep it costs memory without end.
AS_READ = f"(FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE {SLICE_ROWS}, PRESERVE_ORDER false)"


@dataclass(frozen=True)
class RecordsFile:
    """A file of records, in cells of `column_count` columns.

    has_header: whether the first record is the header. has_open_ends: whether a record may end in a comma.
    """

    path: Path
    column_count: int
    missing_values: Sequence[str]
    has_header: bool
    has_open_ends: bool


def stage(text: RecordsFile, parquet: Path) -> int:
    """Store the rows of a file of records as columns h0, h1, ... and `fault`; returns their number.

    A row that can't be cut has null cells and, in `fault`, JSON with `kind` (DuckDB's word), `text` and `cells`
    (how many were found). Where a record ends in a comma there may be cells too many that are empty: only then a
    second pass looks for them.
    """
    with engine.cursor() as connection:
        records = _records(text, text.column_count, text.missing_values, "rejects")
        connection.execute(
            f"COPY (SELECT *, CAST(NULL AS VARCHAR) AS fault FROM {records}) TO {quote_text(str(parquet))} {AS_READ}"
        )
        connection.execute(
            f"CREATE TEMP TABLE rejected AS SELECT {_number(text)} AS number, "
            "first(CAST(error_type AS VARCHAR)) AS kind, first(csv_line) AS text, "
            "first(regexp_extract(error_message, 'Found: ([0-9]+)', 1)) AS cells "
            "FROM rejects GROUP BY line"
        )
        rejected = _count(connection, "rejected")
        row_count = _count(connection, f"read_parquet({quote_text(str(parquet))})") + rejected
        long_rows = _find_long_rows(connection, text, row_count) if text.has_open_ends else 0
        if rejected or long_rows:
            _put_back_rejected(connection, parquet, row_count, has_long_rows=long_rows > 0)
        return row_count


def _number(text: RecordsFile) -> str:
    """SQL of a rejected row's number; the header is the first line of the rejects."""
    return f"line - {int(text.has_header)}"


def _records(
    text: RecordsFile, column_count: int, missing_values: Sequence[str], rejects: str, options: str = ""
) -> str:
    """SQL that reads the records; those that can't be read go to the table `rejects`."""
    columns = ", ".join(f"'h{place}': 'VARCHAR'" for place in range(column_count))
    # Where nothing means missing, a text means it that stands in no file.
    missing = ", ".join(quote_text(value) for value in missing_values or [secrets.token_hex(16)])
    longest = max(text.path.stat().st_size + 1, 1024)
    return (
        f"read_csv({quote_text(str(text.path))}, columns = {{{columns}}}, auto_detect = false, "
        f"header = {str(text.has_header).lower()}, "
        f"delim = ',', quote = '\"', escape = '\"', new_line = '\\n', nullstr = [{missing}], {options}"
        "allow_quoted_nulls = false, store_rejects = true, rejects_limit = 0, "
        f"rejects_table = '{rejects}', rejects_scan = '{rejects}_scans', "
        # In parallel, a line break inside quotes may be taken for the end of a record.
        f"parallel = false, max_line_size = {longest}, buffer_size = {longest * 2 + 64})"
    )


def _find_long_rows(connection: duckdb.DuckDBPyConnection, text: RecordsFile, row_count: int) -> int:
    """Find rows with empty cells beyond the last column: read with a column more, where nothing is empty text."""
    records = _records(text, text.column_count + 1, (), "long_rejects", "null_padding = true, ")
    connection.execute(
        f"CREATE TEMP TABLE lengths AS SELECT h{text.column_count} IS NOT NULL AS is_long, "
        f"row_number() OVER () - 1 AS place FROM {records}"
    )
    if not _count(connection, "(SELECT 1 FROM lengths WHERE is_long)"):
        return 0
    numbered = _numbered(row_count, f"SELECT {_number(text)} AS number FROM long_rejects")
    connection.execute(
        f"CREATE TEMP TABLE long_rows AS SELECT number FROM lengths JOIN ({numbered}) USING (place) "
        "WHERE is_long AND number NOT IN (SELECT number FROM rejected)"
    )
    return _count(connection, "long_rows")


def _numbered(row_count: int, rejected: str) -> str:
    """SQL of the row numbers that weren't rejected, each with its place (from 0) among the rows that were read."""
    return (
        "SELECT number, row_number() OVER (ORDER BY number) - 1 AS place "
        f"FROM (SELECT range + 1 AS number FROM range({row_count})) WHERE number NOT IN ({rejected})"
    )


def _put_back_rejected(
    connection: duckdb.DuckDBPyConnection, parquet: Path, row_count: int, has_long_rows: bool
) -> None:
    """Put the rejected records in their places between the rows."""
    fault = "CAST(to_json({kind: kind, text: text, cells: cells}) AS VARCHAR)"
    faults = f"SELECT number, {fault} AS fault FROM rejected"
    if has_long_rows:
        long_row = '{"kind": "TOO MANY COLUMNS", "text": null}'
        faults += f" UNION ALL SELECT number, {quote_text(long_row)} AS fault FROM long_rows"
    rows = f"read_parquet({quote_text(str(parquet))}, file_row_number = true)"
    whole = parquet.with_suffix(".whole")
    connection.execute(
        "COPY (SELECT rows.* EXCLUDE (file_row_number, fault), faults.fault AS fault "
        f"FROM (SELECT range + 1 AS number FROM range({row_count})) AS numbers "
        f"LEFT JOIN ({faults}) AS faults USING (number) "
        f"LEFT JOIN ({_numbered(row_count, 'SELECT number FROM rejected')}) AS kept USING (number) "
        f"LEFT JOIN {rows} AS rows ON rows.file_row_number = kept.place ORDER BY number) "
        f"TO {quote_text(str(whole))} {ORDERED}"
    )
    whole.replace(parquet)


def _count(connection: duckdb.DuckDBPyConnection, relation: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM {relation}").fetchone()
    return int(row[0]) if row else 0
