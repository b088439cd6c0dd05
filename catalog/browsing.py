"""Looking at the rows of a TableVersion: a page, a count, a stream. What to look for is said in catalog.queries."""

from collections.abc import Iterator
from typing import Any, Final

import duckdb

from catalog import engine
from catalog.models import TableVersion
from catalog.parts import rows_sql
from catalog.queries import RowQuery
from catalog.reading import part_paths, read, version_digests, with_parts

COUNT_LIMIT: Final = 10_000
FETCHED_ROWS: Final = 2_000


def page(version: TableVersion, query: RowQuery, limit: int, offset: int = 0) -> list[dict[str, Any]]:
    """At most `limit` rows, each attribute name -> int, float, Decimal, bool, str or None; times as ISO 8601 text."""
    names = [attribute.name for attribute in query.attributes]

    def fetch(connection: duckdb.DuckDBPyConnection, relation: str) -> list[dict[str, Any]]:
        rows = connection.execute(*query.rows(relation, limit, offset)).fetchall()
        return [dict(zip(names, cells, strict=True)) for cells in rows]

    return read(version, fetch)


def count(version: TableVersion, query: RowQuery, at_most: int | None = COUNT_LIMIT) -> tuple[int, bool]:
    """How many rows there are, and whether counting ended early; None counts them all."""
    if not query.conditions:
        found = version.row_count
    else:
        ceiling = None if at_most is None else at_most + 1
        found = read(version, lambda connection, relation: _number(connection, *query.count(relation, ceiling)))
    return (found, False) if at_most is None or found <= at_most else (at_most, True)


def row_ids(version: TableVersion, query: RowQuery, at_most: int) -> list[int]:
    """The `_id`s of the first rows, at most so many."""

    def fetch(connection: duckdb.DuckDBPyConnection, relation: str) -> list[int]:
        return [row_id for (row_id,) in connection.execute(*query.row_ids(relation, at_most)).fetchall()]

    return read(version, fetch)


def stream(version: TableVersion, query: RowQuery) -> Iterator[bytes]:
    """All rows as NDJSON, Part by Part: what is held in memory is one Part's rows, whatever the size of the Table."""
    for digest in version_digests(version):
        yield from _part_lines(digest, version, query)


def _part_lines(digest: str, version: TableVersion, query: RowQuery) -> Iterator[bytes]:
    schema = version.object_version.schema
    with engine.cursor() as connection:
        with_parts(
            lambda: [digest],
            lambda: connection.execute(*query.lines(rows_sql(part_paths([digest]), schema.columns))),
        )
        while rows := connection.fetchmany(FETCHED_ROWS):
            yield ("\n".join(line for (line,) in rows) + "\n").encode()


def _number(connection: duckdb.DuckDBPyConnection, sql: str, parameters: dict[str, Any]) -> int:
    row = connection.execute(sql, parameters).fetchone()
    return int(row[0]) if row else 0
