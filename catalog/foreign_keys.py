"""Foreign keys over Parts: rows that refer to nothing, and rows that refer to what goes. Pure: no Django.

Rows are given as SQL. Only distinct keys are held in memory, and DuckDB puts those on disk where they are too many.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import duckdb

from catalog import engine
from catalog.engine import quote_name
from catalog.keys import NUMBER
from catalog.row_errors import ERRORS_LISTED, RowError, json_value, shown
from catalog.schema import ForeignKey, Schema

ROWS_SHOWN = 5


def key_columns(names: Sequence[str], relation: str) -> str:
    """A SELECT of these attributes as k0, k1, ... of the rows that have them all."""
    columns = ", ".join(f"{quote_name(name)} AS k{place}" for place, name in enumerate(names))
    whole = " AND ".join(f"{quote_name(name)} IS NOT NULL" for name in names)
    return f"SELECT {columns} FROM ({relation}) WHERE {whole}"


def _letters(count: int) -> str:
    return ", ".join(f"k{place}" for place in range(count))


def unmatched(
    schema: Schema, key: ForeignKey, fresh: str, there: str, limit: int = ERRORS_LISTED, is_serial: bool = False
) -> tuple[list[RowError], int]:
    """Rows that refer to nothing: the first `limit`, and how many there are.

    fresh: SQL of the rows that are written, with their NUMBER in the input. there: SQL of the keys that there are
    (see `key_columns`).
    """
    letters = _letters(len(key.fields))
    wanted = f"SELECT DISTINCT {letters} FROM ({key_columns(key.fields, fresh)})"
    # First what is there of what is wanted: that reads the larger side once and holds only the smaller.
    found = f"SELECT DISTINCT {letters} FROM ({there}) SEMI JOIN ({wanted}) USING ({letters})"
    missing = f"SELECT {letters} FROM ({wanted}) ANTI JOIN ({found}) USING ({letters})"
    with engine.cursor(is_serial=is_serial) as connection:
        if not _count(connection, missing):
            return [], 0
        connection.execute(f"CREATE TEMP TABLE missing AS {missing}")
        pairs = " AND ".join(f"fresh.{quote_name(name)} = missing.k{place}" for place, name in enumerate(key.fields))
        late = f"FROM ({fresh}) AS fresh SEMI JOIN missing ON {pairs}"
        cells = ", ".join(f"CAST({quote_name(name)} AS VARCHAR)" for name in key.fields)
        count = _count(connection, f"SELECT {NUMBER} {late}")
        listed = connection.execute(f"SELECT {NUMBER}, {cells} {late} ORDER BY {NUMBER} LIMIT {limit}").fetchall()
    return [_error(schema, key, number, found) for number, *found in listed], count


def _count(connection: duckdb.DuckDBPyConnection, select: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM ({select})").fetchone()
    return int(row[0]) if row else 0


def _error(schema: Schema, key: ForeignKey, row: int, cells: Sequence[str]) -> RowError:
    values = {name: json_value(schema.attribute(name), cell) for name, cell in zip(key.fields, cells, strict=True)}
    listed = ", ".join(f"{name} {shown(cell)}" for name, cell in zip(key.fields, cells, strict=True))
    attribute = key.fields[0] if len(key.fields) == 1 else ""
    fields = ", ".join(key.reference_fields)
    place = f"the table {key.table!r} of {key.object or 'this object'}" if key.table else key.object or "this object"
    message = f"{listed} refers to nothing: no row of {place} has this {fields}"
    return RowError(
        row, attribute, "foreign_key", message, values[attribute] if attribute else values, key.definition()
    )


def lost_keys(gone: str, left: Sequence[str], count: int) -> str:
    """SQL of the keys of rows that go and stand nowhere else; all as k0, k1, ...

    gone: SQL of the keys that go. left: SQL of those that stay, the fewest first.
    """
    letters = _letters(count)
    lost = f"SELECT DISTINCT {letters} FROM ({gone})"
    for relation in left:
        found = f"SELECT DISTINCT {letters} FROM ({relation}) SEMI JOIN ({lost}) USING ({letters})"
        lost = f"SELECT {letters} FROM ({lost}) ANTI JOIN ({found}) USING ({letters})"
    return lost


def referring_rows(
    schema: Schema, key: ForeignKey, tables: Mapping[str, str], lost: str
) -> list[tuple[str, int, list[dict[str, Any]]]]:
    """Which rows refer to lost keys: per Table how many, and the first few with their `_id` and their key.

    tables: SQL of the rows of each Table that may refer, by any identity. lost: SQL of lost keys (`lost_keys`).
    """
    found: list[tuple[str, int, list[dict[str, Any]]]] = []
    with engine.cursor() as connection:
        connection.execute(f"CREATE TEMP TABLE lost AS {lost}")
        if not tables or not _count(connection, "SELECT * FROM lost"):
            return found
        pairs = " AND ".join(f"child.{quote_name(name)} = lost.k{place}" for place, name in enumerate(key.fields))
        cells = ", ".join(f"CAST({quote_name(name)} AS VARCHAR)" for name in key.fields)
        for identity, relation in tables.items():
            rows = f"FROM ({relation}) AS child SEMI JOIN lost ON {pairs}"
            count = _count(connection, f"SELECT _id {rows}")
            if count:
                first = connection.execute(f"SELECT _id, {cells} {rows} ORDER BY _id LIMIT {ROWS_SHOWN}").fetchall()
                found.append((identity, count, [_row(schema, key, row_id, values) for row_id, *values in first]))
    return found


def _row(schema: Schema, key: ForeignKey, row_id: int, cells: Sequence[str]) -> dict[str, Any]:
    values = {name: json_value(schema.attribute(name), cell) for name, cell in zip(key.fields, cells, strict=True)}
    return {"_id": row_id, **values}
