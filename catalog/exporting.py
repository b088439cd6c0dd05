"""Rows as a stream in a format, a slice of a Part at a time: memory doesn't grow with the Table."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

import duckdb

from catalog import engine
from catalog.formats import PartReader, RowFormat, WritingOptions
from catalog.formats.writing import Query
from catalog.models import TableVersion
from catalog.queries import RowQuery
from catalog.reading import with_parts
from catalog.rows import PartRange, Rows, VersionRows
from catalog.sources import slice_rows

SLICE_ROWS = 20_480
Answer = TypeVar("Answer")


def export(
    version: TableVersion,
    row_format: RowFormat,
    with_ids: bool = False,
    options: WritingOptions | None = None,
    masked: frozenset[str] = frozenset(),
) -> Iterator[bytes]:
    """All rows of a version in a format; `with_ids` adds `_id` before the rest; what is masked is null."""
    rows = VersionRows(version, masked=masked)
    query = RowQuery(rows.schema)
    attributes = query.attributes if with_ids else rows.schema.attributes
    return row_format.blocks(
        part_readers(rows, query), attributes, rows.schema.missing_values, options or WritingOptions()
    )


def stream(
    rows: Rows,
    query: RowQuery,
    row_format: RowFormat,
    options: WritingOptions | None = None,
    limit: int | None = None,
) -> Iterator[bytes]:
    """The rows that a query wants, with its attributes, in a format.

    In the order of `_id` the first block comes at once, whatever the size of the Table; another order, or a limit on
    the number of rows, sorts first, on disk where memory does not do.
    """
    is_sorted = bool(query.ordering) or limit is not None
    readers = _sorted_readers(rows, query, limit) if is_sorted else part_readers(rows, query)
    return row_format.blocks(readers, query.attributes, rows.schema.missing_values, options or WritingOptions())


def enveloped(lines: Iterator[bytes]) -> Iterator[bytes]:
    """NDJSON with a last line that tells how many rows there were, and the SHA-256 of all bytes before it."""
    digest, row_count = hashlib.sha256(), 0
    for block in lines:
        digest.update(block)
        row_count += block.count(b"\n")
        yield block
    yield json.dumps({"_end": True, "rows": row_count, "sha256": digest.hexdigest()}).encode() + b"\n"


def part_readers(rows: Rows, query: RowQuery) -> Iterator[PartReader]:
    """The wanted rows, Part by Part, in the order of the Parts; a few first, so that a reader need not wait."""
    for number, part in enumerate(rows.parts):
        if number == 0 and part.row_count > SLICE_ROWS:
            border = part.first_row_id + SLICE_ROWS
            yield _Reader(rows, query, part, f"_id < {border}")
            yield _Reader(rows, query, part, f"_id >= {border}")
        else:
            yield _Reader(rows, query, part)


@dataclass(frozen=True)
class _Reader:
    """The wanted rows of one Part, or of those that also meet a condition in SQL."""

    rows: Rows
    query: RowQuery
    part: PartRange
    condition: str = "true"

    def __call__(self, query: Query[Answer]) -> Answer:
        def work() -> Answer:
            some = f"SELECT * FROM ({self.rows.relation([self.part])}) WHERE {self.condition}"
            relation, parameters = self.query.filtered(some)
            with engine.cursor() as connection:
                return query(connection, relation, parameters)

        return with_parts(lambda: [self.part.digest], work)


def _sorted_readers(rows: Rows, query: RowQuery, limit: int | None) -> Iterator[PartReader]:
    """The wanted rows in their order, from a temporary table of this stream's own."""
    with engine.cursor() as connection:

        def sort() -> int:
            sql, parameters = query.sorted(rows.relation(rows.parts), limit)
            connection.execute(f"CREATE OR REPLACE TEMP TABLE sorted AS {sql}", parameters)
            row = connection.execute("SELECT count(*) FROM sorted").fetchone()
            return int(row[0]) if row else 0

        row_count = with_parts(lambda: [part.digest for part in rows.parts], sort)
        step = min(SLICE_ROWS, slice_rows(len(query.attributes)))
        for start in range(0, row_count, step):
            yield _SortedReader(connection, start, start + step)


@dataclass(frozen=True)
class _SortedReader:
    """Some of the sorted rows, from a place to another."""

    connection: duckdb.DuckDBPyConnection
    start: int
    end: int

    def __call__(self, query: Query[Answer]) -> Answer:
        window = f"rowid >= {self.start} AND rowid < {self.end}"
        return query(self.connection, f"SELECT * FROM sorted WHERE {window} ORDER BY rowid", {})
