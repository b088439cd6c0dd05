"""Keys over Parts: rows whose key stands more than once. Pure: no Django."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb

from catalog import engine
from catalog.attributes import Key, Schema
from catalog.conformance import Conformed, Destination, conform, with_lines
from catalog.engine import quote_name, quote_text
from catalog.parts import rows_sql
from catalog.row_errors import ERRORS_LISTED, Report, RowError, json_value, shown
from catalog.sources import Source


def conform_with_keys(
    source: Source, schema: Schema, destination: Destination, workers: int = 2, old: Sequence[Path] = ()
) -> Conformed:
    """`conform`, and no key of the rows stands twice among them and in the Parts that are there: one report of all.

    A row that is at fault otherwise is looked at too; a cell of its key that can't be read exempts it.
    """
    conformed = conform(source, schema, destination, workers)
    if not conformed.parts:
        return conformed
    first = destination.first_row_id
    changed = f"SELECT unnest(range({first}, {first + conformed.row_count}))" if old else None
    paths = [*old, *(part.path for part in conformed.parts)]
    errors, total = key_errors(schema, paths, f"_id - {first} + 1", changed)
    if not total:
        return conformed
    if conformed.report:
        errors = sorted([*conformed.report.errors, *errors], key=lambda error: error.row)[:ERRORS_LISTED]
        total += conformed.report.error_count
    report = with_lines(Report(tuple(errors), total, conformed.row_count), source)
    return Conformed(conformed.parts, conformed.row_count, report)


def key_errors(
    schema: Schema, paths: Sequence[Path], row_number: str, changed: str | None = None
) -> tuple[list[RowError], int]:
    """Rows that repeat a key of the schema: the first ERRORS_LISTED, and how many there are.

    paths: all Parts of the Table as it would be. changed: SQL for the `_id`s of the rows that are being written; only
    these can be in error, and only their keys are looked up; None means all rows. row_number: SQL that gives a row's
    number in the input from its `_id`. Of rows with the same key, the first is right, or one that was there before.
    """
    errors: list[RowError] = []
    total = 0
    keys = list(schema.keys())
    if not keys:
        return errors, total
    with engine.cursor() as connection:
        for key in keys:
            for group in [paths] if changed else _groups(connection, paths, key):
                relation = rows_sql(group, schema.columns)
                found, count = _repeated(connection, schema, key, relation, row_number, changed)
                errors = sorted(errors + found, key=lambda error: error.row)[:ERRORS_LISTED]
                total += count
    return errors, total


def _groups(connection: duckdb.DuckDBPyConnection, paths: Sequence[Path], key: Key) -> Iterator[list[Path]]:
    """The Parts in groups whose ranges of the key's first attribute don't meet: no key can stand in two groups.

    A key that grows with the rows, the common case, so costs the memory of one Part and not of the whole Table.
    """
    if len(paths) < 2:
        yield list(paths)
        return
    name, files = quote_name(key.names[0]), ", ".join(quote_text(str(path)) for path in paths)
    ranges = connection.execute(
        "SELECT file_index, coalesce(lowest > max(highest) OVER (ORDER BY lowest, file_index "
        "ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), false) FROM (SELECT file_index, min(cell) AS lowest, "
        f"max(cell) AS highest FROM (SELECT {name} AS cell, list_position([{files}], filename) AS file_index "
        f"FROM read_parquet([{files}], filename = true)) WHERE cell IS NOT NULL GROUP BY file_index) "
        "ORDER BY lowest, file_index"
    ).fetchall()
    group: list[Path] = []
    for index, is_apart in ranges:
        if is_apart:
            yield group
            group = []
        group.append(paths[index - 1])
    if group:
        yield group


def _repeated(
    connection: duckdb.DuckDBPyConnection,
    schema: Schema,
    key: Key,
    relation: str,
    row_number: str,
    changed: str | None,
) -> tuple[list[RowError], int]:
    names = ", ".join(quote_name(name) for name in key.names)
    whole = " AND ".join(f"{quote_name(name)} IS NOT NULL" for name in key.names)
    written = f"_id IN ({changed})" if changed else "true"
    wanted = f" AND ({names}) IN (SELECT ({names}) FROM ({relation}) WHERE {written})" if changed else ""
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE twice AS SELECT {names} FROM ({relation}) WHERE {whole}{wanted} "
        f"GROUP BY {names} HAVING count(*) > 1"
    )
    row = connection.execute("SELECT count(*) FROM twice").fetchone()
    if not row or not row[0]:
        return [], 0
    ranked = (
        f"SELECT {row_number} AS number, {names}, {written} AS written, "
        f"row_number() OVER (PARTITION BY {names} ORDER BY {written}, _id) AS place "
        f"FROM ({relation}) SEMI JOIN twice USING ({names})"
    )
    late = f"FROM ({ranked}) WHERE written AND place > 1"
    count = connection.execute(f"SELECT count(*) {late}").fetchone()
    cells = ", ".join(f"CAST({quote_name(name)} AS VARCHAR)" for name in key.names)
    listed = connection.execute(f"SELECT number, {cells} {late} ORDER BY number LIMIT {ERRORS_LISTED}").fetchall()
    return [_error(schema, key, number, found) for number, *found in listed], int(count[0]) if count else 0


def _error(schema: Schema, key: Key, row: int, cells: Sequence[str]) -> RowError:
    attribute = key.names[0] if len(key.names) == 1 else ""
    values = {name: json_value(schema.attribute(name), cell) for name, cell in zip(key.names, cells, strict=True)}
    listed = ", ".join(f"{name} {shown(cell)}" for name, cell in zip(key.names, cells, strict=True))
    value = values[attribute] if attribute else values
    return RowError(row, attribute, key.code, f"Another row already has {listed}", value, list(key.names))
